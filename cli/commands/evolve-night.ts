import { join } from 'node:path';
import type { Command } from 'commander';
import { root } from '../../firmware/index.ts';
import { chosenKey } from '../../firmware/sign.ts';
import { writeChanged } from '../../firmware/write.ts';
import { boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';
import { narrate } from '../demo/narrate.ts';
import { recordNight } from '../night/night.ts';
import { nightDrawing, nightPage, nightSentence } from '../night/page.ts';
import { nightModules } from '../night/workload.ts';
import { wholeNumber } from '../numbers.ts';
import { type ModelOptions, proposersFor } from '../proposers.ts';
import { needsSources } from '../sources.ts';

type NightFlags = ModelOptions & {
  readonly minutes: number;
  readonly period: number;
  readonly seed: number;
  readonly write?: boolean;
};

const FOLDER = join(root, 'docs/reference');
/** Events that are told as they come: proposals that were refused are many. */
const told = new Set(['shift', 'detect', 'swap', 'promoted', 'rollback']);

const night = (context: Context, flags: NightFlags, board: ReturnType<typeof boardOptionsOf>) => {
  const { output, cleanup } = context;
  needsSources('evolve night');
  const { proposers } = proposersFor(flags, context);
  const { minutes, period: periodUs, seed } = flags;
  const emulated = board.port || board.board ? board : { ...board, board: 'qemu-virt' };
  return withLink(context, emulated, async (link) => {
    const recorded = await recordNight(link, {
      programs: await nightModules(),
      key: chosenKey(board.key),
      proposers,
      minutes,
      periodUs,
      seed,
      signal: cleanup.signal,
      onEvent: (e) => told.has(e.event) && output.fact(e, narrate(e)),
      progress: (minute) => output.progress(`minute ${minute.toFixed(1)} of ${minutes} on the board`),
    });
    const { modules, moments, ...figures } = recorded;
    output.fact({ event: 'night', seed, period_us: periodUs, ...figures }, nightSentence(recorded));
    if (!flags.write) return;
    writeChanged(join(FOLDER, 'night.svg'), nightDrawing(recorded));
    writeChanged(join(FOLDER, 'night.md'), nightPage(recorded, periodUs, seed));
    output.print(`wrote ${join(FOLDER, 'night.md')}`);
  });
};

/** `velocity evolve night`: the loop over eight modules whose work changes; --model is an option of `evolve` itself. */
export const registerEvolveNight = (evolve: Command, context: Context): void => {
  evolve
    .command('night')
    .description('let the loop look after eight modules whose work changes, for an hour of board time')
    .option('--minutes <n>', 'board time', wholeNumber(1), 60)
    .option('--period <us>', 'time between two calls of each module, in µs', wholeNumber(50), 1000)
    .option('--seed <n>', 'order and contents of what changes', wholeNumber(0), 1)
    .option('--write', 'write what happened into docs/reference/night.md and night.svg')
    .addHelpText('after', '\nExample:\n  velocity evolve night --minutes 5 --model none')
    .action((_own: unknown, command: Command) =>
      night(context, command.optsWithGlobals<NightFlags>(), boardOptionsOf(command)),
    );
};
