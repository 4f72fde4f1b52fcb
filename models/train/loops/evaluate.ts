/** Figures for the loop model's card: `npx tsx models/train/loops/evaluate.ts MODEL.gguf`, on loops that training never saw. */
import { comparePrograms, type Host, loadHost, type ModuleProgram } from '../../../ebpf/index.ts';
import { proveEquivalent, stopSolver } from '../../../ebpf/prover/index.ts';
import { type Answerer, askAboutLoops, CONTEXT_WORDS, ModelRunner, resolveModel } from '../../index.ts';
import { heldLoopSets } from './held.ts';
import type { LoopPair } from './pair.ts';

/** Loops of each set that are asked about. */
const MOST = 100;
const RUNS = 24;
const PROOF_MS = 5000;

type Outcome = 'proven' | 'different' | 'unknown' | 'nothing that agrees';

const outcomeOf = async (host: Host, program: ModuleProgram, answer: Answerer): Promise<Outcome> => {
  for await (const { programs } of askAboutLoops(program.code, answer)) {
    const code = programs.find((c) => {
      const candidate = { ...program, code: c };
      return host.verify(candidate).ok && comparePrograms(host, program, candidate, { runs: RUNS }).same;
    });
    if (!code) continue;
    const { hook, maps } = program;
    return (await proveEquivalent(program.code, code, { hook, maps, timeoutMs: PROOF_MS })).verdict;
  }
  return 'nothing that agrees';
};

const measure = async (answer: Answerer, name: string, pairs: readonly LoopPair[]) => {
  const host = await loadHost();
  const some = pairs.filter((_, i) => i % Math.ceil(pairs.length / MOST) === 0);
  const counts = new Map<Outcome, number>();
  for (const { program } of some) {
    const outcome = await outcomeOf(host, program, answer);
    counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  }
  const text = [...counts].map(([outcome, n]) => `${outcome} ${((n * 100) / some.length).toFixed(1)} %`);
  process.stdout.write(`${name}: ${some.length} of ${pairs.length} loops: ${text.sort().join(', ')}\n`);
};

const main = async (path: string) => {
  const { valid, members, unseen } = await heldLoopSets();
  const runner = new ModelRunner(resolveModel(path)!, {
    threads: 1,
    contextTokens: CONTEXT_WORDS,
    sequences: 4,
  });
  const answer: Answerer = (completions) => runner.complete(completions);
  await runner.start();
  await measure(answer, 'other code', valid);
  await measure(answer, 'members that training never saw', members);
  await measure(answer, 'families that training never saw', unseen);
  runner.stop();
  stopSolver();
};

if (process.argv[1]?.endsWith('evaluate.ts')) await main(process.argv[2] ?? 'models/velocity-loop.gguf');
