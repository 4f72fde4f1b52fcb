import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { Random } from '../random.ts';
import { Algebra } from './algebra.ts';
import { Evaluator } from './evaluate.ts';
import { assignmentOf, grow, inputsOf } from './random-terms.ts';
import { scriptOf } from './smtlib.ts';
import { solve, stopSolver } from './solver.ts';
import type { Term } from './term.ts';

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

test.serial(
  'a solver that was killed leaves its question undecided, and the next one to another',
  async (t) => {
    await solve(scriptOf([squareOf(25n)]), 1e8);
    t.is(spawnSync('pkill', ['-9', '-P', String(process.pid), '-f', 'solver-child']).status, 0);
    spawnSync('sleep', ['1']); // nothing is heard of it meanwhile
    t.is((await solve(scriptOf([squareOf(49n)]), 1e8)).verdict, 'unknown');
    t.is((await solve(scriptOf([squareOf(49n)]), 1e8)).verdict, 'sat');
  },
);

test('who takes too much of the processor for so few steps is interrupted', async (t) => {
  // Factors of 40 bits of a number of 80.
  const factors = [a.variable('p', 64), a.variable('q', 64)].map((v) => a.zext(a.extract(v, 39, 0), 80));
  const one = a.const(1, 80);
  const { text } = scriptOf([
    a.eq(a.mul(factors[0]!, factors[1]!), a.const(0xffff_fffb_0000_0ec7n * 65_537n, 80)),
    ...factors.map((f) => a.ult(one, f)),
  ]);
  const child = fork(fileURLToPath(new URL('./solver-child.mjs', import.meta.url)), { execArgv: [] });
  try {
    child.send({ id: 1, script: text, steps: 2 ** 32 - 1, patienceMs: 300 });
    const [reply] = (await once(child, 'message')) as [{ answer?: string; error?: string }];
    t.regex(`${reply.answer}`, /^(canceled|interrupted)/, reply.error);
  } finally {
    child.kill('SIGKILL');
  }
});

/** What is read, of these terms and of all that they are made of. */
const readsIn = (roots: readonly Term[]): ReadonlySet<Term> => {
  const seen = new Set<Term>();
  const visit = (t: Term): void => {
    if (seen.has(t)) return;
    seen.add(t);
    t.args.forEach(visit);
  };
  roots.forEach(visit);
  return new Set([...seen].filter((t) => t.op === 'select'));
};

test('a_script_means_what_its_terms_mean', async (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = new Random(seed * 86_028_121);
    const algebra = new Algebra();
    const inputs = inputsOf(algebra, random, [1, 8, 8, 16, 32]);
    const pool = grow(algebra, inputs, random, 30);
    const e = new Evaluator(assignmentOf(inputs));
    const is = (term: Term) => algebra.eq(term, algebra.const(e.value(term), term.width));
    const given = [...inputs.map(({ term }) => term), ...readsIn(pool.map(({ term }) => term))].map(is);
    const differs = pool.map(({ term, value }) =>
      algebra.not(algebra.eq(term, algebra.const(value, term.width))),
    );
    t.is((await solve(scriptOf([...given, algebra.any(differs)]), 1e8)).verdict, 'unsat', `seed ${seed}`);
    t.is(
      (await solve(scriptOf([...given, ...pool.map(({ term }) => is(term))]), 1e8)).verdict,
      'sat',
      `seed ${seed}`,
    );
  }
});
