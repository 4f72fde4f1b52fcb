/**
 * Sums of products in a straight line, as one call of a dot product: what compilers make of a short loop that they unroll. The
 * factors of one side may be loads that were spilled before the line begins, as the taps of a filter are.
 */
import { vectors } from '../../abi/index.ts';
import type { Load, Operation } from '../instruction.ts';
import { type Code, copyCode, isEnd, type Node, nodeOf } from '../optimiser/code.ts';
import { FRAME, freeSlots } from './frame.ts';
import { Atoms, constant, isConstant, keyOf, minus, plus, single, type Value, Walk } from './value.ts';

/** Fewer products are not worth a call. */
const MIN_PRODUCTS = 8;
const SCRATCH = [1, 2, 3, 4, 5] as const;

/** What a straight piece of code leaves in registers and in its frame, before and after each of its nodes. */
type Line = { readonly first: number; readonly walks: readonly Walk[] };

/** Offset in the frame; undefined for any other place. */
const frameOffset = (at: Value): number | undefined => {
  const base = at.terms[0]?.atom;
  const isFrame = at.terms.length === 1 && base?.kind === 'reg' && base.reg === FRAME;
  return isFrame && at.terms[0]!.by === 1n ? Number(at.constant) : undefined;
};

/** A load of what the same line spilled is that value. */
const spilledHere = (walk: Walk, op: Load): Value | undefined => {
  const at = keyOf(plus(walk.regs[op.src]!, constant(op.off)));
  const stored = walk.stores.findLast((s) => keyOf(s.at) === at && s.size === op.size);
  return op.src === FRAME ? stored?.value : undefined;
};

const advance = (before: Walk, op: Operation): Walk | undefined => {
  const walk = new Walk(before.atoms, before);
  const spilled = op.kind === 'load' ? spilledHere(walk, op) : undefined;
  if (spilled && op.kind === 'load') {
    walk.regs[op.dst] = spilled;
    walk.widths[op.dst] = 64;
    return walk;
  }
  return walk.step(op) ? walk : undefined;
};

/** The straight pieces of a program, without what ends them. */
const linesOf = (code: Code): Line[] => {
  const heads = new Set(code.flatMap((n) => n.target ?? []));
  const lines: Line[] = [];
  let walks: Walk[] | undefined;
  code.forEach((node, i) => {
    if (!walks || heads.has(node)) {
      walks = [new Walk(new Atoms())];
      lines.push({ first: i, walks });
    }
    const next = node.op.kind === 'branch' || isEnd(node) ? undefined : advance(walks.at(-1)!, node.op);
    if (next) walks.push(next);
    else walks = undefined;
  });
  return lines;
};

/** Where elements of one side lie: in terms of the first registers of this line, or of one register of the line that spilled them. */
type Side = { readonly at: Value; readonly spilled?: { readonly line: Line; readonly register: number } };
type Factor = Side & { readonly size: number };

/** The load that was spilled at an offset of the frame, by the only store of the program to it, and outside the line. */
const spilledBefore = (code: Code, lines: readonly Line[], off: number, line: Line): Factor | undefined => {
  const stores = code.flatMap(({ op }, i) =>
    op.kind === 'store' && op.dst === FRAME && op.off === off ? [i] : [],
  );
  const [at] = stores;
  if (at === undefined || stores.length !== 1) return undefined;
  const home = lines.find((l) => l.first <= at && at < l.first + l.walks.length);
  const store = code[at]!.op;
  if (!home || home === line || store.kind !== 'store' || store.src.kind !== 'reg') return undefined;
  const walk = home.walks[at - home.first]!;
  const atom = single(walk.regs[store.src.reg]!);
  if (atom?.kind !== 'load' || !atom.signed) return undefined;
  const [term, more] = atom.at.terms;
  if (more || term?.atom.kind !== 'reg' || term.by !== 1n) return undefined;
  return { size: atom.size, at: atom.at, spilled: { line: home, register: term.atom.reg } };
};

