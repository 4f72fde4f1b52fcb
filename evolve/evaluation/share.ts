/**
 * What the model adds to the other proposers. Nobody knows the best program, so what the others miss lies between what some row of
 * the table is known to save more, and all that is left behind them.
 */
import type { Figures, ProgramResult } from './evaluate.ts';

export type Rows = ReadonlyMap<string, readonly ProgramResult[]>;

export type Share = {
  readonly measure: string;
  /** Geometric means of after / before. */
  readonly without: number;
  readonly with: number;
  /** What the model saves of what executes, or is there, behind the others. */
  readonly ofLeft: number;
  /** The same of what the best row for each program saves of it, in logarithms; undefined where none saves anything. */
  readonly ofKnown: number | undefined;
};

export const WITHOUT = 'without model';
export const ALL = 'all';

const measures: readonly [string, (f: Figures) => number][] = [
  ['executed', (f) => f.executed],
  ['slots', (f) => f.slots],
  // As `balanced` has it (evolve/cost.ts).
  ['both, weighed alike', (f) => f.executed * Math.sqrt(f.slots * f.words)],
];

const byProgram = (rows: readonly ProgramResult[]) => new Map(rows.map((r) => [r.program, r]));

/** One for each measure; none where a row is missing. */
export const modelShares = (rows: Rows): Share[] => {
  const [without, all] = [WITHOUT, ALL].map((name) => byProgram(rows.get(name) ?? []));
  const programs = [...all!.keys()].filter((name) => without!.has(name));
  if (programs.length === 0) return [];
  return measures.map(([measure, of]) => {
    let [reached, added, known, before] = [0, 0, 0, 0];
    for (const name of programs) {
      const results = [...rows.values()].flatMap((row) => row.filter((r) => r.program === name));
      const [start, others, made] = [
        all!.get(name)!.before,
        without!.get(name)!.after,
        all!.get(name)!.after,
      ];
      if (of(start) === 0 || of(others) === 0 || of(made) === 0) continue;
      before++;
      reached += Math.log(of(others) / of(start));
      added += Math.log(of(others) / of(made));
      known += Math.log(of(others) / Math.min(...results.map((r) => of(r.after))));
    }
    const mean = (sum: number) => Math.exp(before === 0 ? 0 : sum / before);
    return {
      measure,
      without: mean(reached),
      with: mean(reached - added),
      ofLeft: 1 - mean(-added),
      ofKnown: known > 0 ? added / known : undefined,
    };
  });
};
