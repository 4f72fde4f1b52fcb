/** Random expressions for tests of the prover: each is built twice, as a normalised term and as its value by plain arithmetic. */
import type { Random } from '../random.ts';
import type { Algebra } from './algebra.ts';
import type { Assignment } from './evaluate.ts';
import { mask, type Term } from './term.ts';

export type Built = { term: Term; value: bigint };
/** What is read at a place. */
const read = (index: bigint): bigint => (index * 37n + 11n) & 0xffn;
const signed = (w: number, v: bigint) => BigInt.asIntN(w, v);

/** The smaller or the larger one of two, as programs find it. */
const extreme = (a: Algebra, random: Random, x: Built, y: Built): [Term, bigint] => {
  const op = random.pick(['ult', 'slt'] as const);
  const number = ({ term, value }: Built) => (op === 'slt' ? signed(term.width, value) : value);
  const [p, q] = random.once(2) ? [x, y] : [y, x];
  const isLess = number(p) < number(q);
  const [first, second] = random.once(2) ? [x, y] : [y, x];
  return [a.ite(a[op](p.term, q.term), first.term, second.term), isLess ? first.value : second.value];
};

/** The inputs and `steps` expressions over them. */
export const grow = (a: Algebra, inputs: readonly Built[], random: Random, steps: number): Built[] => {
  const pool = [...inputs];
  const ofWidth = (w: number) => {
    const some = pool.filter((b) => b.term.width === w);
    return some[random.below(some.length)]!;
  };
  /** At the edge of what a width holds, beside something that is there. */
  const edge = (w: number): bigint => {
    const { max } = ofWidth(w).term;
    const by = BigInt(random.below(3) - 1);
    return random.pick([max, mask(w) - max, 1n << BigInt(w - 1)]) + by;
  };
  const constant = (w: number): Built => {
    const shapes = [
      edge(w),
      BigInt(random.below(8)),
      1n << BigInt(random.below(w)),
      mask(random.below(w) + 1),
      -BigInt(random.below(5)),
      // The same in every lane: sums of these come apart.
      (mask(w) / mask(w > 8 ? 8 << random.below(Math.log2(w / 8)) : 1)) * BigInt(1 + random.below(127)),
    ];
    const value = BigInt.asUintN(w, random.pick(shapes));
    return { term: a.const(value, w), value };
  };
  for (let i = 0; i < steps; i++) {
    const x = pool[random.below(pool.length)]!;
    const w = x.term.width;
    const y = random.below(3) === 0 ? constant(w) : ofWidth(w);
    const bit = (b: boolean) => (b ? 1n : 0n);
    const amount = BigInt(random.below(w));
    const by = a.const(amount, w);
    const least = BigInt.asUintN(w, y.value & BigInt(w - 1));
    const some = a.and(y.term, a.const(w - 1, w));
    const isPower = w > 1;
    const hi = random.below(w);
    const lo = random.below(hi + 1);
    const c = ofWidth(1);
    const z = ofWidth(w);
    const choices: (() => [Term, bigint])[] = [
      () => extreme(a, random, x, y),
      () => extreme(a, random, x, y),
      () => [a.add(x.term, y.term), BigInt.asUintN(w, x.value + y.value)],
      () => [a.sub(x.term, y.term), BigInt.asUintN(w, x.value - y.value)],
      () => [a.mul(x.term, y.term), BigInt.asUintN(w, x.value * y.value)],
      () => [a.and(x.term, y.term), x.value & y.value],
      () => [a.or(x.term, y.term), x.value | y.value],
      () => [a.xor(x.term, y.term), x.value ^ y.value],
      () => [a.shl(x.term, by), BigInt.asUintN(w, x.value << amount)],
      () => [a.lshr(x.term, by), x.value >> amount],
      () => [a.ashr(x.term, by), BigInt.asUintN(w, signed(w, x.value) >> amount)],
      () => (isPower ? [a.shl(x.term, some), BigInt.asUintN(w, x.value << least)] : [x.term, x.value]),
      () => (isPower ? [a.lshr(x.term, some), x.value >> least] : [x.term, x.value]),
      () =>
        isPower ? [a.ashr(x.term, some), BigInt.asUintN(w, signed(w, x.value) >> least)] : [x.term, x.value],
      () => [a.not(x.term), mask(w) - x.value],
      () => (w === 8 ? [a.select('m', x.term, 8), read(x.value)] : [x.term, x.value]),
      () => [a.extract(x.term, hi, lo), (x.value >> BigInt(lo)) & mask(hi - lo + 1)],
      () => (w > 32 ? [x.term, x.value] : [a.zext(x.term, w * 2), x.value]),
      () => (w > 32 ? [x.term, x.value] : [a.sext(x.term, w * 2), BigInt.asUintN(w * 2, signed(w, x.value))]),
      () => [a.eq(x.term, y.term), bit(x.value === y.value)],
      () => [a.ult(x.term, y.term), bit(x.value < y.value)],
      () => [a.slt(x.term, y.term), bit(signed(w, x.value) < signed(w, y.value))],
      () => [a.ite(c.term, x.term, y.term), c.value ? x.value : y.value],
      () => (y.value === 0n ? [x.term, x.value] : [a.udiv(x.term, y.term), x.value / y.value]),
      () => (y.value === 0n ? [x.term, x.value] : [a.urem(x.term, y.term), x.value % y.value]),
      () =>
        y.value === 0n
          ? [x.term, x.value]
          : [a.sdiv(x.term, y.term), BigInt.asUintN(w, signed(w, x.value) / signed(w, y.value))],
      () =>
        y.value === 0n
          ? [x.term, x.value]
          : [a.srem(x.term, y.term), BigInt.asUintN(w, signed(w, x.value) % signed(w, y.value))],
      () => (w * 2 > 64 ? [x.term, x.value] : [a.concat([x.term, z.term]), (x.value << BigInt(w)) | z.value]),
    ];
    const [term, value] = choices[random.below(choices.length)]!();
    pool.push({ term, value });
  }
  return pool;
};

/** Free variables, some of them bounded, and what each is in one run. */
export const inputsOf = (a: Algebra, random: Random, widths: readonly number[]): Built[] =>
  widths.map((w, i): Built => {
    const all = mask(w);
    const wide = BigInt(random.below(2 ** 31)) * 0x9e3779b97f4a7c15n;
    const bound = random.pick([5n, 17n, 0x7fn, 0x80n, 0x8000n, all - 1n, wide]);
    const most = i % 3 === 2 ? bound & all || 1n : all;
    const value = random.pick([0n, 1n, most, most, most >> 1n, (most >> 1n) + 1n, wide % (most + 1n)]);
    return { term: a.variable(`v${i}`, w, most), value };
  });

export const assignmentOf = (inputs: readonly Built[]): Assignment => {
  const values = new Map(inputs.map(({ term, value }) => [term.name, value]));
  return { variable: (name) => values.get(name)!, select: (_, index) => read(index) };
};
