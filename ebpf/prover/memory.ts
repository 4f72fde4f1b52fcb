/**
 * The bytes of one region as the program has changed them: a layer of bytes at constant offsets over an older memory, and under it
 * either what was there first, one write at an offset that is not a constant, a span whose length is not, or a choice of two memories.
 */
import type { Algebra } from './algebra.ts';
import { ProofLimit, type Term } from './term.ts';

export type Below =
  | { readonly kind: 'initial' }
  | { readonly kind: 'write'; readonly offset: Term; readonly bytes: readonly Term[]; readonly under: Memory }
  | (Span & { readonly kind: 'span'; readonly under: Memory })
  | { readonly kind: 'choice'; readonly condition: Term; readonly yes: Memory; readonly no: Memory };

/** So many bytes from an offset on, which may not be known: what each holds follows from its place among them. */
export type Span = {
  readonly offset: Term;
  readonly count: Term;
  /** There are no more than these, whatever the path: spans that are built alike pass for each other. */
  readonly most: bigint;
  readonly filling: Filling;
};

/** The same value everywhere; or what a source holds at the same place, by itself or added to what was there. */
export type Filling =
  | { readonly kind: 'value'; readonly value: Term }
  | { readonly kind: 'copy' | 'xor'; readonly from: Source };

/** Bytes as they are before the write. */
export type Source = {
  /** Of the region and its version: it stands for `initial`. */
  readonly name: string;
  readonly initial: Initial;
  readonly memory: Memory;
  readonly offset: Term;
};

export type Memory = { readonly layer: Map<bigint, Term>; readonly below: Below };

/** What a region holds as far as the program has not changed it. */
export type Initial = {
  /** A byte of its first contents; undefined when reading them is not understood. */
  readonly byte: (offset: Term) => Term | undefined;
  /**
   * Name of an unknown function that stands for the contents after writes at unknown offsets, the same for memories built alike.
   * Undefined: reads there are written out as choices between everything written.
   */
  readonly unknown?: ((below: Below) => string) | undefined;
  /** Whether the verifier has seen that nobody reads first contents: a read at an unknown offset is one of what was written. */
  readonly isNeverRead?: boolean;
};

/** Numbers for memories: those that are built alike have the same. */
export class MemoryNumbers {
  readonly #numbers = new Map<string, number>();
  readonly #known = new WeakMap<Below, number>();

  #number(key: string): number {
    const known = this.#numbers.get(key) ?? this.#numbers.size;
    this.#numbers.set(key, known);
    return known;
  }

  #memory({ layer, below }: Memory): number {
    const bytes = inOrder(layer).map(([at, byte]) => `${at}=${byte.id}`);
    return this.#number(`memory ${this.of(below)} ${bytes}`);
  }

  #filling(filling: Filling): string {
    if (filling.kind === 'value') return `value ${filling.value.id}`;
    const { name, offset, memory } = filling.from;
    return `${filling.kind} ${name} ${offset.id} ${this.#memory(memory)}`;
  }

  #key(below: Below): string {
    if (below.kind === 'initial') return 'initial';
    if (below.kind === 'choice')
      return `choice ${below.condition.id} ${this.#memory(below.yes)} ${this.#memory(below.no)}`;
    if (below.kind === 'span')
      return `span ${below.offset.id} ${below.count.id} ${this.#filling(below.filling)} ${this.#memory(below.under)}`;
    return `write ${below.offset.id} ${below.bytes.map((b) => b.id)} ${this.#memory(below.under)}`;
  }

  of(below: Below): number {
    const number = this.#known.get(below) ?? this.#number(this.#key(below));
    this.#known.set(below, number);
    return number;
  }
}

export const freshMemory = (): Memory => ({ layer: new Map(), below: { kind: 'initial' } });
export const copyMemory = (m: Memory): Memory => ({ layer: new Map(m.layer), below: m.below });

/** An access at an unknown offset that may touch more known bytes than this is given up. */
const MAX_CANDIDATES = 600;

const TOP = 1n << 64n;

/** Whether a byte is plainly none of those that are written, by what its offset and theirs may be. */
const isApart = (from: Term, length: bigint, { min, max }: Term): boolean => {
  const last = from.max + length - 1n;
  return last < TOP && (max < from.min || min > last);
};

/** What was read before: below the topmost layer nothing changes any more, and choices of choices share what is under them. */
const known = new WeakMap<Below, Map<Term, Term>>();

const readBelow = (algebra: Algebra, below: Below, offset: Term, initial: Initial): Term => {
  const reads = known.get(below) ?? new Map<Term, Term>();
  known.set(below, reads);
  const byte = reads.get(offset) ?? findBelow(algebra, below, offset, initial);
  reads.set(offset, byte);
  return byte;
};

