/** Reads a module's telemetry until a rule finds it slow, as often as asked, or until nobody calls it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Detection, Detector } from '../evolve/index.ts';
import type { Telemetry } from '../link/index.ts';

const CALLS_PER_READING = 64n;

export type DetectLimits = {
  /** Without a call for so long, there is nothing to measure. */
  readonly idleMs: number;
  /** Between two questions: the line is others', too. */
  readonly pauseMs: number;
};

export const detectLimits: DetectLimits = { idleMs: 30_000, pauseMs: 20 };

export type DetectOptions = {
  readonly readings: number;
  readonly signal: AbortSignal;
  readonly limits?: DetectLimits;
  readonly onReading?: (reading: number, telemetry: Telemetry) => void;
};

/** The detection, or why there is none. */
export const detect = async (
  board: { telemetryAll(): Promise<readonly Telemetry[]> },
  name: string,
  detector: Detector,
  { readings, signal, limits = detectLimits, onReading }: DetectOptions,
): Promise<Detection | string> => {
  let [since, last, moved] = [0n, 0n, performance.now()];
  for (let reading = 0; reading < readings; await sleep(limits.pauseMs, undefined, { signal })) {
    const t = (await board.telemetryAll()).find((one) => one.name === name);
    const calls = t?.calls ?? last;
    if (calls !== last) [last, moved] = [calls, performance.now()];
    if (performance.now() - moved > limits.idleMs)
      return `nobody called it for ${limits.idleMs / 1000} s: its hook has no work`;
    if (!t || calls < since + CALLS_PER_READING) continue;
    since = calls;
    reading += 1;
    onReading?.(reading, t);
    const found = detector.observe({ ...t, timeNs: t.time_ns });
    if (found) return found;
  }
  return 'no rule finds it slow';
};
