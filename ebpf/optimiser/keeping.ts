/** Moves on loads from places that a later look-up leaves as they are: read once, and kept over the call in a saved register. */
import type { Operation } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, isEnd, type Node, nodeOf, replaceNodes } from './code.ts';
import type { Move } from './rule.ts';

/** The frame pointer, whose place the frame's own rules look after. */
const FRAME = 10;

type Load = Operation & { readonly kind: 'load' };

/** Registers that calls leave alone (RFC 9669 §2). */
const SAVED = [6, 7, 8, 9] as const;
/** bpf_map_lookup_elem: reads its key, and changes nothing. */
const LOOKUP = 1;

const copy = (dst: number, from: number): Node =>
  nodeOf({ kind: 'alu', width: 64, op: 'mov', dst, src: { kind: 'reg', reg: from } });

const isLookup = (op: Operation): boolean => op.kind === 'call' && op.form === 'helper' && op.imm === LOOKUP;
const isOtherCall = (op: Operation): boolean =>
  op.kind === 'callx' || (op.kind === 'call' && !isLookup(op)) || op.kind === 'atomic';

const unusedSaved = (code: Code): number[] => {
  const used = code.reduce((all, { op }) => {
    const { reads, writes } = registersOf(op);
    return all | reads | writes;
  }, 0);
  return SAVED.filter((r) => (used & (1 << r)) === 0);
};

const copied = (op: Operation): number | undefined =>
  op.kind === 'alu' && op.op === 'mov' && op.width === 64 && op.src.kind === 'reg' ? op.src.reg : undefined;

/** Stretches without a way in from elsewhere, the ways out of them left aside: from, and the node behind the last. */
const stretches = function* (code: Code): Generator<readonly [number, number]> {
  const targets = new Set(code.map((n) => n.target));
  let from = 0;
  for (let i = 0; i < code.length; i++) {
    const ends = isEnd(code[i]!) || code[i]!.op.kind === 'jump' || targets.has(code[i + 1]);
    if (!ends && i + 1 < code.length) continue;
    yield [from, i + 1];
    from = i + 1;
  }
};

type Pair = { readonly first: number; readonly again: number };
type Seen = { readonly index: number; readonly base: number; calls: number };

/** Loads of what was loaded before a look-up, in one stretch. Where pointers meet is for the proof to say. */
const repeatedIn = (code: Code, from: number, to: number): Pair[] => {
  const pairs: Pair[] = [];
  let fresh = 0;
  const values = Array.from({ length: 11 }, () => fresh++);
  let seen = new Map<string, Seen>();
  for (let i = from; i < to; i++) {
    const { op } = code[i]!;
    if (op.kind === 'load' && op.src !== FRAME) {
      const key = `${values[op.src]} ${op.off} ${op.size} ${op.signed}`;
      const known = seen.get(key);
      if (known && known.calls > 0) pairs.push({ first: known.index, again: i });
      if (!known) seen.set(key, { index: i, base: values[op.src]!, calls: 0 });
    }
    if (op.kind === 'store') for (const [key, s] of seen) if (s.base === values[op.dst]) seen.delete(key);
    if (isOtherCall(op)) seen = new Map();
    if (isLookup(op)) for (const s of seen.values()) s.calls++;
    const source = copied(op);
    const value = source === undefined ? undefined : values[source];
    const { writes } = registersOf(op);
    for (let r = 0; r <= 10; r++) if (writes & (1 << r)) values[r] = value ?? fresh++;
  }
  return pairs;
};

const kept = (code: Code, pairs: readonly Pair[]): Code => {
  const free = unusedSaved(code);
  const register = new Map<number, number>();
  for (const { first } of pairs) if (!register.has(first)) register.set(first, free[register.size] ?? -1);
  return replaceNodes(copyCode(code), ({ op }, i) => {
    const own = register.get(i);
    if (own !== undefined && own >= 0) {
      const { dst } = op as Load;
      return [nodeOf({ ...(op as Load), dst: own }), copy(dst, own)];
    }
    const from = register.get(pairs.find((p) => p.again === i)?.first ?? -1);
    return from !== undefined && from >= 0 ? [copy((op as Load).dst, from)] : undefined;
  });
};

export const loadKeeping: Move = {
  name: 'load-keeping',
  doc: 'Keeps what was loaded in a register that calls leave alone, where it would be loaded again behind a look-up.',
  sites: (code) => {
    if (unusedSaved(code).length === 0) return [];
    const pairs = [...stretches(code)].flatMap(([from, to]) => repeatedIn(code, from, to));
    if (pairs.length === 0) return [];
    const one = pairs.filter((p) => p.first === pairs[0]!.first);
    return one.length === pairs.length ? [kept(code, pairs)] : [kept(code, pairs), kept(code, one)];
  },
};

/** The only node that reads a register; undefined when there are several or none. */
const onlyReader = (code: Code, register: number): number | undefined => {
  const readers = [...code.keys()].filter((i) => registersOf(code[i]!.op).reads & (1 << register));
  return readers.length === 1 ? readers[0] : undefined;
};

/** Where, behind the copy at `at`, the last branch before the next call was passed and the pointer is still there. */
const placeFor = (code: Code, at: number, pointer: number, to: number): number | undefined => {
  let place: number | undefined;
  for (let i = at + 1; i < to; i++) {
    const { op } = code[i]!;
    if (op.kind === 'branch') place = i + 1;
    if (op.kind === 'call' || op.kind === 'callx') return place;
    if (registersOf(op).writes & (1 << pointer)) return undefined;
  }
  return undefined;
};

/** `at` copies a pointer that is kept for one load only: the load instead, before the call. */
const earlier = (code: Code, at: number, to: number): Code | undefined => {
  const { op } = code[at]!;
  const pointer = copied(op);
  if (pointer === undefined || op.kind !== 'alu' || op.dst < SAVED[0] || op.dst > SAVED[3]) return undefined;
  const writers = code.filter((n) => registersOf(n.op).writes & (1 << op.dst));
  const reader = onlyReader(code, op.dst);
  if (writers.length !== 1 || reader === undefined || reader <= at || reader >= to) return undefined;
  const load = code[reader]!.op;
  const place = placeFor(code, at, pointer, reader);
  if (load.kind !== 'load' || place === undefined) return undefined;
  const early = nodeOf({ ...load, dst: op.dst, src: pointer });
  return replaceNodes(copyCode(code), (node, i) => {
    if (i === at) return [];
    if (i === place) return [early, nodeOf(node.op, node.target)];
    return i === reader ? [copy(load.dst, op.dst)] : undefined;
  });
};

export const earlyLoading: Move = {
  name: 'early-loading',
  doc: 'Loads before a call what a pointer is kept for over it, where that is one load.',
  sites: (code) =>
    [...stretches(code)].flatMap(([from, to]) =>
      Array.from({ length: to - from }, (_, k) => earlier(code, from + k, to)).filter((c) => c !== undefined),
    ),
};
