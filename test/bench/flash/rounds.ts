/** Two ways that take turns: what the one takes as a share of the other, round by round. */
import { type Metric, spreadOf } from '../metric.ts';

/** 0.9 of the other's rate, as a share of its time. */
export const RATE_GOAL_PERCENT = 100 / 0.9;

/**
 * The median of the rounds' shares: what slows both of a round down does not count. With it goes the middle half of them;
 * where that is wide, the machine had other work and the figure says little.
 */
export const shareOf = (
  metric: string,
  ours: readonly number[],
  theirs: readonly number[],
  other: string,
  goal: number,
): Metric => {
  const shares = ours.map((one, round) => (100 * one) / theirs[round]!);
  const spread = spreadOf(shares);
  return { metric, value: spread.median, unit: `% of ${other}`, goal, met: spread.median <= goal, spread };
};
