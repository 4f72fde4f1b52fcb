import test from 'ava';
import { Random } from '../random.ts';
import { Algebra } from './algebra.ts';
import { Evaluator } from './evaluate.ts';
import { Parities } from './parity.ts';
import { mask, type Term } from './term.ts';

type Built = { term: Term; value: bigint };
const signed = (w: number, v: bigint) => BigInt.asIntN(w, v);

/** Builds the same random expression twice: as a normalised term, and as its value by plain arithmetic. */
const grow = (a: Algebra, inputs: readonly Built[], random: Random, steps: number): Built[] => {
  const pool = [...inputs];
  const ofWidth = (w: number) => {
    const some = pool.filter((b) => b.term.width === w);
    return some[random.below(some.length)]!;
  };
  const constant = (w: number): Built => {
    const shapes = [
      BigInt(random.below(8)),
      1n << BigInt(random.below(w)),
      mask(random.below(w) + 1),
      -BigInt(random.below(5)),
      // The same in every lane: sums of these come apart.
      (mask(w) / mask(w > 8 ? 8 << random.below(Math.log2(w / 8)) : 1)) * BigInt(1 + random.below(127)),
    ];
    const value = BigInt.asUintN(w, shapes[random.below(5)]!);
    return { term: a.const(value, w), value };
  };
  for (let i = 0; i < steps; i++) {
    const x = pool[random.below(pool.length)]!;
    const w = x.term.width;
    const y = random.below(3) === 0 ? constant(w) : ofWidth(w);
    const bit = (b: boolean) => (b ? 1n : 0n);
    const amount = BigInt(random.below(w));
    const by = a.const(amount, w);
    const hi = random.below(w);
    const lo = random.below(hi + 1);
    const c = ofWidth(1);
    const z = ofWidth(w);
    const choices: (() => [Term, bigint])[] = [
      () => [a.add(x.term, y.term), BigInt.asUintN(w, x.value + y.value)],
      () => [a.sub(x.term, y.term), BigInt.asUintN(w, x.value - y.value)],
      () => [a.mul(x.term, y.term), BigInt.asUintN(w, x.value * y.value)],
      () => [a.and(x.term, y.term), x.value & y.value],
      () => [a.or(x.term, y.term), x.value | y.value],
      () => [a.xor(x.term, y.term), x.value ^ y.value],
      () => [a.shl(x.term, by), BigInt.asUintN(w, x.value << amount)],
      () => [a.lshr(x.term, by), x.value >> amount],
      () => [a.ashr(x.term, by), BigInt.asUintN(w, signed(w, x.value) >> amount)],
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

test('normalisation_keeps_the_value_of_random_expressions', (t) => {
  for (let seed = 1; seed <= 1500; seed++) {
    const random = new Random(seed * 7919);
    const a = new Algebra();
    const values = new Map<string, bigint>();
    const inputs = [1, 8, 8, 16, 32, 32, 64, 64].map((w, i): Built => {
      const all = mask(w);
      const value = [0n, 1n, all, all >> 1n, (BigInt(random.below(2 ** 31)) * 0x9e3779b97f4a7c15n) & all][
        random.below(5)
      ]!;
      values.set(`v${i}`, value);
      return { term: a.variable(`v${i}`, w), value };
    });
    const pool = grow(a, inputs, random, 40);
    const e = new Evaluator({ variable: (name) => values.get(name)!, select: () => 0n });
    for (const { term, value } of pool) {
      const got = e.value(term);
      if (got !== value || got > term.max || got < term.min || (got & mask(term.zeros)) !== 0n)
        return t.fail(`seed ${seed}: term ${term.id} (${term.op}) is ${got}, expected ${value}`);
    }
  }
  t.pass();
});

test('parities_say_what_each_bit_of_a_random_expression_is', (t) => {
  let open = 0;
  let all = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const random = new Random(seed * 104_729);
    const a = new Algebra();
    const values = new Map<string, bigint>();
    const inputs = [1, 8, 8, 16, 32].map((w, i): Built => {
      const value = (BigInt(random.below(2 ** 31)) * 0x9e3779b97f4a7c15n) & mask(w);
      values.set(`v${i}`, value);
      return { term: a.variable(`v${i}`, w), value };
    });
    const pool = grow(a, inputs, random, 30);
    const e = new Evaluator({ variable: (name) => values.get(name)!, select: () => 0n });
    const parities = new Parities();
    const bitOf = (term: Term, bit: number) => (e.value(term) >> BigInt(bit)) & 1n;
    for (const { term, value } of pool) {
      const forms = parities.forms(term);
      all += term.width;
      forms?.forEach((form, bit) => {
        let parity = form & 1n;
        parities.atoms.forEach((atom, n) => {
          if ((form >> BigInt(n + 1)) & 1n) parity ^= bitOf(atom.term, atom.bit);
        });
        if (parity !== ((value >> BigInt(bit)) & 1n))
          t.fail(`seed ${seed}: bit ${bit} of term ${term.id} (${term.op})`);
        const last = parities.atoms.findLast((atom) => atom.term === term && atom.bit === bit);
        if (last) open++;
      });
    }
  }
  t.true(open < all / 2, `${open} of ${all} bits are not taken apart`);
});

test('different_ways_to_write_a_value_are_one_term', (t) => {
  const a = new Algebra();
  const x = a.variable('x', 64);
  const c = (n: number) => a.const(n, 64);
  const bytes = [0, 1, 2, 3].map((i) => a.zext(a.select('m', c(i), 8), 64));
  const shifted = bytes.reduce((sum, b, i) => a.or(sum, a.shl(b, c(8 * i))), c(0));
  const added = bytes.reduceRight((sum, b) => a.add(a.shl(sum, c(8)), b), c(0));
  t.is(shifted, added);
  t.is(shifted, a.zext(a.concat([3, 2, 1, 0].map((i) => a.select('m', c(i), 8))), 64));
  t.is(a.mul(x, c(5)), a.add(x, a.shl(x, c(2))));
  t.is(a.mul(x, c(257)), a.add(x, a.shl(x, c(8))));
  t.is(a.sdiv(x, c(8)), a.ashr(a.add(x, a.lshr(a.ashr(x, c(63)), c(61))), c(3)));
  t.is(a.lshr(a.shl(x, c(32)), c(32)), a.zext(a.extract(x, 31, 0), 64));
  t.is(a.ashr(a.shl(x, c(56)), c(56)), a.sext(a.extract(x, 7, 0), 64));
});

test('what_does_not_carry_is_left_out_of_upper_bits', (t) => {
  const a = new Algebra();
  const c = (n: bigint) => a.const(n, 64);
  const bytes = Array.from({ length: 8 }, (_, i) => a.select('m', c(BigInt(i)), 8));
  const word = a.concat([...bytes].reverse());
  const ones = 0x0101010101010101n;
  const top = a.and(a.lshr(word, c(7n)), c(ones));
  const sum = bytes.reduce((n, b) => a.add(n, a.zext(a.extract(b, 7, 7), 64)), c(0n));
  t.is(a.lshr(a.mul(top, c(ones)), c(56n)), sum);
  const low = c(0x7f7f7f7f7f7f7f7fn);
  const nonzero = a.or(word, a.add(a.and(word, low), low));
  bytes.forEach((b, i) => {
    t.is(a.extract(nonzero, 8 * i + 7, 8 * i + 7), a.not(a.eq(b, a.const(0, 8))));
  });
  const carries = a.lshr(a.mul(top, c(0x4101010101010101n)), c(56n));
  t.not(carries, sum);
});

test('conditions_on_neighbouring_slices_are_one', (t) => {
  const a = new Algebra();
  const x = a.variable('x', 8);
  for (const value of [0, 1, 0x2a, 0x80, 0xff]) {
    const whole = a.eq(x, a.const(value, 8));
    const upper = a.eq(a.extract(x, 7, 3), a.const(value >> 3, 5));
    const lower = a.eq(a.extract(x, 2, 0), a.const(value & 7, 3));
    t.is(a.and(lower, upper), whole);
    t.is(a.or(a.not(upper), a.not(lower)), a.not(whole));
    const apart = a.eq(a.extract(x, 1, 0), a.const(value & 3, 2));
    t.not(a.and(apart, upper), whole);
  }
});
