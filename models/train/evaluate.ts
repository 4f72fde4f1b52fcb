/**
 * How the model does on windows that it has never seen, beside the rewrite rules and a matcher along the flow of data:
 * `npx tsx models/train/evaluate.ts [MODEL.gguf] [WINDOWS]`. The model card's table is what this prints.
 */

import { verify } from '../../ebpf/index.ts';
import { optimise } from '../../ebpf/optimiser/index.ts';
import { proveEquivalent, stopSolver } from '../../ebpf/prover/index.ts';
import { ModelRunner, resolveModel, SHIPPED } from '../index.ts';
import { readAnswer } from '../window/answer.ts';
import { spell } from '../window/canonical.ts';
import { windowGrammar } from '../window/grammar.ts';
import { CONTEXT_WORDS } from '../window/rewrite.ts';
import { idOf, questionOf, wordsOf } from '../window/vocabulary.ts';
import type { PlainOperation, Window } from '../window/window.ts';
import { trained } from './families/index.ts';
import { heldOutSets } from './generate.ts';
import { type Matcher, matcherOf } from './matcher.ts';
import type { Pair } from './pair.ts';
import { asPrograms, MEMORY_BYTES } from './program.ts';

const SAMPLES = 4;
const TEMPERATURE = 0.8;
const LONGEST = 10;
const PROOF_MS = 5000;
const UNROLLINGS = ['loop-unrolling', 'partial-unrolling'];

const text = (ops: readonly PlainOperation[]) => ops.flatMap(wordsOf).join('');

type Best = { readonly first: string; readonly shortest: readonly PlainOperation[]; readonly exact: boolean };

/** The likeliest answer, then sampled ones where it gained nothing, as the proposer asks. */
const askModel = async (runner: ModelRunner, pairs: readonly Pair[]): Promise<Best[]> => {
  const questions = pairs.map((p) => ({ pair: p, spelling: spell(p.slow) }));
  const best: Best[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    const open = questions
      .map((q, i) => ({ ...q, i }))
      .filter(({ i }) => sample === 0 || best[i]!.shortest === pairs[i]!.slow.operations);
    const answers = await runner.complete(
      open.map(({ spelling }) => {
        const tokens = questionOf(spelling.window).map(idOf);
        const maxTokens = Math.min(128, CONTEXT_WORDS - tokens.length);
        return {
          tokens,
          maxTokens,
          grammar: windowGrammar(spelling.window),
          temperature: sample === 0 ? 0 : TEMPERATURE,
          seed: 1 + sample,
        };
      }),
    );
    for (const [k, { pair, spelling, i }] of open.entries()) {
      const reading = readAnswer(pair.slow, spelling, answers[k] ?? []);
      const shortest = reading.kind === 'shorter' ? reading.operations : pair.slow.operations;
      const exact = text(shortest) === text(pair.fast);
      best[i] = { first: sample === 0 ? reading.kind : best[i]!.first, shortest, exact };
    }
  }
  return best;
};

const slots = (code: Uint8Array) => code.length / 8;

const ruled = (code: Uint8Array): number =>
  Math.min(
    slots(code),
    ...optimise(code, { without: UNROLLINGS, objective: 'size' }).map((c) => slots(c.code)),
  );

/** Instructions left after the rules, for a window as it is and for others in its place; undefined when it can't stand alone. */
const afterRules = async (window: Window, others: readonly (readonly PlainOperation[])[]) => {
  const whole = others.map((ops) => asPrograms(window, ops));
  const [first] = whole;
  if (!first || !(await verify(first.before, { memorySize: MEMORY_BYTES })).ok) return undefined;
  return { slow: ruled(first.before.code), others: whole.map((w) => ruled(w!.after.code)) };
};

const isProven = async (window: Window, answer: readonly PlainOperation[]): Promise<string> => {
  const programs = asPrograms(window, answer);
  if (!programs || !(await verify(programs.before, { memorySize: MEMORY_BYTES })).ok) return 'apart';
  const setting = { hook: 'run' as const, maps: [], memorySize: MEMORY_BYTES, timeoutMs: PROOF_MS };
  return (await proveEquivalent(programs.before.code, programs.after.code, setting)).verdict;
};

const share = (n: number, of: number) => `${((100 * n) / Math.max(1, of)).toFixed(1)} %`;

const removed = (left: number, slow: number, fast: number) => Math.max(0, Math.min(slow - left, slow - fast));

