import { type Command, InvalidArgumentError, Option } from 'commander';
import { fuzz, type Limit, toolsFor } from '../../test/fuzz/fuzz.ts';
import { type Target, targets } from '../../test/fuzz/targets.ts';
import type { Context } from '../context.ts';
import { OutcomeError } from '../failure.ts';
import { wholeNumber } from '../numbers.ts';
import { installTools } from '../system-packages.ts';

type FuzzOptions = {
  readonly target?: string;
  readonly seconds: number;
  readonly runs?: number;
  readonly seed?: number;
  readonly on: string;
};

/** @throws OutcomeError when something was found */
const fuzzOne = async (context: Context, target: Target, limit: Limit): Promise<void> => {
  const { name } = target;
  const say = (line: string) => context.output.progress(line);
  say(`${name}: ${limit.runs === undefined ? `${limit.seconds} s` : `${limit.runs} inputs`}`);
  const found = await fuzz(target, limit, context.cleanup.signal, say);
  const { report, summary, details, remarks = [], ...finding } = found;
  const verdict = finding.ok ? 'nothing found' : `FAILED\n${report}`;
  context.output.fact(
    { event: 'fuzz', ...finding, ...details, ...(finding.ok ? {} : { report }) },
    `${name.padEnd(11)} ${summary ?? `${finding.runs} inputs, ${finding.features} features`}: ${verdict}`,
  );
  for (const remark of remarks) context.output.note(remark);
  if (finding.ok) return;
  const where = details ? 'its seed is in the line above' : `the input lies in build/fuzz/${name}`;
  throw new OutcomeError('failed', `${name} broke a promise; ${where}`);
};

/** `velocity fuzz`: random input through everything on board and host that reads what comes from outside. */
export const registerFuzz = (program: Command, context: Context): void => {
  const names = Object.keys(targets);
  const width = Math.max(...names.map((name) => name.length));
  program
    .command('fuzz')
    .description('throw random input at the parsers, the verifier and the JIT')
    .addOption(new Option('--target <name>', 'only this one; default: all').choices(names))
    .option('--seconds <n>', 'time for each target', wholeNumber(1), 30)
    .option('--runs <n>', 'inputs for each target, instead of a time', wholeNumber(1))
    .option(
      '--seed <n>',
      'a run that repeats, from the seeds alone; of programs: the first (default: 1)',
      wholeNumber(1),
    )
    .addOption(
      new Option(
        '--on <place>',
        'of soundness: where compiled code runs. On an emulated board it takes its way over the link, through the verifier, the checker and the JIT of the board; programs with maps or a packet stay away',
      )
        .choices(['qemu-user', 'board'])
        .default('qemu-user'),
    )
    .addHelpText(
      'after',
      `\nTargets:\n${Object.values(targets)
        .map(({ name, doc }) => `  ${name.padEnd(width)} ${doc}`)
        .join('\n')}`,
    )
    .addHelpText(
      'after',
      '\nExamples:\n  velocity fuzz --target verifier --seconds 600\n  velocity fuzz --target soundness --runs 10000000 --seed 1\n  velocity fuzz --target soundness --on board --seconds 600',
    )
    .action(async ({ target, seconds, runs, seed, on }: FuzzOptions) => {
      const onBoard = on === 'board';
      if (onBoard && target !== 'soundness' && target !== 'soundness-sanitized')
        throw new InvalidArgumentError('only --target soundness and soundness-sanitized go to a board');
      const from = { ...(seed === undefined ? {} : { seed }), ...(onBoard ? { onBoard } : {}) };
      const limit = runs === undefined ? { seconds, ...from } : { runs, ...from };
      const wanted = target ? [targets[target]!] : Object.values(targets);
      installTools([...new Set(wanted.flatMap(toolsFor))], (line) => context.output.progress(line));
      for (const each of wanted) {
        const work = fuzzOne(context, each, limit);
        context.cleanup.add(() => work.catch(() => {})); // Ctrl-C: says what was done until then
        await work;
      }
    });
};