type Sum = { readonly node: number; readonly dst: number; readonly width: 32 | 64 };
type Dot = Sum & {
  readonly line: Line;
  readonly size: 1 | 2;
  readonly n: number;
  readonly sides: readonly Side[];
};

/** The first of elements that follow each other without a gap. */
const firstOf = (factors: readonly Factor[], size: number): Side | undefined => {
  const sorted = [...factors].sort((a, b) => (a.at.constant < b.at.constant ? -1 : 1));
  const [first] = sorted;
  const close = sorted.every(({ at }, i) => keyOf(minus(at, first!.at)) === keyOf(constant(i * size)));
  return close ? first : undefined;
};

/** Two factors of one side are a constant apart, and both spilled or neither. */
const isBeside = (a: Factor, b: Factor) =>
  a.spilled?.line === b.spilled?.line && isConstant(minus(a.at, b.at));

const pairUp = (pairs: readonly (readonly Factor[])[]): readonly [Factor[], Factor[]] | undefined => {
  const [lead] = pairs[0]!;
  const sorted = pairs.map((p) => (isBeside(p[0]!, lead!) ? p : [p[1]!, p[0]!]));
  const order = sorted.map((p) => Number(p[0]!.at.constant - p[1]!.at.constant));
  return order.every((distance) => distance === order[0]) && sorted.every((p) => isBeside(p[0]!, lead!))
    ? [sorted.map((p) => p[0]!), sorted.map((p) => p[1]!)]
    : undefined;
};

const dotOf = (code: Code, lines: readonly Line[], line: Line, sum: Sum, value: Value): Dot | undefined => {
  const factor = (v: Value): Factor | undefined => {
    const atom = single(v);
    if (atom?.kind !== 'load') return undefined;
    const off = frameOffset(atom.at);
    if (off !== undefined) return spilledBefore(code, lines, off, line);
    return atom.signed ? { size: atom.size, at: atom.at } : undefined;
  };
  const pairs = value.terms.map(({ atom, by }) =>
    by === 1n && atom.kind === 'op' && atom.op === 'mul' ? atom.args.map(factor) : [],
  );
  const size = pairs[0]?.[0]?.size;
  if (value.constant !== 0n || pairs.length < MIN_PRODUCTS || (size !== 1 && size !== 2)) return undefined;
  if (!pairs.every((p) => p.length === 2 && p.every((f) => f?.size === size))) return undefined;
  const sides = pairUp(pairs as Factor[][])?.map((factors) => firstOf(factors, size));
  return sides?.every((s) => s !== undefined) ? { ...sum, line, size, n: pairs.length, sides } : undefined;
};

const mov = (dst: number, src: number, width: 32 | 64 = 64): Node =>
  nodeOf({ kind: 'alu', width, op: 'mov', dst, src: { kind: 'reg', reg: src } });
const add = (dst: number, src: Extract<Operation, { kind: 'alu' }>['src']): Node =>
  nodeOf({ kind: 'alu', width: 64, op: 'add', dst, src });
const loadSlot = (dst: number, off: number): Node =>
  nodeOf({ kind: 'load', size: 8, signed: false, dst, src: FRAME, off });
const storeSlot = (off: number, src: number): Node =>
  nodeOf({ kind: 'store', size: 8, dst: FRAME, off, src: { kind: 'reg', reg: src } });

/** A base and a constant behind it; undefined when that does not fit an immediate. */
const pointer = (base: readonly Node[], dst: number, { constant: off }: Value): Node[] | undefined => {
  if (off !== BigInt.asIntN(32, off)) return undefined;
  return off === 0n ? [...base] : [...base, add(dst, { kind: 'imm', imm: Number(off) })];
};

/** Arguments are made in order, with r0 to help: these registers are read from where they are kept. */
const isGone = (register: number, dst: number) => register < dst && (register > 0 || dst > 1);

