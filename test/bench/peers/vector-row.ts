/** One vector helper next to the loop that does its work, net of what calling an empty program costs. */
import { atMost, type Metric } from '../metric.ts';
import { type BoardRun, sameResult } from './board.ts';
import { geometricMean, type Measurement } from './row.ts';

export type VectorRow = {
  readonly helper: string;
  readonly size: string;
  /** Executed instructions: a module that calls the helper, the loop under this JIT, under Linux' JIT, by clang -O3. */
  readonly velocity: number;
  readonly loop: number;
  readonly linux: number;
  readonly native: number;
  /** Words of compiled code, of the program with the helper. */
  readonly words: number;
  /** What the verifier gives as the bound of the program with the helper. */
  readonly bound: number;
  readonly wrong: readonly string[];
};

export type VectorMeasurement = Measurement & { readonly helped: BoardRun };

export const vectorRowOf = (
  { program, board, helped, peer, host }: VectorMeasurement,
  nothing: Pick<Measurement, 'board' | 'peer'>,
): VectorRow => {
  const computed = Object.entries({ helper: helped, loop: board, linux: peer.linux, native: peer.native });
  return {
    helper: program.helper!,
    size: program.title,
    velocity: helped.executed - nothing.board.executed,
    loop: board.executed - nothing.board.executed,
    linux: (peer.linux?.executed ?? Number.NaN) - (nothing.peer.linux?.executed ?? 0),
    native: peer.native.executed - nothing.peer.native.executed,
    words: helped.words,
    bound: helped.bound,
    wrong: computed.filter(([, c]) => !c || !sameResult(c, host)).map(([who]) => who),
  };
};

/** @returns the ratio, rounded, of a helper to what it is held against */
export const ratioOf = (row: VectorRow, to: 'linux' | 'native' | 'loop'): number =>
  Number((row.velocity / row[to]).toFixed(3));

/** Each helper is to reach the goals on its own: the figures are of the worst. */
export const vectorMetrics = (rows: readonly VectorRow[]): Metric[] => {
  const right = rows.filter((row) => row.wrong.length === 0);
  const wrong = atMost('vectors_wrong_results', rows.length - right.length, 'helpers', 0);
  if (right.length === 0) return [wrong];
  const mean = (to: 'linux' | 'native') =>
    Number(geometricMean(right.map((row) => row.velocity / row[to])).toFixed(3));
  const worst = (to: 'linux' | 'native') => Math.max(...right.map((row) => ratioOf(row, to)));
  const over = right.filter((row) => row.velocity > row.bound).length;
  return [
    wrong,
    atMost('vectors_executed_of_linux', mean('linux'), 'ratio', 0.2),
    atMost('vectors_worst_of_linux', worst('linux'), 'ratio', 0.2),
    atMost('vectors_executed_of_native', mean('native'), 'ratio', 1.25),
    atMost('vectors_worst_of_native', worst('native'), 'ratio', 1.25),
    atMost('vectors_over_bound', over, 'helpers', 0),
  ];
};
