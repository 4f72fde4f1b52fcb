/** Of random expressions, conditions that hold are assumed: what then is said of all others has to be true. */
import test from 'ava';
import { Random } from '../random.ts';
import { Algebra } from './algebra.ts';
import { Evaluator } from './evaluate.ts';
import { Facts } from './facts.ts';
import { assignmentOf, type Built, grow, inputsOf } from './random-terms.ts';
import { SIMPLIFIER_STEPS, Simplifier } from './simplify.ts';

/** Whether bytes side by side are the same as others. */
const pieces = (a: Algebra, random: Random, pool: readonly Built[]): Built => {
  const bytes = pool.filter(({ term }) => term.width === 8);
  const sides = [0, 1].map(() => Array.from({ length: 3 }, () => random.pick(bytes)));
  const [p, q] = sides.map((parts) => a.concat(parts.map(({ term }) => term)));
  const [x, y] = sides.map((parts) => `${parts.map(({ value }) => value)}`);
  return { term: a.eq(p!, q!), value: x === y ? 1n : 0n };
};

/** A comparison as programs make them: with a number near what is there, or with something else. */
const comparison = (a: Algebra, random: Random, pool: readonly Built[]): Built => {
  if (random.once(6)) return pieces(a, random, pool);
  const x = random.pick(pool);
  const { width } = x.term;
  const near = BigInt.asUintN(width, x.value + BigInt(random.below(5) - 2));
  const others = pool.filter(({ term }) => term.width === width);
  const y = random.once(3) ? random.pick(others) : { term: a.const(near, width), value: near };
  const [p, q] = random.once(2) ? [x, y] : [y, x];
  return random.pick([
    { term: a.ult(p.term, q.term), value: p.value < q.value ? 1n : 0n },
    { term: a.ule(p.term, q.term), value: p.value <= q.value ? 1n : 0n },
    { term: a.eq(p.term, q.term), value: p.value === q.value ? 1n : 0n },
  ]);
};

/** Conditions that are put together from conditions. */
const condition = (a: Algebra, random: Random, pool: readonly Built[], depth: number): Built => {
  if (depth === 0 || random.once(3)) return comparison(a, random, pool);
  const [x, y] = [condition(a, random, pool, depth - 1), condition(a, random, pool, depth - 1)];
  return random.pick([
    { term: a.and(x.term, y.term), value: x.value & y.value },
    { term: a.or(x.term, y.term), value: x.value | y.value },
    { term: a.xor(x.term, y.term), value: x.value ^ y.value },
  ]);
};

test('what_follows_from_conditions_that_hold_is_true', (t) => {
  let [decided, shorter, narrower] = [0, 0, 0];
  for (let seed = 1; seed <= 800; seed++) {
    const random = new Random(seed * 15_485_863);
    const a = new Algebra();
    const inputs = inputsOf(a, random, [1, 8, 8, 16, 16, 32, 64]);
    const pool = grow(a, inputs, random, 24);
    const e = new Evaluator(assignmentOf(inputs));
    const facts = new Facts(a).child();
    for (let n = 0; n < 6; n++) {
      const { term, value } = condition(a, random, random.once(2) ? inputs : pool, 2);
      facts.assume(value === 1n ? term : a.not(term));
    }
    const asked = Array.from({ length: 12 }, () => condition(a, random, random.once(2) ? inputs : pool, 2));
    const simplifier = new Simplifier(a, facts, { left: SIMPLIFIER_STEPS });
    for (const { term, value } of [...pool, ...asked]) {
      const { min, max } = facts.range(term);
      if (value < min || value > max) return t.fail(`seed ${seed}: ${value} is not in ${min} to ${max}`);
      if (min > term.min || max < term.max) narrower++;
      const short = simplifier.simplify(term);
      if (e.value(short) !== value)
        return t.fail(`seed ${seed}: term ${term.id} (${term.op}) is ${value}, simplified ${e.value(short)}`);
      if (short !== term) shorter++;
      const truth = term.width === 1 ? facts.decide(term) : undefined;
      if (truth !== undefined && truth !== (value === 1n))
        return t.fail(`seed ${seed}: term ${term.id} (${term.op}) is ${value}, decided ${truth}`);
      if (truth !== undefined) decided++;
    }
  }
  t.log({ decided, shorter, narrower });
  t.true(decided > 2000 && shorter > 2000 && narrower > 1000);
});
