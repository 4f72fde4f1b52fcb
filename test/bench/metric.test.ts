import test from 'ava';
import { hundredInstructions } from './kernel.ts';
import { atMost, table } from './metric.ts';

test('a_goal_is_met_up_to_and_including_its_value', (t) => {
  t.true(atMost('m', 5, 'u', 5).met);
  t.false(atMost('m', 6, 'u', 5).met);
});

test('the_table_names_missed_goals', (t) => {
  t.regex(table([atMost('boot', 9, 'instructions', 5)]), /boot\s+9\s+≤ 5\s+instructions\s+missed/);
});

test('the_load_benchmark_has_100_instructions', (t) => {
  t.is(hundredInstructions().length, 100 * 8);
});
