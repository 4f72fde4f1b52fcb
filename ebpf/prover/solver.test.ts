import test from 'ava';
import { Algebra } from './algebra.ts';
import { scriptOf } from './smtlib.ts';
import { solve, stopSolver } from './solver.ts';

test.after.always(() => stopSolver());

const a = new Algebra();
const x = a.variable('x', 64);
const squareOf = (value: bigint) => a.eq(a.mul(x, x), a.const(value, 64));

test('a_refuted_question_is_not_asked_again_and_others_are', async (t) => {
  // No square is 3 more than a multiple of 4.
  const impossible = () => scriptOf([a.eq(a.and(a.mul(x, x), a.const(3, 64)), a.const(3, 64))]);
  t.is((await solve(impossible(), 1e8)).verdict, 'unsat');
  t.deepEqual(await solve(impossible(), 1e8), { ms: 0, steps: 0, verdict: 'unsat' });
  const nine = await solve(scriptOf([squareOf(9n)]), 1e8);
  t.is(nine.verdict, 'sat');
});
