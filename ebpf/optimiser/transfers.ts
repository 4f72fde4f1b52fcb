/**
 * What a stretch of straight code copies from memory to memory, byte by byte, done anew with the widest loads and stores. Pointers
 * that come from different places are taken to point to different memory: whether they do is for the proof to say.
 */
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, isEnd, type Node, nodeOf, replaceNodes } from './code.ts';
import { hasOnlyResult } from './dead.ts';
import { liveAfter } from './liveness.ts';
import { type Copied, emit, piecesOf } from './pieces.ts';
import type { Move } from './rule.ts';
import { type Byte, rewriteWithValues, type ValueId } from './values.ts';

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
      if (isCopy && isFirst(b))
        stretch.bytes.set(key, { to: root, at, from: b.root, source: b.offset, by: index });
      else stretch.kept.add(key);
    }
    return undefined;
  });
  return { stretches, frame };
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

/** The stretch without copies from or to places that other stores write: these stay as they are. */
const separate = ({ from, to, stores, ...all }: Stretch): Stretch => {
  const kept = new Set(all.kept);
  const left = new Set(stores);
  let copied = [...all.bytes.values()];
  for (let before = -1; before !== copied.length; ) {
    before = copied.length;
    const isMixed = (c: Copied) => kept.has(keyOf(c.to, c.at)) || kept.has(keyOf(c.from, c.source));
    const gone = new Set(copied.filter(isMixed).map((c) => c.by));
    for (const c of copied) if (gone.has(c.by)) kept.add(keyOf(c.to, c.at));
    for (const by of gone) left.delete(by);
    copied = copied.filter((c) => !gone.has(c.by));
  }
  const bytes = new Map(copied.map((c) => [keyOf(c.to, c.at), c]));
  return { from, to, stores: stores.filter((i) => left.has(i)), bytes, kept };
};

/** The stretch with its copies made anew, where the first or the last of what goes stood; undefined when nothing is saved. */
const renew = (code: Code, all: Stretch, frame: ValueId, late: boolean): Code | undefined => {
  const stretch = separate(all);
  if (stretch.stores.length < 2) return undefined;
  const copied = [...stretch.bytes.values()];
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
