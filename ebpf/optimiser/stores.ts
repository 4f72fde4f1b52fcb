/** Stores next to each other become one: of constants, and of what was loaded from places next to each other. */
import type { Operation, Size } from '../instruction.ts';
import { registersOf } from '../prover/flow.ts';
import { type Code, copyCode, isEnd, type Node, nodeOf, replaceNodes } from './code.ts';
import { liveAfter } from './liveness.ts';
import type { Move } from './rule.ts';
import { type Byte, rewriteWithValues, type ValueId } from './values.ts';

type Seen = {
  readonly index: number;
  readonly op: Operation & { kind: 'store' };
  readonly root: ValueId;
  readonly at: number;
  readonly constant: bigint | undefined;
  readonly bytes: readonly Byte[];
  /** Whether what these bytes were loaded from has not changed since. */
  readonly fresh: boolean;
  /** The value stored, as another one shifted to the right. */
  readonly shifted: { readonly value: ValueId; readonly by: number };
  /** Whether a store of twice the size may start here: the frame is accessed at multiples of the size only. */
  readonly mayWiden: boolean;
  /** Registers and what they hold before the store: root and offset. */
  readonly places: readonly { readonly root: ValueId; readonly offset: number }[];
};

/** What others may notice, or do, between two stores. */
const isSeen = ({ op }: Node) => op.kind === 'call' || op.kind === 'atomic';

/** Stores of one block, by block. */
const storesOf = (code: Code): Seen[][] => {
  const blocks: Seen[][] = [[]];
  const targets = new Set(code.map((n) => n.target));
  rewriteWithValues(code, (node, values, index) => {
    const { op } = node;
    const before = code[index - 1];
    if (targets.has(code[index]!) || (before && (isEnd(before) || before.target || isSeen(before))))
      blocks.push([]);
    if (op.kind !== 'store') return undefined;
    const { root, offset } = values.info(values.regs[op.dst]!);
    const value = values.operand(op.src);
    const { constant, bytes, shifted = { value, by: 0 } } = values.info(value);
    const fresh = bytes.every((b) => !b || b === 'zero' || b.epoch === values.epochOf(b.root, b.offset));
    const places = values.regs.map((id) => values.info(id));
    const at = offset + op.off;
    const mayWiden = root !== values.frame || at % (2 * op.size) === 0;
    blocks.at(-1)!.push({ index, op, root, at, constant, bytes, fresh, shifted, mayWiden, places });
    return undefined;
  });
  return blocks;
};

const fits = (off: number) => off >= -0x8000 && off <= 0x7fff;

/** Both constants as the immediate of one store; undefined when that can't hold them. */
const constantOf = (low: Seen, high: Seen): number | undefined => {
  if (low.constant === undefined || high.constant === undefined) return undefined;
  const bits = 8 * low.op.size;
  const both = BigInt.asUintN(bits, low.constant) | (BigInt.asUintN(bits, high.constant) << BigInt(bits));
  const imm = BigInt.asIntN(32, both);
  return low.op.size < 4 || BigInt.asUintN(64, imm) === both ? Number(imm) : undefined;
};

/** Where all bytes of both lie one after the other in memory: their root and first offset. */
const sourceOf = (low: Seen, high: Seen): { root: ValueId; offset: number } | undefined => {
  const bytes = [...low.bytes.slice(0, low.op.size), ...high.bytes.slice(0, high.op.size)];
  const [first] = bytes;
  if (!first || first === 'zero' || !low.fresh || !high.fresh) return undefined;
  const inOrder = bytes.every(
    (b, i) => b && b !== 'zero' && b.root === first.root && b.offset === first.offset + i,
  );
  return inOrder ? first : undefined;
};

/** Registers that pairs joined in one pass take for a while, and those that they read from: neither may be the other for another pair. */
type Used = { scratch: number; pointers: number };