const findBelow = (algebra: Algebra, below: Below, offset: Term, initial: Initial): Term => {
  switch (below.kind) {
    case 'initial': {
      const byte = initial.byte(offset);
      if (!byte) throw new ProofLimit('reads memory whose contents are not known');
      return byte;
    }
    case 'choice': {
      const yes = readByte(algebra, below.yes, offset, initial);
      return algebra.ite(below.condition, yes, readByte(algebra, below.no, offset, initial));
    }
    case 'write': {
      if (isApart(below.offset, BigInt(below.bytes.length), offset))
        return readByte(algebra, below.under, offset, initial);
      const hits: [Term, Term][] = [];
      for (const [i, byte] of below.bytes.entries()) {
        const at = algebra.add(below.offset, algebra.const(i, 64));
        const same = algebra.eq(at, offset);
        if (same === algebra.true) return byte;
        if (same !== algebra.false) hits.push([same, byte]);
      }
      if (hits.length > 0 && initial.unknown) return algebra.select(initial.unknown(below), offset, 8);
      const older = readByte(algebra, below.under, offset, initial);
      return hits.reduce((otherwise, [same, byte]) => algebra.ite(same, byte, otherwise), older);
    }
    case 'span':
      return readSpan(algebra, below, offset, initial);
  }
};

/** Offsets wrap as places do, so a place is inside where it lies behind the first by less than there are. */
const readSpan = (
  algebra: Algebra,
  below: Below & { kind: 'span' },
  offset: Term,
  initial: Initial,
): Term => {
  const older = () => readByte(algebra, below.under, offset, initial);
  const index = algebra.sub(offset, below.offset);
  const isInside = algebra.ult(index, below.count);
  if (isInside === algebra.false || index.min >= below.most || isApart(below.offset, below.most, offset))
    return older();
  if (isInside === algebra.true) return filled(algebra, below.filling, index, older);
  if (index.op !== 'const' && initial.unknown) return algebra.select(initial.unknown(below), offset, 8);
  return algebra.ite(isInside, filled(algebra, below.filling, index, older), older());
};

const filled = (algebra: Algebra, filling: Filling, index: Term, older: () => Term): Term => {
  if (filling.kind === 'value') return filling.value;
  const { memory, offset, initial } = filling.from;
  const byte = readByte(algebra, memory, algebra.add(offset, index), initial);
  return filling.kind === 'copy' ? byte : algebra.xor(byte, older());
};

/** By offset, so that what was written in another order reads alike. */
const inOrder = (layer: ReadonlyMap<bigint, Term>) => [...layer].sort(([a], [b]) => (a < b ? -1 : 1));

/** Whether a byte of the layer is all that can be read at this offset. */
const isCovered = (algebra: Algebra, layer: ReadonlyMap<bigint, Term>, offset: Term): boolean => {
  if (offset.max - offset.min > MAX_CANDIDATES) return false;
  for (let at = offset.min; at <= offset.max; at++)
    if (!layer.has(BigInt.asIntN(64, at)) && algebra.eq(offset, algebra.const(at, 64)) !== algebra.false)
      return false;
  return true;
};

export const readByte = (algebra: Algebra, m: Memory, offset: Term, initial: Initial): Term => {
  if (offset.op === 'const') {
    const known = m.layer.get(BigInt.asIntN(64, offset.value));
    return known ?? readBelow(algebra, m.below, offset, initial);
  }
  const hits: [Term, Term][] = [];
  for (const [at, byte] of inOrder(m.layer)) {
    const same = algebra.eq(offset, algebra.const(at, 64));
    if (same !== algebra.false) hits.push([same, byte]);
    if (hits.length > MAX_CANDIDATES)
      throw new ProofLimit('a read at a variable offset has too many candidates');
  }
  const isElsewhere = m.below.kind === 'initial' && initial.isNeverRead;
  const [first] = hits;
  const older =
    first && (isElsewhere || isCovered(algebra, m.layer, offset))
      ? first[1]
      : readBelow(algebra, m.below, offset, initial);
  return hits.reduce((otherwise, [same, byte]) => algebra.ite(same, byte, otherwise), older);
};

/** The memory after writing; changes `m` itself when the offset is constant. */
export const writeBytes = (m: Memory, offset: Term, bytes: readonly Term[]): Memory => {
  if (offset.op !== 'const') return { layer: new Map(), below: { kind: 'write', offset, bytes, under: m } };
  bytes.forEach((byte, i) => {
    m.layer.set(BigInt.asIntN(64, offset.value + BigInt(i)), byte);
  });
  return m;
};

/** The memory after a write whose length, or place, is not known. */
export const writeSpan = (under: Memory, span: Span): Memory => ({
  layer: new Map(),
  below: { ...span, kind: 'span', under },
});

