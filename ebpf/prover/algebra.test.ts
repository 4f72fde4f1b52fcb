import test from 'ava';
import { Random } from '../random.ts';
import { Algebra } from './algebra.ts';
import { Evaluator } from './evaluate.ts';
import { Parities } from './parity.ts';
import { assignmentOf, grow, inputsOf } from './random-terms.ts';
import { mask, type Term } from './term.ts';

test('normalisation_keeps_the_value_of_random_expressions', (t) => {
  for (let seed = 1; seed <= 1500; seed++) {
    const random = new Random(seed * 7919);
    const a = new Algebra();
    const inputs = inputsOf(a, random, [1, 8, 8, 16, 32, 32, 64, 64]);
    const pool = grow(a, inputs, random, 40);
    const e = new Evaluator(assignmentOf(inputs));
    for (const { term, value } of pool) {
      const got = e.value(term);
      if (got !== value || got > term.max || got < term.min || (got & mask(term.zeros)) !== 0n)
        return t.fail(`seed ${seed}: term ${term.id} (${term.op}) is ${got}, expected ${value}`);
    }
  }
  t.pass();
});

/** Of what is added and taken away: where the rest is all there is, or nearly; and where the sum wraps. */
test('remainders_and_quotients_of_sums_are_right_at_every_edge', (t) => {
  for (let seed = 1; seed <= 4000; seed++) {
    const random = new Random(seed * 122_949_823);
    const a = new Algebra();
    const most = [1 + random.below(8), 1 + random.below(8)];
    const [x, y] = most.map((n, i) => a.zext(a.variable(`v${i}`, 8, BigInt(n)), 16));
    const by = 2 + random.below(random.pick([60, 400]));
    const [left, right] = [random.below(4), 1 + random.below(4)];
    const turns = random.pick([0, 1, 2, Math.floor(0xffff / (by * most[0]!)) + random.below(2)]);
    const [up, down] = [by * turns + left, by * (1 + random.below(2)) - right];
    const rest = by - left * most[0]! - right * most[1]! + random.below(3) - 1;
    const least = down * most[1]!;
    const more = least + ((((rest - least) % by) + by) % by);
    const c = (n: number) => a.const(n, 16);
    const sum = a.add(a.sub(a.mul(x!, c(up)), a.mul(y!, c(down))), c(more));
    const terms = [a.urem(sum, c(by)), a.udiv(sum, c(by))];
    const corners = most.map((n) => [0, n >> 1, n]);
    for (const v of corners[0]!)
      for (const w of corners[1]!) {
        const e = new Evaluator({ variable: (name) => BigInt(name === 'v0' ? v : w), select: () => 0n });
        const whole = (v * up - w * down + more) & 0xffff;
        const got = terms.map((term) => Number(e.value(term)));
        if (`${got}` !== `${[whole % by, Math.floor(whole / by)]}`)
          return t.fail(`(${v} * ${up} - ${w} * ${down} + ${more}) by ${by}: ${got}`);
      }
  }
  t.pass();
});

test('products_of_what_nearly_wraps_are_right', (t) => {
  for (let seed = 1; seed <= 1500; seed++) {
    const random = new Random(seed * 160_481_183);
    const a = new Algebra();
    const first = 2 + random.below(60);
    const most = [first, Math.max(1, Math.floor(255 / first) + random.below(3) - 1), 1 + random.below(255)];
    const [x, y, z] = most.map((n, i) => a.variable(`v${i}`, 8, BigInt(n)));
    const [c, d] = [1 + random.below(5), random.below(3)];
    const product = a.add(a.mul(x!, y!), a.const(d, 8));
    const scaled = a.mul(a.const(c, 64), a.zext(product, 64));
    const terms = [a.mul(scaled, a.zext(z!, 64)), a.add(scaled, a.zext(z!, 64))];
    for (const values of [most, most.map((n) => n - 1), most.map((n) => n >> 1)]) {
      const e = new Evaluator({ variable: (name) => BigInt(values[Number(name[1])]!), select: () => 0n });
      const [p, q, r] = values;
      const whole = c * ((p! * q! + d) & 255);
      const got = terms.map((term) => Number(e.value(term)));
      if (`${got}` !== `${[whole * r!, whole + r!]}`)
        return t.fail(`${c} * (${p} * ${q} + ${d}), ${r}: ${got}`);
    }
  }
  t.pass();
});

