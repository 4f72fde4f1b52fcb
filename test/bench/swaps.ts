/**
 * Many swaps as hosts make them: each a signed patch that comes over the line, is verified, compiled and put in while the timer
 * hook runs at 10 kHz with another module beside it. Every tick must be seen once by the module that is being swapped, through
 * a map that its versions hand on, and every swap be told of by one event that the counters know of.
 */
import { certificateOf, programHash } from '../../ebpf/index.ts';
import { chosenKey, type Patch } from '../../firmware/sign.ts';
import type { VelocityLink } from '../../link/index.ts';
import { Books } from '../../rig/soak/books.ts';
import { freshTickCount, looping, tickCounter, tickCountOf } from '../../rig/suites/programs.ts';
import { install, patchFor, signPatch } from '../board/programs.ts';
import { atMost, type Metric } from './metric.ts';

const NAME = 'bench_ticks';
const LOAD = 'bench_load';
const KEY = new Uint8Array(4);
const TICK_10KHZ_US = 100;
const LOAD_TURNS = 500;
/** Events are read so often, long before the board has to write one over. */
const READ_EVERY = 64;
const live = { canary: false } as const;

/** Two versions that take turns, each naming the other as its parent. */
const versions = async () => {
  const programs = [tickCounter(NAME, 0), tickCounter(NAME, 1)];
  return Promise.all(
    programs.map(async (program) => ({
      code: program.code,
      certificate: await certificateOf(program),
      hash: programHash(program.hookId, program.code, program.maps),
    })),
  );
};

const swapAll = async (link: VelocityLink, books: Books, swaps: number, say: (line: string) => void) => {
  const two = await versions();
  const first: Patch = await patchFor(link, { program: tickCounter(NAME, 1), name: NAME });
  for (let i = 0; i < swaps; i += 1) {
    const { code, certificate } = two[i % 2]!;
    const parent = two[(i + 1) % 2]!.hash;
    const patch: Patch = { ...first, code, certificate, parent, sequence: first.sequence + BigInt(i) };
    await link.installPatch(signPatch(patch, chosenKey()), live);
    if (i % READ_EVERY === 0) {
      await books.read(link);
      say(`${i} of ${swaps} swaps`);
    }
  }
};

/**
 * @throws CauseError `loses_events` when an event, a counter and what was asked of the board do not agree
 * @throws RefusedError when the board does not take one of the patches
 */
export const swapMetrics = async (
  link: VelocityLink,
  swaps: number,
  say: (line: string) => void,
): Promise<Metric[]> => {
  const books = new Books();
  const { period_us } = await link.timer();
  await install(link, looping(LOAD, LOAD_TURNS));
  await install(link, tickCounter(NAME, 1));
  await link.timer(TICK_10KHZ_US);
  await link.mapWrite(`${NAME}_ticks`, KEY, freshTickCount(1n));
  await swapAll(link, books, swaps, say);
  const { missed } = await link.timer();
  const seen = tickCountOf((await link.mapRead(`${NAME}_ticks`, KEY)).value);
  await link.timer(period_us);
  for (const name of [NAME, LOAD]) await link.remove(name);
  books.expect('installed', swaps + 2);
  books.expect('removed', 2);
  await books.audit(link);
  say(
    `${swaps} swaps, ${seen.count} ticks of ${TICK_10KHZ_US} us followed, ${books.events} events read and matched`,
  );
  const inAll = `of ${seen.count} ticks in ${swaps} swaps`;
  return [
    atMost('swaps_missed_ticks', Number(missed), inAll, 0),
    atMost('swaps_lost_ticks', Number(seen.gaps), inAll, 0),
    atMost('swaps_doubled_ticks', Number(seen.doubles), inAll, 0),
    atMost('swaps_lost_events', swaps + 4 - books.events, `of ${swaps + 4} events`, 0),
  ];
};
