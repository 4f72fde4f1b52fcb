/** Swaps while the timer runs fast: nothing is lost, nothing counted twice, no tick missed. */
import { statusNamed } from '../../abi/index.ts';
import type { BoardEvent, VelocityLink } from '../../link/index.ts';
import { CauseError } from '../cause.ts';
import { freshTickCount, looping, returning, type TickCount, tickCounter, tickCountOf } from './programs.ts';
import { type Bench, suite } from './suite.ts';

const KEY = new Uint8Array(4);
const FAST_US = 100;
const SWAPS = 40;
const BURST = 500;
const VERDICT_MS = 30_000;
const MARK = 1n;

/** @throws CauseError when the numbers of the ticks that a module saw do not follow each other */
export const checkTicks = ({ gaps, doubles }: TickCount, missed: bigint, during: string): void => {
  if (missed > 0n) throw new CauseError('missed_ticks', `${missed} ticks were missed during ${during}`);
  if (gaps + doubles === 0n) return;
  throw new CauseError(
    'loses_events',
    `of the ticks during ${during} ${gaps} never reached the module and ${doubles} reached it twice`,
  );
};

const latest = async (link: VelocityLink): Promise<bigint> => {
  let seq = 0n;
  for await (const event of link.events()) seq = event.seq;
  return seq;
};

const verdictAfter = async (link: VelocityLink, since: bigint): Promise<BoardEvent> => {
  const signal = AbortSignal.timeout(VERDICT_MS);
  for await (const event of link.events(since, { follow: true, signal })) {
    if (['promoted', 'rolled_back'].includes(event.kind)) return event;
  }
  throw new CauseError('no_answer', `the board gave no verdict on a canary within ${VERDICT_MS / 1000} s`);
};

/** A canary that takes far longer is over its cycle budget before its window is full. */
export const tooSlow: readonly number[] = ['canary_slower', 'canary_over_budget'].map(
  (name) => statusNamed(name).code,
);

const canary = { canary: true, window: 32, ratio: 1000 };

const settled = async ({ link }: Bench, name: string) => {
  while (((await link.telemetryAll()).find((module) => module.name === name)?.calls ?? 0n) < 64n)
    await link.timer();
};

export const swapSuite = suite('swap', [
  {
    name: 'swaps_over_the_line_lose_no_tick_and_count_none_twice',
    run: async (t, bench) => {
      const { link } = bench;
      await bench.install(tickCounter('rig_swap', 0));
      await link.timer(FAST_US);
      await link.mapWrite('rig_swap_ticks', KEY, freshTickCount(MARK));
      for (let version = 1; version <= SWAPS; version++)
        await bench.install(tickCounter('rig_swap', version));
      const { missed } = await link.timer();
      const seen = tickCountOf((await link.mapRead('rig_swap_ticks', KEY)).value);
      bench.log(`${SWAPS} swaps, ${seen.count} ticks of ${FAST_US} us`);
      checkTicks(seen, missed, `${SWAPS} swaps`);
      t.true(seen.count > BigInt(SWAPS));
      await bench.remove('rig_swap');
      await link.timer(1000);
    },
  },
  {
    name: 'the_boards_own_burst_of_swaps_misses_no_tick',
    run: async (t, { link, log }) => {
      const { n, ticks, missed, longest_gap_ns } = await link.bench('swap', BURST);
      log(`${n} swaps, ${ticks} ticks, longest gap ${longest_gap_ns} ns`);
      if (missed > 0n)
        throw new CauseError('missed_ticks', `${missed} of ${ticks} ticks were missed during ${n} swaps`);
      t.is(n, BURST);
    },
  },
  {
    name: 'a_faster_canary_is_promoted_and_a_slower_one_taken_back',
    run: async (t, bench) => {
      const { link } = bench;
      await bench.install(looping('rig_canary', 50));
      await settled(bench, 'rig_canary');
      let since = await latest(link);
      await bench.install(looping('rig_canary', 2000), canary);
      const slow = await verdictAfter(link, since);
      t.is(slow.kind, 'rolled_back');
      t.true(tooSlow.includes(slow.reason));
      for (const { id } of await link.evidenceAll()) await link.evidenceAck(id);
      since = await latest(link);
      await bench.install(returning('rig_canary', 7), canary);
      t.is((await verdictAfter(link, since)).kind, 'promoted');
      await bench.remove('rig_canary');
    },
  },
]);
