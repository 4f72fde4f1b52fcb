/** Families from the algebra of bits and sums: identities that compilers seldom write down. */
import type { Alu } from '../../../ebpf/instruction.ts';
import {
  alu,
  type Expansion,
  type Family,
  imm,
  mov,
  one,
  otherOperand,
  type Surroundings,
  two,
} from './family.ts';

type Write = (o: { d: number; s: number; w: 32 | 64; t: number; u: number }) => Expansion['pieces'];

/** A family for `d op= s` with one spelling of it; t and u are spare. */
const identity = (name: string, op: Alu['op'], write: Write, weight = 2): Family => ({
  name,
  weight,
  expand: (ops, index, around) => {
    const found = ops[index]!;
    const s = otherOperand(found);
    if (found.kind !== 'alu' || found.op !== op || s === undefined) return undefined;
    const o = { d: found.dst, s, w: found.width, t: around.fresh(), u: around.fresh() };
    return one(...write(o));
  },
});

const negate = (width: 32 | 64, dst: number) => ({ kind: 'neg', width, dst }) as const;

export const identities: readonly Family[] = [
  identity('xor-of-or-minus-and', 'xor', ({ d, s, w, t }) => [
    mov(t, d, w),
    alu(w, 'and', t, s),
    alu(w, 'or', d, s),
    alu(w, 'sub', d, t),
  ]),
  identity('xor-of-sum', 'xor', ({ d, s, w, t }) => [
    mov(t, d, w),
    alu(w, 'and', t, s),
    alu(w, 'lsh', t, imm(1)),
    alu(w, 'add', d, s),
    alu(w, 'sub', d, t),
  ]),
  identity('xor-of-masks', 'xor', ({ d, s, w, t, u }) => [
    mov(t, d, w),
    alu(w, 'xor', t, imm(-1)),
    alu(w, 'and', t, s),
    mov(u, s, w),
    alu(w, 'xor', u, imm(-1)),
    alu(w, 'and', d, u),
    alu(w, 'or', d, t),
  ]),
  identity('or-of-and-plus-xor', 'or', ({ d, s, w, t }) => [
    mov(t, d, w),
    alu(w, 'xor', t, s),
    alu(w, 'and', d, s),
    alu(w, 'add', d, t),
  ]),
  identity('or-of-sum-minus-and', 'or', ({ d, s, w, t }) => [
    mov(t, d, w),
    alu(w, 'and', t, s),
    alu(w, 'add', d, s),
    alu(w, 'sub', d, t),
  ]),
  identity('and-of-or-xor', 'and', ({ d, s, w, t }) => [
    mov(t, d, w),
    alu(w, 'xor', t, s),
    alu(w, 'or', d, s),
    alu(w, 'xor', d, t),
  ]),
  identity('and-of-sum-minus-or', 'and', ({ d, s, w, t }) => [
    mov(t, d, w),
    alu(w, 'or', t, s),
    alu(w, 'add', d, s),
    alu(w, 'sub', d, t),
  ]),
  identity('sum-of-xor-and-carry', 'add', ({ d, s, w, t }) => [
    mov(t, d, w),
    alu(w, 'and', t, s),
    alu(w, 'lsh', t, imm(1)),
    alu(w, 'xor', d, s),
    alu(w, 'add', d, t),
  ]),
  identity('sum-of-or-and', 'add', ({ d, s, w, t }) => [
    mov(t, d, w),
    alu(w, 'or', t, s),
    alu(w, 'and', d, s),
    alu(w, 'add', d, t),
  ]),
  identity('sum-by-negation', 'add', ({ d, s, w, t }) => [mov(t, s, w), negate(w, t), alu(w, 'sub', d, t)]),
  identity('difference-by-negation', 'sub', ({ d, s, w, t }) => [
    mov(t, s, w),
    negate(w, t),
    alu(w, 'add', d, t),
  ]),
  identity('difference-by-complement', 'sub', ({ d, s, w }) => [
    alu(w, 'xor', d, imm(-1)),
    alu(w, 'add', d, s),
    alu(w, 'xor', d, imm(-1)),
  ]),
  identity('difference-plus-one', 'sub', ({ d, s, w, t }) => [
    mov(t, s, w),
    alu(w, 'xor', t, imm(-1)),
    alu(w, 'add', d, t),
    alu(w, 'add', d, imm(1)),
  ]),
  identity('or-by-de-morgan', 'or', ({ d, s, w, t }) => [
    mov(t, s, w),
    alu(w, 'xor', t, imm(-1)),
    alu(w, 'xor', d, imm(-1)),
    alu(w, 'and', d, t),
    alu(w, 'xor', d, imm(-1)),
  ]),
  identity('and-by-de-morgan', 'and', ({ d, s, w, t }) => [
    mov(t, s, w),
    alu(w, 'xor', t, imm(-1)),
    alu(w, 'xor', d, imm(-1)),
    alu(w, 'or', d, t),
    alu(w, 'xor', d, imm(-1)),
  ]),
];

