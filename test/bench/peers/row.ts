/** One program, all ways to run it, net of what calling an empty one costs. */
import { atMost, type Metric } from '../metric.ts';
import { type BoardRun, sameResult } from './board.ts';
import type { PeerProgram } from './programs.ts';
import { type LinuxLine, type Measured, wordsOf } from './record.ts';

export type Row = {
  readonly program: string;
  readonly title: string;
  /** eBPF instructions. */
  readonly insns: number;
  /** Executed instructions: this kernel, Linux, clang -O2, the same without vectors and unrolled loops. */
  readonly velocity: number;
  /** NaN when Linux refused it. */
  readonly linux: number;
  readonly native: number;
  readonly plain: number;
  /** Words of compiled code. */
  readonly words: number;
  readonly linux_words: number;
  /** Executed instructions of verifying and of compiling here, and of both in Linux. */
  readonly verify: number;
  readonly compile: number;
  readonly linux_load: number;
  /** Who computed something else than this machine did, or refused to; empty when all agree. */
  readonly wrong: readonly string[];
};

type Computed = Pick<Measured, 'result' | 'memory'>;

/** What was measured of one program. */
export type Measurement = {
  readonly program: PeerProgram;
  readonly code: Uint8Array;
  readonly board: BoardRun;
  readonly peer: LinuxLine;
  readonly host: Computed;
};

const wrongOf = ({ board, peer, host }: Measurement): string[] => {
  const refused = peer.errno === undefined ? [] : [`linux (refused it with errno ${peer.errno})`];
  const computed = Object.entries({
    velocity: board,
    linux: peer.linux,
    native: peer.native,
    plain: peer.plain,
  });
  return [...computed.filter(([, c]) => c && !sameResult(c, host)).map(([who]) => who), ...refused];
};

const linuxOf = ({ linux }: LinuxLine): number => linux?.executed ?? Number.NaN;

export const rowOf = (measured: Measurement, nothing: Pick<Measurement, 'board' | 'peer'>): Row => {
  const { program, code, board, peer } = measured;
  return {
    program: program.name,
    title: program.title,
    insns: code.length / 8,
    velocity: board.executed - nothing.board.executed,
    linux: linuxOf(peer) - linuxOf(nothing.peer),
    native: peer.native.executed - nothing.peer.native.executed,
    plain: peer.plain.executed - nothing.peer.plain.executed,
    words: board.words,
    linux_words: wordsOf(peer.jit),
    verify: board.verify,
    compile: board.compile,
    linux_load: peer.load,
    wrong: wrongOf(measured),
  };
};

/** @throws RangeError for no values, or values that are not positive */
export const geometricMean = (values: readonly number[]): number => {
  if (values.length === 0 || values.some((value) => !(value > 0))) {
    throw new RangeError(`no geometric mean of ${JSON.stringify(values)}`);
  }
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
};

const rounded = (value: number, digits: number) => Number(value.toFixed(digits));
const sum = (rows: readonly Row[], key: 'insns' | 'words' | 'verify' | 'compile') =>
  rows.reduce((total, row) => total + row[key], 0);
const ratio = (rows: readonly Row[], key: 'linux' | 'native' | 'plain') =>
  rounded(geometricMean(rows.map((row) => row.velocity / row[key])), 3);

/** What checking a certificate may cost; without one the board searches for itself, turn by turn of each loop. */
const VERIFY_GOAL = 60;

/** The figures with goals. Rows with wrong results count as nothing but wrong. */
export const peerMetrics = (rows: readonly Row[]): Metric[] => {
  const right = rows.filter((row) => row.wrong.length === 0);
  const wrong = atMost('peers_wrong_results', rows.length - right.length, 'programs', 0);
  if (right.length === 0) return [wrong];
  const each = (key: 'words' | 'verify' | 'compile', digits: number) =>
    rounded(sum(right, key) / sum(right, 'insns'), digits);
  return [
    wrong,
    atMost('peers_executed_of_linux', ratio(right, 'linux'), 'ratio', 0.7),
    atMost('peers_executed_of_native', ratio(right, 'native'), 'ratio', 1.15),
    atMost('peers_executed_of_plain_native', ratio(right, 'plain'), 'ratio', 1.15),
    atMost('peers_words_per_insn', each('words', 3), 'A64 words', 1.1),
    atMost('peers_compile_per_insn', each('compile', 0), 'instructions', 150),
    atMost('peers_verify_per_insn', each('verify', 0), 'instructions', VERIFY_GOAL),
  ];
};
