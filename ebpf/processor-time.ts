/** Processor time of this process: what a search finds within its budget should not hang on what else the machine does. */

/** Asking the system takes longer than many a step of a search; between two answers there is at least this much wall time, in ms. */
const STALE_MS = 2;

let asked = Number.NEGATIVE_INFINITY;
let last = 0;

/** User time of all threads, in ms; up to 2 ms old. */
export const processorMs = (): number => {
  const now = performance.now();
  if (now - asked < STALE_MS) return last;
  asked = now;
  last = process.cpuUsage().user / 1000;
  return last;
};
