/**
 * What a stretch of straight code copies from memory to memory, byte by byte, done anew with the widest loads and stores. Pointers
 * that come from different places are taken to point to different memory: whether they do is for the proof to say.
 */
import type { Operation, Size } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, isEnd, type Node, nodeOf, replaceNodes } from './code.ts';
import { hasOnlyResult } from './dead.ts';
import { liveAfter } from './liveness.ts';
import type { Move } from './rule.ts';
import { type Byte, rewriteWithValues, type ValueId } from './values.ts';

/** Bytes that come from one place and go to another, both in order. */
type Piece = {
  readonly to: ValueId;
  readonly at: number;
  readonly from: ValueId;
  readonly source: number;
  readonly size: Size;
};

type Copied = { readonly to: ValueId; readonly at: number; readonly from: ValueId; readonly source: number };

/** A stretch without jumps in or out, calls and atomics: what it copies, and the stores that do so. */
type Stretch = {
  readonly from: number;
  to: number;
  readonly stores: number[];
  readonly bytes: Map<string, Copied>;
  readonly kept: Set<string>;
};

/** Epochs count changes of the byte itself in these low bits, @see Values.epochOf. */
const OWN_CHANGES = 2 ** 24;

const startsAnew = (code: Code, index: number, targets: ReadonlySet<Node | undefined>): boolean => {
  const before = code[index - 1];
  if (!before || targets.has(code[index]!) || isEnd(before)) return true;
  return before.target !== undefined || ['call', 'callx', 'atomic'].includes(before.op.kind);
};

const keyOf = (root: ValueId, at: number) => `${root} ${at}`;

const stretchesOf = (code: Code): { stretches: Stretch[]; frame: ValueId } => {
  const targets = new Set(code.map((n) => n.target));
  const stretches: Stretch[] = [];
  let changes = new Map<string, number>();
  let frame = 0;
  rewriteWithValues(code, (node, values, index) => {
    frame = values.frame;
    if (startsAnew(code, index, targets)) {
      stretches.push({ from: index, to: index, stores: [], bytes: new Map(), kept: new Set() });
      changes = new Map();
    }
    const stretch = stretches.at(-1)!;
    stretch.to = index;
    const { op } = node;
    if (op.kind !== 'store') return undefined;
    const { root, offset } = values.info(values.regs[op.dst]!);
    const places = Array.from({ length: op.size }, (_, i) => offset + op.off + i);
    const { bytes } = values.info(values.operand(op.src));
    /** Whether the byte was loaded before anything in this stretch changed its place. */
    const isFirst = (b: Byte): b is Exclude<Byte, 'zero' | undefined> => {
      if (b === undefined || b === 'zero') return false;
      const now = values.epochOf(b.root, b.offset) % OWN_CHANGES;
      return b.epoch % OWN_CHANGES === now - (changes.get(keyOf(b.root, b.offset)) ?? 0);
    };
    const isCopy = places.every((_, i) => isFirst(bytes[i]));
    if (isCopy) stretch.stores.push(index);
    for (const [i, at] of places.entries()) {
      const key = keyOf(root, at);
      const b = bytes[i];
      changes.set(key, (changes.get(key) ?? 0) + 1);
      if (isCopy && isFirst(b)) stretch.bytes.set(key, { to: root, at, from: b.root, source: b.offset });
      else stretch.kept.add(key);
    }
    return undefined;
  });
  return { stretches, frame };
};

const isAligned = (at: number, size: number) => at % size === 0;

