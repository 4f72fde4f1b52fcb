/** What each core does, from the task statistics of SMP's OS group. */
import type { TaskStat } from '../link/index.ts';

export type CoreRow = {
  readonly name: string;
  /** Counters since the board started. */
  readonly ticks: number;
  readonly wakeups: number;
  /** Of the latest interval, in board time; undefined while that is not known. */
  readonly ticksPerSecond: number | undefined;
  readonly wakeupsPerSecond: number | undefined;
  /** Largest part of the stack that was in use so far, 0..1; undefined where the board does not measure it. */
  readonly stack: number | undefined;
};

const rate = (now: number, before: number | undefined, seconds: number) =>
  before !== undefined && seconds > 0 && now >= before ? (now - before) / seconds : undefined;

const rowOf = (name: string, stat: TaskStat, before: CoreRow | undefined, seconds: number): CoreRow => {
  const [ticks, wakeups] = [Number(stat.runtime ?? 0), Number(stat.cswcnt ?? 0)];
  const [used, size] = [Number(stat.stkuse ?? 0), Number(stat.stksiz ?? 0)];
  return {
    name,
    ticks,
    wakeups,
    ticksPerSecond: rate(ticks, before?.ticks, seconds),
    wakeupsPerSecond: rate(wakeups, before?.wakeups, seconds),
    stack: size > 0 && used > 0 ? used / size : undefined,
  };
};

export const coreRows = (
  stats: Readonly<Record<string, TaskStat>>,
  before: readonly CoreRow[],
  seconds: number,
): CoreRow[] =>
  Object.entries(stats)
    .sort(([, a], [, b]) => Number(a.tid ?? 0) - Number(b.tid ?? 0))
    .map(([name, stat]) =>
      rowOf(
        name,
        stat,
        before.find((row) => row.name === name),
        seconds,
      ),
    );
