import test from 'ava';
import { type Cost, isCheaper } from './cost.ts';

const cost = (steps: number, words: number, slots: number): Cost => ({ bound: 1000, steps, words, slots });

test('an_unrolled_loop_of_the_same_machine_code_pays_for_its_slots', (t) => {
  const [rolled, unrolled] = [cost(1000, 38, 19), cost(900, 38, 27)];
  t.false(isCheaper(rolled, unrolled, 'balanced'));
  t.true(isCheaper(rolled, unrolled, 'speed'));
  t.false(isCheaper(rolled, unrolled, 'size'));
  t.true(isCheaper(unrolled, rolled, 'size'));
});

test('a_few_percent_are_not_worth_ten_times_the_size', (t) => {
  t.false(isCheaper(cost(1000, 130, 50), cost(950, 742, 526), 'speed'));
  t.true(isCheaper(cost(1000, 34, 33), cost(480, 398, 368), 'speed'));
});

test('what_the_machine_code_executes_counts_before_the_bytecode', (t) => {
  const [loop, helper] = [cost(1000, 96, 186), cost(1200, 32, 29)];
  t.false(isCheaper(loop, helper, 'speed'));
  t.true(isCheaper({ ...loop, machine: 4000 }, { ...helper, machine: 1700 }, 'speed'));
});

test('half_the_instructions_are_worth_a_little_size', (t) => {
  t.true(isCheaper(cost(1000, 40, 30), cost(500, 44, 36), 'balanced'));
});

test('where_no_runs_were_measured_the_proven_bound_decides', (t) => {
  const { steps: _, ...unmeasured } = cost(1, 40, 30);
  t.true(isCheaper({ ...unmeasured, bound: 200 }, { ...unmeasured, bound: 100 }, 'speed'));
});