const negation: Family = {
  name: 'negation-by-complement',
  weight: 2,
  expand: (ops, index) => {
    const op = ops[index]!;
    if (op.kind !== 'neg') return undefined;
    return one(alu(op.width, 'xor', op.dst, imm(-1)), alu(op.width, 'add', op.dst, imm(1)));
  },
};

const complement: Family = {
  name: 'complement-by-negation',
  weight: 2,
  expand: (ops, index) => {
    const op = ops[index]!;
    if (op.kind !== 'alu' || op.op !== 'xor' || op.src.kind !== 'imm' || op.src.imm !== -1) return undefined;
    return one(negate(op.width, op.dst), alu(op.width, 'sub', op.dst, imm(1)));
  },
};

const distributes: Partial<Record<Alu['op'], readonly Alu['op'][]>> = {
  add: ['mul', 'lsh'],
  sub: ['mul', 'lsh'],
  or: ['and', 'lsh', 'rsh'],
  xor: ['and', 'lsh', 'rsh'],
  and: ['or', 'lsh', 'rsh'],
};

/** (a o c) p (b o c) for (a p b) o c. */
const factoring: Family = {
  name: 'factoring',
  weight: 4,
  expand: (ops, index, { fresh }) => {
    const [inner, outer] = [ops[index]!, ops[index + 1]];
    const s = otherOperand(inner);
    if (inner.kind !== 'alu' || outer?.kind !== 'alu' || s === undefined) return undefined;
    if (outer.dst !== inner.dst || outer.width !== inner.width || !distributes[inner.op]?.includes(outer.op))
      return undefined;
    if (outer.src.kind === 'reg' && (outer.src.reg === inner.dst || outer.op === 'lsh' || outer.op === 'rsh'))
      return undefined;
    const t = fresh();
    return two(mov(t, s, inner.width), { ...outer, dst: t }, outer, {
      ...inner,
      src: { kind: 'reg', reg: t },
    });
  },
};

/** (a + c) + (b + d) for a + b + (c + d), and the same for masks. */
const constantsApart: Family = {
  name: 'constants-apart',
  weight: 3,
  expand: (ops, index, around) => {
    const [sum, more] = [ops[index]!, ops[index + 1]];
    const s = otherOperand(sum);
    if (sum.kind !== 'alu' || more?.kind !== 'alu' || s === undefined) return undefined;
    if (sum.op !== more.op || !['add', 'or', 'xor'].includes(sum.op)) return undefined;
    if (more.src.kind !== 'imm' || more.dst !== sum.dst || more.width !== sum.width) return undefined;
    const [c, d] = parts(sum.op, more.src.imm, around);
    const t = around.fresh();
    return two(
      alu(sum.width, sum.op, sum.dst, imm(c)),
      mov(t, s, sum.width),
      alu(sum.width, sum.op, t, imm(d)),
      alu(sum.width, sum.op, sum.dst, t),
    );
  },
};

/** Two constants that together are this one. */
const parts = (op: string, value: number, { random }: Surroundings): [number, number] => {
  const a = random.below(32) + 1;
  if (op === 'add') return [a, value - a];
  if (op === 'xor') return [a, value ^ a];
  const mask = random.next();
  return [value & mask, value & ~mask];
};

/** a b-select by bits: (a & m) | (b & ~m) for ((a ^ b) & m) ^ b. */
const bitSelect: Family = {
  name: 'select-by-mask',
  weight: 3,
  expand: (ops, index, { fresh }) => {
    const [first, masked, last] = [ops[index]!, ops[index + 1], ops[index + 2]];
    const b = otherOperand(first);
    if (first.kind !== 'alu' || masked?.kind !== 'alu' || last?.kind !== 'alu' || b === undefined)
      return undefined;
    const { dst: d, width: w } = first;
    const fits = first.op === 'xor' && masked.op === 'and' && last.op === 'xor' && otherOperand(last) === b;
    if (!fits || [masked, last].some((o) => o.dst !== d || o.width !== w)) return undefined;
    const [t, u] = [fresh(), fresh()];
    const m = masked.src;
    if (m.kind === 'reg' && (m.reg === d || m.reg === b)) return undefined;
    const inverse =
      m.kind === 'imm'
        ? [mov(t, b, w), alu(w, 'and', t, imm(~m.imm))]
        : [mov(u, m, w), alu(w, 'xor', u, imm(-1)), mov(t, b, w), alu(w, 'and', t, u)];
    return { consumed: 3, pieces: [...inverse, alu(w, 'and', d, m), alu(w, 'or', d, t)] };
  },
};

export const algebra: readonly Family[] = [
  ...identities,
  negation,
  complement,
  factoring,
  constantsApart,
  bitSelect,
];
