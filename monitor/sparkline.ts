/** Small charts of one text line. */

const BARS = '▁▂▃▄▅▆▇█';

/** One character a value, scaled to the largest; a space where the value is 0. */
export const sparkline = (values: readonly number[]): string => {
  const largest = Math.max(...values, 0);
  return values
    .map((value) => (value <= 0 ? ' ' : BARS[Math.min(7, Math.floor((value / largest) * 7.999))]))
    .join('');
};

/** The part of a log2 histogram that is in use, and the bin it starts at. */
export const occupied = (histogram: readonly number[]): { first: number; bins: readonly number[] } => {
  const first = histogram.findIndex((count) => count > 0);
  if (first < 0) return { first: 0, bins: [] };
  const last = histogram.findLastIndex((count) => count > 0);
  return { first, bins: histogram.slice(first, last + 1) };
};

/** Upper edge, in cycles, of the bin that holds this share (0..1) of all calls; 0 when there are none. */
export const percentile = (histogram: readonly number[], share: number): number => {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  let left = total * share;
  for (const [bin, count] of histogram.entries()) {
    left -= count;
    if (total > 0 && left <= 0) return 2 ** (bin + 1) - 1;
  }
  return 0;
};