/** An address in terms of registers and of slots of the frame; undefined for any other. */
const address = (dst: number, value: Value, kept: ReadonlyMap<number, number>): Node[] | undefined => {
  const slots: number[] = [];
  const registers: number[] = [];
  for (const { atom, by } of value.terms) {
    const off =
      atom.kind === 'reg' && isGone(atom.reg, dst)
        ? kept.get(atom.reg)
        : atom.kind === 'load' && atom.size === 8
          ? frameOffset(atom.at)
          : undefined;
    if (by !== 1n) return undefined;
    if (off !== undefined) slots.push(off);
    else if (atom.kind === 'reg') registers.push(atom.reg);
    else return undefined;
  }
  registers.sort((a, b) => Number(b === dst) - Number(a === dst));
  const [first, ...others] = registers;
  const start = first === undefined ? loadSlot(dst, slots.pop()!) : mov(dst, first);
  const added = others.map((reg) => add(dst, { kind: 'reg', reg }));
  const loaded = slots.flatMap((off) => [loadSlot(0, off), add(dst, { kind: 'reg', reg: 0 })]);
  return value.terms.length > 0 ? pointer([start, ...added, ...loaded], dst, value) : undefined;
};

/** The program with the sum taken from a call at the beginning of its line; undefined when it can't be written. */
const written = (given: Code, dot: Dot, live: readonly number[]): Code | undefined => {
  const code = copyCode(given);
  const slot = freeSlots(code);
  const result = slot();
  const kept = new Map(SCRATCH.filter((r) => live.includes(r)).map((r) => [r as number, slot()]));
  if (live.includes(0)) kept.set(0, slot());
  const before = new Map<Node, Node[]>();
  const call = [...kept].map(([r, off]) => storeSlot(off, r));
  for (const [i, { at, spilled }] of dot.sides.entries()) {
    const base = spilled && slot();
    if (base !== undefined) before.set(code[spilled!.line.first]!, [storeSlot(base, spilled!.register)]);
    const made = base === undefined ? address(i + 1, at, kept) : pointer([loadSlot(i + 1, base)], i + 1, at);
    if (!made) return undefined;
    call.push(...made);
  }
  const helper = vectors[dot.size === 1 ? 'vl_dot_i8' : 'vl_dot_i16']!.id;
  call.push(nodeOf({ kind: 'alu', width: 64, op: 'mov', dst: 3, src: { kind: 'imm', imm: dot.n } }));
  call.push(nodeOf({ kind: 'call', form: 'helper', imm: helper }), storeSlot(result, 0));
  call.push(...[...kept].map(([r, off]) => loadSlot(r, off)));
  before.set(code[dot.line.first]!, call);
  for (const node of code) node.target = (node.target && before.get(node.target)?.[0]) ?? node.target;
  const sum = code[dot.node]!;
  return code.flatMap((node) => {
    const taken = node === sum ? [loadSlot(dot.dst, result), mov(dot.dst, dot.dst, dot.width)] : [node];
    return [...(before.get(node) ?? []), ...taken];
  });
};

export type Summed = { readonly code: Code; readonly helpers: readonly string[] };

/** Programs with one sum of products each taken from a vector helper, the longest of each line first. */
export const sumsOfProducts = function* (
  code: Code,
  liveBefore: (node: number) => readonly number[],
): Generator<Summed> {
  const lines = linesOf(code);
  for (const line of lines) {
    const dots = line.walks.slice(1).flatMap((walk, k): Dot[] => {
      const node = line.first + k;
      const { op } = code[node]!;
      if (op.kind !== 'alu' || op.op !== 'add') return [];
      const sum = { node, dst: op.dst, width: walk.widths[op.dst]! };
      const dot = dotOf(code, lines, line, sum, walk.regs[op.dst]!);
      return dot ? [dot] : [];
    });
    for (const dot of dots.sort((a, b) => b.n - a.n)) {
      const made = written(code, dot, liveBefore(line.first));
      if (made) yield { code: made, helpers: [dot.size === 1 ? 'vl_dot_i8' : 'vl_dot_i16'] };
    }
  }
};
