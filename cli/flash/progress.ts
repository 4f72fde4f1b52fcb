/** How far a transfer is: a bar for people, one line a file for programs. */
import type { Output } from '../output.ts';

const WIDTH = 30;

export const bar = (done: number, total: number): string => {
  const part = total > 0 ? done / total : 1;
  const full = Math.round(part * WIDTH);
  return `[${'#'.repeat(full)}${' '.repeat(WIDTH - full)}] ${String(Math.floor(part * 100)).padStart(3)} %`;
};

/** Says once when a part is through, and shows the bar until then. */
export const transfer = (output: Output, step: string, what: string, done: number, total: number): void => {
  if (done < total) output.progress(`${bar(done, total)} ${step} ${what}`);
  else output.fact({ event: 'flash', step, file: what, done, total }, `${step} ${what}: ${total} bytes`);
};
