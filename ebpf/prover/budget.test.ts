import test from 'ava';
import { assemble } from '../index.ts';
import { Budget } from './budget.ts';
import { proveEquivalent, stopSolver } from './index.ts';

test.after.always(() => stopSolver());

const LIMIT_MS = 10_000;

test('work_uses_up_a_budget_and_time_only_ends_patience', (t) => {
  let terms = 0;
  const budget = new Budget(() => terms);
  budget.spend({ ms: 3 * LIMIT_MS, steps: 0 });
  t.false(budget.isOver(LIMIT_MS));
  const left = budget.stepsLeft(LIMIT_MS);
  terms = 300 * (LIMIT_MS / 2);
  t.is(budget.stepsLeft(LIMIT_MS), left / 2);
  budget.spend({ ms: 0, steps: left / 4 });
  t.is(budget.stepsLeft(LIMIT_MS), left / 4);
  t.false(budget.isOver(LIMIT_MS));
  terms *= 2;
  t.true(budget.isOver(LIMIT_MS));
  t.throws(() => budget.stepsLeft(LIMIT_MS), { name: 'ProofLimit' });
});

test('time_alone_ends_a_proof_at_last', (t) => {
  const budget = new Budget(() => 0);
  budget.spend({ ms: 5 * LIMIT_MS, steps: 0 });
  t.true(budget.isOver(LIMIT_MS));
});

test('what_a_proof_costs_is_the_same_each_time', async (t) => {
  const before = 'r0 = 0\n exit';
  const after =
    'r2 = *(u32 *)(r1 + 0)\n r0 = 0\n r3 = 0x2345bcde\n if r2 != r3 goto done\n r0 = 1\n done:\n exit';
  const cost = async () => {
    const questions: string[] = [];
    const options = { hook: 'run', maps: [], memorySize: 8, timeoutMs: 120_000 } as const;
    const proof = await proveEquivalent(assemble(before), assemble(after), {
      ...options,
      onQuestion: ({ answer }) => questions.push(answer),
    });
    return { verdict: proof.verdict, work: proof.work, questions };
  };
  const first = await cost();
  t.is(first.verdict, 'different');
  t.deepEqual(first.questions, ['sat']);
  t.true(first.work > 0);
  t.deepEqual(await cost(), first);
});

/** Stores at places that hang on the input, some of them done or not: each choice is one between all that came before. */
const storesByChoice = (count: number, last: number): string => {
  const stores = Array.from(
    { length: count },
    (_, i) =>
      `r3 = *(u8 *)(r1 + ${i + 16})\n r4 = r3\n r4 &= 7\n r4 += r1\n if r3 > ${i + 9} goto n${i}\n *(u8 *)(r4 + 0) = ${i}\n n${i}:`,
  );
  return `${stores.join('\n')}\n r0 = *(u8 *)(r1 + 3)\n r0 += ${last}\n exit`;
};

test('what_is_under_choices_of_choices_is_read_once', async (t) => {
  const options = { hook: 'run', maps: [], memorySize: 64, timeoutMs: 3000 } as const;
  const [before, after] = [assemble(storesByChoice(30, 1)), assemble(storesByChoice(30, 2))];
  const proof = await proveEquivalent(before, after, options);
  t.is(proof.verdict, 'different', proof.reason);
});
