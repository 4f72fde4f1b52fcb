import { type Command, InvalidArgumentError, Option } from 'commander';
import { type MutantCounts, type Part, tryMutants } from '../../evolve/evaluation/index.ts';
import { evaluationSet } from '../../models/evaluation/set.ts';
import type { Context } from '../context.ts';
import { OutcomeError } from '../failure.ts';
import { wholeNumber } from '../numbers.ts';
import { installTools } from '../system-packages.ts';

type AttackOptions = {
  readonly count: number;
  readonly seed: number;
  readonly runs: number;
  readonly proofSeconds: number;
  readonly skip: number;
  readonly part?: Part;
  readonly against: 'original' | 'right';
};

/** @throws InvalidArgumentError when it is not one of the parts, counted from 1 */
const partOf = (text: string): Part => {
  const [, index, of] = (/^(\d{1,4})\/(\d{1,4})$/.exec(text) ?? []).map(Number);
  if (!index || !of || index > of) throw new InvalidArgumentError('write 1/4 for the first of four parts');
  return { index: index - 1, of };
};

const PROGRESS_MS = 1000;
/** Where no terminal shows progress, a line each so often. */
const NOTE_MS = 30_000;

const sentence = (c: MutantCounts) =>
  `${c.count} wrong proposals: refused by ${Object.entries(c.refused)
    .map(([layer, n]) => `${layer} ${n}`)
    .join(', ')}; ` +
  `${c.accepted} proven to change nothing; ${c.proofs.different} refuted by proof; ${c.proofs.open} left open by the prover; ${c.wrong} wrong patches`;

const attack = async (context: Context, options: AttackOptions) => {
  const { output, cleanup } = context;
  installTools(['clang'], (line) => output.progress(line));
  const programs = (await evaluationSet()).map((e) => e.program);
  const { count, seed, runs, proofSeconds, skip, against } = options;
  const { index, of }: Part = options.part ?? { index: 0, of: 1 };
  const part = `${index + 1}/${of}`;
  let next = 0;
  let latest: MutantCounts | undefined;
  const tell = (c: MutantCounts) =>
    output.fact({ event: 'attack', seed, part, skip, against, runs, ...c }, sentence(c));
  // A signal ends the command as soon as this was told.
  const cancel = cleanup.add(() => latest && tell(latest));
  const counts = await tryMutants(programs, {
    count,
    seed,
    skip,
    part: { index, of },
    against,
    policy: { differentialRuns: runs, proofTimeoutMs: proofSeconds * 1000 },
    signal: cleanup.signal,
    progress: (c) => {
      latest = c;
      if (performance.now() < next) return;
      next = performance.now() + (output.live ? PROGRESS_MS : NOTE_MS);
      if (output.live) output.progress(sentence(c));
      else output.note(sentence(c));
    },
  });
  latest = counts;
  await cancel();
  if (cleanup.signal.aborted) throw new OutcomeError('cancelled', 'it was stopped before all were tried');
};

export const registerModelsAttack = (models: Command, context: Context): void => {
  models
    .command('attack')
    .description('make wrong proposals, single mistakes in right ones, and count which layer refuses them')
    .option('--count <n>', 'how many', wholeNumber(1), 1000)
    .option('--seed <n>', 'start of the random sequence', wholeNumber(1), 1)
    .option('--runs <n>', 'differential runs of each', wholeNumber(1), 128)
    .option('--proof-seconds <n>', 'longest proof', wholeNumber(1), 5)
    .option('--part <k/n>', 'only every n-th program, from the k-th on; counts of parts add up', partOf)
    .option('--skip <n>', 'how many were tried before, at the start of the same sequence', wholeNumber(0), 0)
    .addOption(
      new Option(
        '--against <what>',
        'what they are held against: the program as compiled, or the right proposal for it, as when that one runs already; asks less of the prover',
      )
        .choices(['original', 'right'])
        .default('original'),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  velocity models attack --count 100000 --seed 7 --json\n  velocity models attack --count 5000 --seed 7 --part 2/8 --skip 1200 --against right',
    )
    .action((options: AttackOptions) => attack(context, options));
};
