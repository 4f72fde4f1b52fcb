/** Bytes that are copied, as the fewest loads and stores. */
import type { Operation, Size } from '../instruction.ts';
import type { ValueId } from './values.ts';

/** Bytes that come from one place and go to another, both in order. */
export type Piece = {
  readonly to: ValueId;
  readonly at: number;
  readonly from: ValueId;
  readonly source: number;
  readonly size: Size;
};

export type Copied = Omit<Piece, 'size'> & {
  /** Index of the store. */
  readonly by: number;
};

const isAligned = (at: number, size: number) => at % size === 0;

/** The fewest pieces that copy these bytes. The frame is accessed at multiples of the size only. */
export const piecesOf = (copied: readonly Copied[], frame: ValueId): Piece[] => {
  const sorted = [...copied].sort((a, b) => a.to - b.to || a.at - b.at);
  const pieces: Piece[] = [];
  for (let i = 0; i < sorted.length; ) {
    const first = sorted[i]!;
    const follows = (n: number) => {
      const next = sorted[i + n];
      const isNext = next?.to === first.to && next.at === first.at + n;
      return isNext && next.from === first.from && next.source === first.source + n;
    };
    let length = 1;
    while (follows(length)) length++;
    const fits = (size: number) =>
      size <= length &&
      (first.to !== frame || isAligned(first.at, size)) &&
      (first.from !== frame || isAligned(first.source, size));
    const size = ([8, 4, 2, 1] as const).find(fits)!;
    pieces.push({ ...first, size });
    i += size;
  }
  return pieces;
};

const overlaps = (a: Piece, b: Piece): boolean =>
  a.to === b.from && a.at < b.source + b.size && b.source < a.at + a.size;

export type Registers = {
  readonly base: (root: ValueId) => { register: number; offset: number } | undefined;
  readonly free: number;
};

/**
 * Loads and stores of all pieces. All are loaded before any is stored, as far as there are registers: then it does not matter
 * where the pointers point; each piece is loaded before its place is known to be stored over. Undefined when there are too few.
 */
export const emit = (pieces: readonly Piece[], { base, free }: Registers): Operation[] | undefined => {
  const out: Operation[] = [];
  let held: { piece: Piece; register: number }[] = [];
  const store = (from: number) => {
    const waits = (h: { piece: Piece }) => pieces.slice(from).some((later) => overlaps(h.piece, later));
    for (const { piece, register } of held.filter((h) => !waits(h))) {
      const to = base(piece.to)!;
      const src = { kind: 'reg', reg: register } as const;
      out.push({ kind: 'store', size: piece.size, dst: to.register, off: piece.at - to.offset, src });
    }
    held = held.filter(waits);
  };
  for (const [n, piece] of pieces.entries()) {
    const unused = () => REGISTERS.find((r) => free & (1 << r) && held.every((h) => h.register !== r));
    if (unused() === undefined) store(n);
    const [from, register] = [base(piece.from), unused()];
    if (!from || !base(piece.to) || register === undefined) return undefined;
    const { size, source } = piece;
    out.push({
      kind: 'load',
      size,
      signed: false,
      dst: register,
      src: from.register,
      off: source - from.offset,
    });
    held.push({ piece, register });
  }
  store(pieces.length);
  return out;
};

const REGISTERS = [1, 2, 3, 4, 5, 0, 6, 7, 8, 9];
