import test from 'ava';
import { countsOf, sum } from './checks.ts';

test('counts_are_read_from_the_closing_lines', (t) => {
  t.deepEqual(countsOf('\n  12 tests passed\n  1 test skipped\n', 0), { passed: 12, failed: 0, skipped: 1 });
  t.deepEqual(countsOf('  ✔ a\n  ✔ b\n  ✘ [fail]: c\n\n  1 test failed\n', 1), {
    passed: 2,
    failed: 1,
    skipped: 0,
  });
  t.deepEqual(countsOf('\n  2 tests failed\n  1 uncaught exception\n', 1), {
    passed: 0,
    failed: 3,
    skipped: 0,
  });
});

test('a_run_that_dies_counts_as_a_failure', (t) => {
  t.is(countsOf('Segmentation fault', 139).failed, 1);
  t.is(countsOf('\n  12 tests passed\n', 1).failed, 1);
});

test('colours_do_not_hide_the_counts', (t) => {
  t.is(countsOf('\u001b[32m  3 tests passed\u001b[39m\n', 0).passed, 3);
});

test('sums_add_up', (t) => {
  t.deepEqual(sum([countsOf('  1 test passed', 0), countsOf('  1 test failed', 1)]), {
    passed: 1,
    failed: 1,
    skipped: 0,
  });
});
