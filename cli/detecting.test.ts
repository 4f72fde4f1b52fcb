import test from 'ava';
import { Detector, overBudget } from '../evolve/index.ts';
import { telemetry } from '../monitor/test/readings.ts';
import { detect } from './detecting.ts';

const limits = { idleMs: 200, pauseMs: 1 };
const { signal } = new AbortController();
/** A board whose module was called so often more at each question. */
const board = (calls: bigint, name = 'fir') => {
  let asked = 0n;
  return {
    telemetryAll: async () => {
      asked += 1n;
      return [
        telemetry({ name, calls: asked * calls, cycles: asked * calls * 200n, time_ns: asked * 1_000_000n }),
      ];
    },
  };
};
const look = (calls: bigint, budget: number, name?: string) =>
  detect(board(calls, name), 'fir', new Detector([overBudget(budget)]), { readings: 3, signal, limits });

test('a module that is slow is found, and one that is not is left alone', async (t) => {
  t.like(await look(100n, 150), { rule: 'over-budget' });
  t.is(await look(100n, 250), 'no rule finds it slow');
});

test('a module that nobody calls, or that is not there, is not waited for', async (t) => {
  t.regex(String(await look(0n, 150)), /^nobody called it for 0\.2 s/);
  t.regex(String(await look(100n, 150, 'other')), /^nobody called it/);
});

test('a wait for calls can be stopped', async (t) => {
  const stop = new AbortController();
  const options = { readings: 3, signal: stop.signal, limits: { ...limits, idleMs: 60_000 } };
  const waits = t.throwsAsync(detect(board(0n), 'fir', new Detector([]), options), { name: 'AbortError' });
  setTimeout(() => stop.abort(), 20);
  await waits;
});