const report = async (name: string, pairs: readonly Pair[], runner: ModelRunner, matcher: Matcher) => {
  const gainful = pairs.filter((p) => p.families.length > 0 && p.slow.operations.length <= LONGEST);
  const started = performance.now();
  const answers = await askModel(runner, gainful);
  const ms = (performance.now() - started) / gainful.length;
  const lines: string[] = [];
  const say = (line: string) => lines.push(line);
  const first = (kind: string) => answers.filter((a) => a.first === kind).length;
  say(`${name}: ${gainful.length} windows of at most ${LONGEST} instructions, ${ms.toFixed(0)} ms each`);
  say(
    `  likeliest answer: shorter and agreeing ${share(first('shorter'), answers.length)}, "same" ${share(first('same'), answers.length)}, wrong ${share(first('wrong'), answers.length)}, garbled ${share(first('garbled'), answers.length)}`,
  );
  const excess = gainful.reduce((n, p) => n + p.slow.operations.length - p.fast.length, 0);
  const own = answers.reduce(
    (n, a, i) => n + removed(a.shortest.length, gainful[i]!.slow.operations.length, gainful[i]!.fast.length),
    0,
  );
  const reached = answers.filter((a, i) => a.shortest.length <= gainful[i]!.fast.length).length;
  const matched = gainful.map((p) => matcher(p.slow));
  const byMatcher = matched.reduce(
    (n, m, i) => n + removed(m.length, gainful[i]!.slow.operations.length, gainful[i]!.fast.length),
    0,
  );
  say(
    `  best of ${SAMPLES}: exact ${share(answers.filter((a) => a.exact).length, answers.length)}, reference size reached ${share(reached, answers.length)}, excess removed ${share(own, excess)}; matcher: reached ${share(matched.filter((m, i) => m.length <= gainful[i]!.fast.length).length, matched.length)}, excess removed ${share(byMatcher, excess)}`,
  );
  const counts: Record<string, number> = {};
  for (const [i, a] of answers.entries()) {
    if (a.shortest === gainful[i]!.slow.operations) continue;
    const verdict = await isProven(gainful[i]!.slow, a.shortest);
    counts[verdict] = (counts[verdict] ?? 0) + 1;
  }
  const judged = (counts.proven ?? 0) + (counts.different ?? 0) + (counts.unknown ?? 0);
  say(
    `  of ${judged} answers judged as programs: proven ${share(counts.proven ?? 0, judged)}, refuted ${share(counts.different ?? 0, judged)}, undecided in ${PROOF_MS / 1000} s ${share(counts.unknown ?? 0, judged)}`,
  );
  const sums = { excess: 0, rules: 0, model: 0, matcher: 0 };
  let missed = 0;
  const reachedBy = { rules: 0, model: 0, matcher: 0, all: 0 };
  for (const [i, p] of gainful.entries()) {
    const left = await afterRules(p.slow, [p.fast, answers[i]!.shortest, matched[i]!]);
    if (!left) continue;
    const [fast, model, match] = left.others as [number, number, number];
    const base = asPrograms(p.slow, p.slow.operations)!.before.code;
    const slow = slots(base);
    missed++;
    sums.excess += Math.max(0, slow - fast);
    sums.rules += removed(left.slow, slow, fast);
    sums.model += removed(model, slow, fast);
    sums.matcher += removed(match, slow, fast);
    if (left.slow <= fast) reachedBy.rules++;
    if (Math.min(model, left.slow) <= fast) reachedBy.model++;
    if (Math.min(match, left.slow) <= fast) reachedBy.matcher++;
    if (Math.min(match, model, left.slow) <= fast) reachedBy.all++;
  }
  say(
    `  as ${missed} programs, each followed by the rewrite rules; reference reached: rules alone ${share(reachedBy.rules, missed)}, matcher ${share(reachedBy.matcher, missed)}, model ${share(reachedBy.model, missed)}, all ${share(reachedBy.all, missed)}`,
  );
  say(
    `  excess removed: rules alone ${share(sums.rules, sums.excess)}, matcher then rules ${share(sums.matcher, sums.excess)}, model then rules ${share(sums.model, sums.excess)}`,
  );
  process.stdout.write(`${lines.join('\n')}\n`);
};

const main = async (path = SHIPPED, count = '300') => {
  const { valid, unseen } = await heldOutSets();
  const runner = new ModelRunner(resolveModel(path)!, {
    threads: 1,
    contextTokens: CONTEXT_WORDS,
    sequences: 8,
    timeoutMs: 600_000,
  });
  await runner.start();
  const matcher = matcherOf(trained);
  const some = (pairs: readonly Pair[]) => pairs.slice(0, Number(count));
  await report('families of the training, other code', some(valid), runner, matcher);
  await report('families that training never saw', some(unseen), runner, matcher);
  const same = valid.filter((p) => p.families.length === 0);
  const quiet = (await askModel(runner, same)).filter(
    (a) => a.first === 'same' || a.first === 'shorter',
  ).length;
  process.stdout.write(
    `nothing to gain: ${same.length} windows, "same" or still shorter on ${share(quiet, same.length)}\n`,
  );
  runner.stop();
  stopSolver();
};

await main(...process.argv.slice(2));