const sameFilling = (a: Filling, b: Filling): boolean => {
  if (a.kind === 'value' || b.kind === 'value')
    return a.kind === b.kind && (a as { value: Term }).value === (b as { value: Term }).value;
  const [x, y] = [a.from, b.from];
  return a.kind === b.kind && x.name === y.name && x.offset === y.offset && sameMemory(x.memory, y.memory);
};

/** What was compared before: choices of choices share what is under them. */
const compared = new WeakMap<Below, WeakMap<Below, boolean>>();

const sameBelow = (a: Below, b: Below): boolean => {
  if (a === b) return true;
  const others = compared.get(a) ?? new WeakMap<Below, boolean>();
  compared.set(a, others);
  const isSame = others.get(b) ?? areAlike(a, b);
  others.set(b, isSame);
  return isSame;
};

const areAlike = (a: Below, b: Below): boolean => {
  if (a.kind === 'initial') return b.kind === 'initial';
  if (a.kind === 'write' && b.kind === 'write')
    return (
      a.offset === b.offset &&
      a.bytes.length === b.bytes.length &&
      a.bytes.every((byte, i) => byte === b.bytes[i]) &&
      sameMemory(a.under, b.under)
    );
  if (a.kind === 'span' && b.kind === 'span')
    return (
      a.offset === b.offset &&
      a.count === b.count &&
      sameFilling(a.filling, b.filling) &&
      sameMemory(a.under, b.under)
    );
  if (a.kind === 'choice' && b.kind === 'choice')
    return a.condition === b.condition && sameMemory(a.yes, b.yes) && sameMemory(a.no, b.no);
  return false;
};

/** True when both are built alike; false says nothing. */
export const sameMemory = (a: Memory, b: Memory): boolean => {
  if (a === b) return true;
  if (a.layer.size !== b.layer.size || !sameBelow(a.below, b.below)) return false;
  for (const [at, byte] of a.layer) if (b.layer.get(at) !== byte) return false;
  return true;
};

type Written = { readonly offsets: ReadonlySet<bigint>; readonly variable: boolean };

const NOTHING: Written = { offsets: new Set(), variable: false };
const written = new WeakMap<Below, Written>();

/** A span longer than this is compared at some offset, not at each. */
const MAX_LISTED = 64n;

const writtenBy = ({ offset, most }: Span): Written => {
  if (offset.op !== 'const' || most > MAX_LISTED) return { ...NOTHING, variable: true };
  const at = (i: number) => BigInt.asIntN(64, offset.value + BigInt(i));
  return { offsets: new Set(Array.from({ length: Number(most) }, (_, i) => at(i))), variable: false };
};

const writtenBelow = (below: Below): Written => {
  if (below.kind === 'initial') return NOTHING;
  if (below.kind === 'write') return { ...NOTHING, variable: true };
  const found = written.get(below) ?? bothOf(partsOf(below));
  written.set(below, found);
  return found;
};

const partsOf = (below: Below & { kind: 'span' | 'choice' }): readonly Written[] =>
  below.kind === 'span'
    ? [writtenBy(below), writtenOffsets(below.under)]
    : [below.yes, below.no].map(writtenOffsets);

const bothOf = (parts: readonly Written[]): Written => ({
  offsets: new Set(parts.flatMap(({ offsets }) => [...offsets])),
  variable: parts.some(({ variable }) => variable),
});

/** Constant offsets that were written, and whether any other was. */
export const writtenOffsets = ({ layer, below }: Memory): Written =>
  bothOf([{ offsets: new Set(layer.keys()), variable: false }, writtenBelow(below)]);

/** What holds after two paths met: `yes` where the condition holds, else `no`. Bytes known on one side only stay known if `initial` has them. */
export const mergeMemory = (
  algebra: Algebra,
  condition: Term,
  yes: Memory,
  no: Memory,
  initial: Initial,
): Memory => {
  if (sameMemory(yes, no)) return yes;
  if (!sameBelow(yes.below, no.below))
    return { layer: new Map(), below: { kind: 'choice', condition, yes, no } };
  const layer = new Map<bigint, Term>();
  for (const at of new Set([...yes.layer.keys(), ...no.layer.keys()])) {
    const offset = algebra.const(at, 64);
    const a = yes.layer.get(at) ?? lookBelow(algebra, yes.below, offset, initial);
    const b = no.layer.get(at) ?? lookBelow(algebra, no.below, offset, initial);
    if (a && b) layer.set(at, algebra.ite(condition, a, b));
  }
  return { layer, below: yes.below };
};

const lookBelow = (algebra: Algebra, below: Below, offset: Term, initial: Initial): Term | undefined =>
  below.kind === 'initial' ? initial.byte(offset) : readBelow(algebra, below, offset, initial);
