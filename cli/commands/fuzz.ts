import { type Command, Option } from 'commander';
import { fuzz } from '../../test/fuzz/fuzz.ts';
import { targets } from '../../test/fuzz/targets.ts';
import type { Context } from '../context.ts';
import { OutcomeError } from '../failure.ts';
import { wholeNumber } from '../numbers.ts';
import { installTools } from '../system-packages.ts';

type FuzzOptions = {
  readonly target?: string;
  readonly seconds: number;
  readonly runs?: number;
  readonly seed?: number;
};

/** `velocity fuzz`: random input through everything on board and host that reads what comes from outside. */
export const registerFuzz = (program: Command, context: Context): void => {
  const names = Object.keys(targets);
  program
    .command('fuzz')
    .description('throw random input, guided by coverage, at the parsers and the verifier, under sanitizers')
    .addOption(new Option('--target <name>', 'only this one; default: all').choices(names))
    .option('--seconds <n>', 'time for each target', wholeNumber(1), 30)
    .option('--runs <n>', 'inputs for each target, instead of a time', wholeNumber(1))
    .option('--seed <n>', 'with --runs: a run that repeats, from the seeds alone', wholeNumber(1))
    .addHelpText(
      'after',
      `\nTargets:\n${Object.values(targets)
        .map(({ name, doc }) => `  ${name.padEnd(11)} ${doc}`)
        .join('\n')}`,
    )
    .addHelpText('after', '\nExample:\n  velocity fuzz --target verifier --seconds 600')
    .action(async ({ target, seconds, runs, seed }: FuzzOptions) => {
      const limit = runs === undefined ? { seconds } : { runs, ...(seed === undefined ? {} : { seed }) };
      installTools(['clang', 'sanitizers', 'dtc'], (line) => context.output.progress(line));
      for (const name of target ? [target] : names) {
        context.output.progress(`${name}: ${runs === undefined ? `${seconds} s` : `${runs} inputs`}`);
        const { report, ...finding } = await fuzz(targets[name]!, limit, context.cleanup.signal);
        const verdict = finding.ok ? 'nothing found' : `FAILED\n${report}`;
        context.output.fact(
          { event: 'fuzz', ...finding, ...(finding.ok ? {} : { report }) },
          `${name.padEnd(11)} ${finding.runs} inputs, ${finding.features} features: ${verdict}`,
        );
        if (!finding.ok)
          throw new OutcomeError('failed', `${name} broke a promise; the input lies in build/fuzz/${name}`);
      }
    });
};