const wide = (
  low: Seen,
  high: Seen,
  first: Seen,
  live: number,
  code: Code,
  used: Used,
): Operation[] | undefined => {
  const size = (2 * low.op.size) as Size;
  const target = { kind: 'store', size, dst: first.op.dst, off: first.op.off + low.at - first.at } as const;
  if (!fits(target.off)) return undefined;
  const imm = constantOf(low, high);
  if (imm !== undefined) return [{ ...target, src: { kind: 'imm', imm } }];
  const parts =
    high.shifted.value === low.shifted.value && high.shifted.by === low.shifted.by + 8 * low.op.size;
  if (parts && first === low && low.op.src.kind === 'reg') return [{ ...target, src: low.op.src }];
  const above = low.bytes.slice(low.op.size, size);
  if (high.constant === 0n && low.op.src.kind === 'reg' && first === low && above.every((b) => b === 'zero'))
    return [{ ...target, src: low.op.src }];
  const source = sourceOf(low, high);
  const pointer =
    source && first.places.findIndex((p, r) => p.root === source.root && (used.scratch & (1 << r)) === 0);
  if (!source || pointer === undefined || pointer < 0) return undefined;
  const off = source.offset - first.places[pointer]!.offset;
  const busy =
    live | registersOf(code[first.index]!.op).reads | (1 << first.op.dst) | (1 << pointer) | used.pointers;
  const register = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].find((r) => (busy & (1 << r)) === 0);
  if (register === undefined || !fits(off)) return undefined;
  used.scratch |= 1 << register;
  used.pointers |= 1 << pointer;
  return [
    { kind: 'load', size, signed: false, dst: register, src: pointer, off },
    { ...target, src: { kind: 'reg', reg: register } },
  ];
};

const pairsOf = (block: readonly Seen[]): [Seen, Seen][] =>
  block.flatMap((low) =>
    block
      .filter((high) => high.root === low.root && high.op.size === low.op.size && low.op.size < 8)
      .filter(() => low.mayWiden)
      .filter((high) => high.at === low.at + low.op.size)
      .map((high): [Seen, Seen] => [low, high]),
  );

/** Places that each node reads or writes: root and first byte; undefined for none. */
type Touched = {
  readonly root: ValueId;
  readonly at: number;
  readonly size: number;
  readonly isStore: boolean;
};

const touchedBy = (code: Code): ReadonlyMap<number, Touched> => {
  const touched = new Map<number, Touched>();
  rewriteWithValues(code, ({ op }, values, index) => {
    if (op.kind !== 'load' && op.kind !== 'store') return undefined;
    const { root, offset } = values.info(values.regs[op.kind === 'load' ? op.src : op.dst]!);
    touched.set(index, { root, at: offset + op.off, size: op.size, isStore: op.kind === 'store' });
    return undefined;
  });
  return touched;
};

const isApart = (a: { at: number; size: number }, b: { at: number; size: number }) =>
  a.at + a.size <= b.at || b.at + b.size <= a.at;

/** Whether nothing between two stores of one block stands in the way of joining them, as far as roots tell. */
const canJoin = (low: Seen, high: Seen, touched: ReadonlyMap<number, Touched>): boolean => {
  const [first, second] = low.index < high.index ? [low.index, high.index] : [high.index, low.index];
  const moved = { root: low.root, at: low.at, size: 2 * low.op.size };
  const source = low.constant === undefined ? sourceOf(low, high) : undefined;
  for (let i = first + 1; i < second; i++) {
    const other = touched.get(i);
    if (!other) continue;
    if (other.root === moved.root && !isApart(other, moved)) return false;
    const from = source && { at: source.offset, size: moved.size };
    if (from && other.isStore && other.root === source.root && !isApart(other, from)) return false;
  }
  return !source || source.root !== low.root || isApart(moved, { at: source.offset, size: moved.size });
};

/** Joins every pair that fits, `early`: where the first stands, otherwise where the second does. */
const combine = (code: Code, early: boolean): Code | undefined => {
  const live = liveAfter(code);
  const touched = touchedBy(code);
  const made = new Map<number, Operation[] | null>();
  const used: Used = { scratch: 0, pointers: 0 };
  for (const block of storesOf(code))
    for (const [low, high] of pairsOf(block)) {
      if (made.has(low.index) || made.has(high.index) || !canJoin(low, high, touched)) continue;
      const isLowFirst = low.index < high.index;
      const [at, other] = early === isLowFirst ? [low, high] : [high, low];
      const ops = wide(low, high, at, live[at.index]! | (early ? (live[at.index - 1] ?? 0) : 0), code, used);
      if (!ops) continue;
      made.set(at.index, ops);
      made.set(other.index, null);
    }
  if (made.size === 0) return undefined;
  return replaceNodes(copyCode(code), (_, i) => {
    const ops = made.get(i);
    return ops === undefined ? undefined : (ops ?? []).map((op) => nodeOf(op));
  });
};

/** Repeated, so that four bytes become one word in one move. */
const repeated = (code: Code, early: boolean): Code[] => {
  let last: Code | undefined;
  for (let next = combine(code, early); next && next !== last; next = combine(next, early)) last = next;
  return last ? [last] : [];
};

export const storeCombining: Move = {
  name: 'store-combining',
  doc: 'Stores once what is stored next to each other: constants, and copies of what lies next to each other.',
  sites: (code) => [...repeated(code, false), ...repeated(code, true)],
};
