/** One measured figure with the goal it is held against. */
export type Metric = {
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  /** Largest value that meets the goal. */
  readonly goal: number;
  readonly met: boolean;
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
    ['metric', 'value', 'goal', 'unit', ''],
    ...metrics.map((m) => [
      m.metric,
      m.value.toLocaleString('en'),
      `≤ ${m.goal.toLocaleString('en')}`,
      m.unit,
      m.met ? 'met' : 'missed',
    ]),
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};