test('sums_and_their_comparisons_are_right_at_every_edge', (t) => {
  for (let seed = 1; seed <= 1500; seed++) {
    const random = new Random(seed * 141_650_939);
    const a = new Algebra();
    const number = () => random.pick([0, 1, 1, 2, 64, 127, 128, 129, 254, 255, random.below(256)]);
    const most = [number(), number()].map((n) => n || 255);
    const [x, y] = most.map((n, i) => a.variable(`v${i}`, 8, BigInt(n)));
    const p = number();
    const q = random.pick([0, 0, 256 - p, p, number()]) & 255;
    // Where what is most just wraps.
    const edge = 255 + random.below(3) - p * most[0]! - q * most[1]!;
    const k = random.pick([0, number(), 129, edge, edge]) & 255;
    const m = random.pick([0, number()]);
    const c = (n: number) => a.const(n, 8);
    const sum = a.add(a.add(a.mul(x!, c(p)), a.mul(y!, c(q))), c(k));
    const wide = a.add(a.zext(sum, 16), a.zext(x!, 16));
    const terms = [a.eq(sum, c(m)), a.ult(sum, c(m)), a.ult(c(m), sum), a.slt(sum, c(m)), a.slt(c(m), sum)];
    const by = random.pick([128, 255, number() || 3]);
    terms.push(a.lshr(sum, c(7)), a.lshr(sum, c(3)), wide, a.sdiv(sum, c(by)), a.srem(sum, c(by)));
    const corners = most.map((n) =>
      [...new Set([0, 1, n >> 1, (n >> 1) + 1, n - 1, n])].filter((v) => v >= 0 && v <= n),
    );
    for (const v of corners[0]!)
      for (const w of corners[1]!) {
        const e = new Evaluator({ variable: (name) => BigInt(name === 'v0' ? v : w), select: () => 0n });
        const whole = (v * p + w * q + k) & 255;
        const [s, n, d] = [whole, m, by].map((u) => (u < 128 ? u : u - 256));
        const truths = [whole === m, whole < m, m < whole, s! < n!, n! < s!].map(Number);
        const right = [
          ...truths,
          whole >> 7,
          whole >> 3,
          whole + v,
          Math.trunc(s! / d!) & 255,
          (s! % d!) & 255,
        ];
        const got = terms.map((term) => Number(e.value(term)));
        if (`${got}` !== `${right}`)
          return t.fail(`${v} * ${p} + ${w} * ${q} + ${k} beside ${m}: ${got}, not ${right}`);
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
    const inputs = inputsOf(a, random, [1, 8, 8, 16, 32]);
    const pool = grow(a, inputs, random, 30);
    const e = new Evaluator(assignmentOf(inputs));
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
  t.true(open < 0.6 * all, `${open} of ${all} bits are not taken apart`);
});

test('parities_tell_apart_what_differs_in_one_bit', (t) => {
  const a = new Algebra();
  for (const width of [1, 2, 8, 32, 33, 64]) {
    const [x, y] = [a.variable(`x${width}`, width), a.variable(`y${width}`, width)];
    const parities = new Parities();
    const once = a.xor(x, y);
    t.true(parities.areEqual(once, a.xor(y, x)));
    for (let bit = 0; bit < width; bit++) {
      const turned = a.xor(once, a.const(1n << BigInt(bit), width));
      t.false(parities.areEqual(once, turned), `bit ${bit} of ${width}`);
      const missing = a.xor(x, a.and(y, a.const(mask(width) - (1n << BigInt(bit)), width)));
      t.false(parities.areEqual(once, missing), `bit ${bit} of ${width}`);
    }
  }
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

test('bits_turned_over_are_what_is_left_of_all_bits_in_sums', (t) => {
  const a = new Algebra();
  const [x, y, b] = [a.variable('x', 64), a.variable('y', 64), a.variable('b', 8)];
  const c = (n: bigint | number) => a.const(n, 64);
  t.is(a.sub(c(-1), x), a.not(x));
  t.is(a.add(a.not(x), c(1)), a.neg(x));
  t.is(a.add(y, a.not(x)), a.sub(a.sub(y, x), c(1)));
  t.is(a.sub(c(255), a.zext(b, 64)), a.zext(a.not(b), 64));
  t.is(a.add(y, a.zext(a.not(b), 64)), a.add(a.sub(y, a.zext(b, 64)), c(255)));
  t.is(a.add(y, a.sext(a.not(b), 64)), a.sub(a.sub(y, a.sext(b, 64)), c(1)));
  const side = a.concat([a.not(b), a.extract(x, 7, 0)]);
  t.is(a.add(a.zext(a.extract(x, 7, 0), 16), a.shl(a.zext(a.not(b), 16), a.const(8, 16))), side);
});

test('what_is_extended_is_compared_and_divided_as_it_was', (t) => {
  const a = new Algebra();
  const [x, y] = [a.variable('x', 16), a.variable('y', 16)];
  const [wide, other] = [x, y].map((v) => a.sext(v, 64));
  t.is(a.ult(wide!, other!), a.ult(x, y));
  t.is(a.eq(wide!, other!), a.eq(x, y));
  t.is(a.ult(wide!, a.const(-5, 64)), a.ult(x, a.const(-5, 16)));
  for (const op of ['udiv', 'urem'] as const)
    t.is(a[op](a.zext(x, 64), a.zext(y, 64)), a.zext(a[op](x, y), 64));
  t.is(a.eq(a.or(x, a.const(1, 16)), a.const(0, 16)), a.false);
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
