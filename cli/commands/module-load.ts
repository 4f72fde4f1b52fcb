import { type Command, Option } from 'commander';
import { chosenKey } from '../../firmware/sign.ts';
import type { Response } from '../../link/index.ts';
import { type BoardOptions, boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';
import { nameOf, readProgram } from '../module-file.ts';
import { wholeNumber } from '../numbers.ts';
import { gainFact, gainSentence, optimisedFor, type Wish, wishes } from '../optimising.ts';
import { patchFor, push } from '../patching.ts';

type LoadOptions = {
  readonly name?: string;
  readonly function?: string;
  readonly canary?: boolean;
  readonly window?: number;
  readonly ratio?: number;
  readonly shadow?: boolean;
  readonly cores?: number;
  readonly period?: number;
  readonly optimise: Wish;
};

const installOptions = ({ canary, window, ratio, shadow }: LoadOptions) => ({
  canary: canary ?? false,
  ...(window === undefined ? {} : { window }),
  ...(ratio === undefined ? {} : { ratio }),
  ...(shadow === undefined ? {} : { shadow }),
});

const load = async (context: Context, file: string, options: LoadOptions, board: BoardOptions) => {
  const name = nameOf(file, options.name);
  const given = await readProgram(file, options.function);
  const key = chosenKey(board.key);
  // The board first: nobody waits for a search to hear that the port is wrong.
  return withLink(context, board, async (link) => {
    const made = await optimisedFor(context, given, options.optimise, key);
    const gain = gainSentence(made, options.optimise);
    if (gain) context.output.print(gain);
    const wish = {
      program: made.program,
      name,
      ...(options.cores === undefined ? {} : { cores: options.cores }),
      ...(options.period === undefined ? {} : { periodUs: options.period }),
    };
    const patch = await patchFor(link, wish, key);
    const done = await push(link, patch, key, installOptions(options), (sent, total) =>
      context.output.progress(`sending ${sent}/${total} bytes`),
    );
    return { done, optimised: gainFact(made) };
  });
};

const describe = (done: Response<'install'>, canary: boolean) =>
  `${done.name} version ${done.version} ${canary ? 'is being watched as a canary' : 'runs'}: ` +
  `${done.insns} eBPF instructions, at most ${done.bound} executed, ${done.jit_bytes} bytes of code`;

/** `velocity module load FILE` */
export const registerModuleLoad = (parent: Command, context: Context): void => {
  parent
    .command('load')
    .description('sign a module, send it to a board and install it')
    .argument('<file>', 'C source, or an object compiled with clang --target=bpf')
    .option('--name <name>', 'name on the board; default: name of the file')
    .option('--function <name>', 'which program of the file; needed when it holds several')
    .option('--canary', 'let the board watch it against its predecessor and take it back if it does not pay')
    .option('--window <calls>', 'calls to watch', wholeNumber(1))
    .option('--ratio <permille>', 'allowed run time, in permille of the predecessor', wholeNumber(1))
    .option('--shadow', 'also run the predecessor on the same input and compare results')
    .option('--cores <mask>', 'cores to run on, as a bit mask', wholeNumber(0, 255))
    .addOption(
      new Option(
        '--optimise <for>',
        'first look on this machine for a cheaper program that is proven equivalent; known when it is loaded again',
      )
        .choices(wishes)
        .default('speed'),
    )
    .option('--period <us>', 'timer period in microseconds', wholeNumber(50, 1_000_000))
    .addHelpText('after', '\nExample:\n  velocity module load modules/fir/fir.c --canary --port /dev/ttyUSB0')
    .action(async (file: string, options: LoadOptions, command: Command) => {
      const { done, optimised } = await load(context, file, options, boardOptionsOf(command));
      const canary = options.canary ?? false;
      const fact = { event: 'installed', ...done, canary, ...(optimised ? { optimised } : {}) };
      context.output.fact(fact, describe(done, canary));
    });
};
