import { inColumns } from '../../cli/columns.ts';

/** One measured figure with the goal it is held against. */
export type Metric = {
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  /** Largest value that meets the goal. */
  readonly goal: number;
  readonly met: boolean;
  /** Of a figure that the machine's other work moves. */
  readonly spread?: Spread;
};

/** The middle half of several rounds. `noisy`: too wide for a verdict on anything near the goal. */
export type Spread = {
  readonly rounds: number;
  readonly median: number;
  readonly low: number;
  readonly high: number;
  readonly noisy: boolean;
};

/** Width of the middle half, as a share of the median, above which it says little. */
const NOISY = 0.2;

export const spreadOf = (values: readonly number[]): Spread => {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))]!;
  const [low, median, high] = [at(0.25), at(0.5), at(0.75)];
  return { rounds: values.length, median, low, high, noisy: high - low > NOISY * median };
};

const inWords = ({ rounds, low, high, noisy }: Spread) => {
  const round = (value: number) => value.toLocaleString('en', { maximumFractionDigits: 1 });
  return `half of ${rounds} rounds in ${round(low)} to ${round(high)}${noisy ? ': noisy' : ''}`;
};

/** A figure that is better the smaller it is. */
export const atMost = (metric: string, value: number, unit: string, goal: number): Metric => ({
  metric,
  value,
  unit,
  goal,
  met: value <= goal,
});

/** A table for people, in the order measured. */
export const table = (metrics: readonly Metric[]): string => {
  const rows = [
    ['metric', 'value', 'goal', 'unit', '', ''],
    ...metrics.map((m) => [
      m.metric,
      m.value.toLocaleString('en'),
      `≤ ${m.goal.toLocaleString('en')}`,
      m.unit,
      m.met ? 'met' : 'missed',
      m.spread ? inWords(m.spread) : '',
    ]),
  ];
  return inColumns(rows, rows[0]!.length);
};
