import test from 'ava';
import { Detector, drift, overBudget, type Sample, sustainedAverage } from './index.ts';

const sample = (calls: number, cycles: number, version = 1): Sample => ({
  name: 'fir',
  version,
  timeNs: 0n,
  calls: BigInt(calls),
  cycles: BigInt(cycles),
  max: 0n,
});

test('a_module_over_its_budget_is_found_once_enough_calls_are_seen', (t) => {
  const detector = new Detector([overBudget(100, 32)]);
  t.is(detector.observe(sample(10, 5000)), undefined);
  const found = detector.observe(sample(40, 20_000));
  t.is(found?.rule, 'over-budget');
  t.is(found?.cyclesPerCall, 500);
  t.is(new Detector([overBudget(100, 32)]).observe(sample(40, 4000)), undefined);
});

test('only_recent_calls_count', (t) => {
  const detector = new Detector([overBudget(100, 10)]);
  t.truthy(detector.observe(sample(20, 10_000)));
  t.is(detector.observe(sample(40, 11_000)), undefined);
});

test('the_first_rule_of_the_project_is_one_and_a_half_million_cycles_in_ten_calls', (t) => {
  const detector = new Detector([sustainedAverage()]);
  t.is(detector.observe(sample(10, 15_000_000)), undefined);
  t.is(detector.observe(sample(20, 31_000_000))?.rule, 'sustained-average');
});

test('drift_from_its_own_baseline_is_found_and_a_new_version_starts_anew', (t) => {
  const detector = new Detector([drift(1.25, 64)]);
  t.is(detector.observe(sample(64, 6400)), undefined);
  t.is(detector.observe(sample(128, 12_900)), undefined);
  t.is(detector.observe(sample(192, 23_000))?.rule, 'drift');
  t.is(detector.observe(sample(64, 64_000, 2)), undefined);
});