/** The fewest pieces that copy these bytes. The frame is accessed at multiples of the size only. */
const piecesOf = (copied: readonly Copied[], frame: ValueId): Piece[] => {
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

/** Nodes of a stretch that can go once some of its stores are gone: these, and what only they needed. */
const needless = (code: Code, { from, to, stores }: Stretch): Set<number> => {
  const gone = new Set(stores);
  for (let before = -1; before !== gone.size; ) {
    before = gone.size;
    const left = [...code.keys()].filter((i) => !gone.has(i));
    const live = liveAfter(replaceNodes(copyCode(code), (_, i) => (gone.has(i) ? [] : undefined)));
    for (const [at, i] of left.entries())
      if (i >= from && i <= to && hasOnlyResult(code[i]!))
        if ((registersOf(code[i]!.op).writes & live[at]!) === 0) gone.add(i);
  }
  return gone;
};

/** Registers that hold a root plus an offset before the node at `at`. */
const placesBefore = (code: Code, at: number): ReadonlyMap<number, { root: ValueId; offset: number }> => {
  const places = new Map<number, { root: ValueId; offset: number }>();
  rewriteWithValues(code, (_, values, index) => {
    if (index === at) for (const [r, id] of values.regs.entries()) places.set(r, values.info(id));
    return undefined;
  });
  return places;
};

const overlaps = (a: Piece, b: Piece): boolean =>
  a.to === b.from && a.at < b.source + b.size && b.source < a.at + a.size;

type Registers = {
  readonly base: (root: ValueId) => { register: number; offset: number } | undefined;
  readonly free: number;
};

/**
 * Loads and stores of all pieces. All are loaded before any is stored, as far as there are registers: then it does not matter
 * where the pointers point; each piece is loaded before its place is known to be stored over. Undefined when there are too few.
 */
const emit = (pieces: readonly Piece[], { base, free }: Registers): Operation[] | undefined => {
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

/** The stretch with its copies made anew, where the first or the last of what goes stood; undefined when nothing is saved. */
const renew = (code: Code, stretch: Stretch, frame: ValueId, late: boolean): Code | undefined => {
  const copied = [...stretch.bytes.values()];
  const isMixed = copied.some(
    (c) => stretch.kept.has(keyOf(c.to, c.at)) || stretch.kept.has(keyOf(c.from, c.source)),
  );
  if (stretch.stores.length < 2 || isMixed) return undefined;
  const pieces = piecesOf(copied, frame);
  const gone = needless(code, stretch);
  if (2 * pieces.length >= gone.size) return undefined;
  const first = Math.min(...gone);
  const at = late ? Math.max(...stretch.stores) : first;
  let written = 0;
  for (let i = first; i < at; i++) if (!gone.has(i)) written |= registersOf(code[i]!.op).writes;
  const places = placesBefore(code, first);
  const base = (root: ValueId) => {
    const found = [...places].find(([r, p]) => p.root === root && (written & (1 << r)) === 0);
    return found && { register: found[0], offset: found[1].offset };
  };
  const bases = pieces
    .flatMap((p) => [base(p.from), base(p.to)])
    .reduce((m, b) => (b ? m | (1 << b.register) : m), 0);
  const left = [...code.keys()].filter((i) => !gone.has(i));
  const rest = replaceNodes(copyCode(code), (_, i) => (gone.has(i) ? [] : undefined));
  const position = left.findIndex((i) => i >= at);
  const { reads, writes } = registersOf(rest[position]!.op);
  const busy = bases | reads | (liveAfter(rest)[position]! & ~writes);
  const ops = emit(pieces, { base, free: ~busy & 0x3ff });
  if (!ops) return undefined;
  return replaceNodes(copyCode(code), (_, i) => {
    if (!gone.has(i)) return undefined;
    return i === at ? ops.map((op) => nodeOf(op)) : [];
  });
};

const renewAll = (code: Code, late: boolean): Code[] => {
  const { stretches, frame } = stretchesOf(code);
  let made = code;
  // From the back, so that indices of stretches before stay as they are; roots are those of the first reading.
  for (const stretch of [...stretches].reverse()) made = renew(made, stretch, frame, late) ?? made;
  return made === code ? [] : [made];
};

export const copyRenewing: Move = {
  name: 'copy-renewing',
  doc: 'Copies from memory to memory with the widest loads and stores, whatever the order in which it was done byte by byte.',
  sites: (code) => [...renewAll(code, true), ...renewAll(code, false)],
};
