/** A board that is left alone goes on: long enough to see one that restarts every minute. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CauseError } from '../cause.ts';
import type { Device } from '../device.ts';
import { freshTickCount, tickCounter, tickCountOf } from './programs.ts';
import { type Bench, suite } from './suite.ts';
import { checkTicks } from './swap.ts';

const KEY = new Uint8Array(4);
const SECONDS = 150;
const SAMPLE_EVERY = 5;
const POLL_MS = 50;

/** How long the board was up before each restart that nobody asked for, in seconds of board time. */
const watch = async (device: Device, seconds: number): Promise<number[]> => {
  const uptimes: number[] = [];
  let total = 0;
  let last = await device.boardSeconds();
  let sampled = 0;
  while (total < seconds) {
    const now = await device.boardSeconds();
    if (now < last) {
      uptimes.push(last);
      last = 0;
    }
    total += now - last;
    last = now;
    await sleep(POLL_MS);
    if (total - sampled > SAMPLE_EVERY) {
      sampled = total;
      await device.sample();
    }
  }
  return uptimes;
};

const restarted = (uptimes: readonly number[], crash: string | undefined): CauseError => {
  const times = uptimes.map((up) => `${up.toFixed(1)} s`).join(', ');
  const spread = Math.max(...uptimes) - Math.min(...uptimes);
  const regular = uptimes.length > 1 && spread < 0.1 * Math.max(...uptimes);
  const every = regular
    ? `, about every ${Math.round(uptimes.reduce((a, b) => a + b, 0) / uptimes.length)} s`
    : '';
  const how = crash ? `each time after a crash: ${crash}` : 'nobody asked for it, and no crash was recorded';
  return new CauseError(
    crash ? 'crashed' : 'resets_by_itself',
    `the board restarted by itself ${uptimes.length} times in ${SECONDS} s of board time${every} (it was up for ${times}); ${how}`,
    crash
      ? undefined
      : 'look for a watchdog that nobody feeds, a brown-out, or a host that toggles its reset line',
  );
};

const crashOf = async ({ link }: Bench): Promise<string | undefined> => {
  const record = await link.crash().catch(() => undefined);
  return record && `${record.reason} on core ${record.core} at image+0x${record.elr.toString(16)}`;
};

export const steadySuite = suite('soak', [
  {
    name: 'stays_up_and_counts_every_tick_when_it_is_left_alone',
    timeoutSeconds: 600,
    run: async (t, bench) => {
      const { device } = bench;
      await bench.install(tickCounter('rig_steady', 1));
      await bench.link.timer(1000);
      await bench.link.mapWrite('rig_steady_ticks', KEY, freshTickCount(1n));
      const uptimes = await watch(device, SECONDS);
      if (uptimes.length > 0) throw restarted(uptimes, await crashOf(bench));
      const { missed } = await bench.link.timer();
      checkTicks(
        tickCountOf((await bench.link.mapRead('rig_steady_ticks', KEY)).value),
        missed,
        `${SECONDS} s`,
      );
      await bench.remove('rig_steady');
      t.is(device.unwantedStarts.length, 0);
    },
  },
]);
