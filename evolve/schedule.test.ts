import test from 'ava';
import { loadsOf, parseHours, Schedule, ScheduleError } from './schedule.ts';

const at = (time: string) => () => new Date(`2026-03-04T${time}:00`);

test('quiet_hours_may_reach_over_midnight', (t) => {
  const quiet = parseHours('22:00-06:30');
  for (const time of ['22:00', '23:59', '00:00', '06:29'])
    t.regex(new Schedule({ quiet }, at(time)).rests('m', 1e6) ?? '', /until 06:30/, time);
  for (const time of ['06:30', '12:00', '21:59'])
    t.is(new Schedule({ quiet }, at(time)).rests('m', 1e6), undefined, time);
});

test('a_nightly_schedule_works_within_it_only', (t) => {
  const nightly = parseHours('02:00-05:00');
  t.is(new Schedule({ nightly }, at('03:00')).rests('m', 1), undefined);
  t.regex(new Schedule({ nightly }, at('05:00')).rests('m', 1) ?? '', /from 02:00 to 05:00/);
});

test('the_budget_of_a_day_comes_back_after_a_day', (t) => {
  let now = new Date('2026-03-04T10:00:00');
  const schedule = new Schedule({ perDay: 2 }, () => now);
  schedule.begin();
  schedule.begin();
  t.regex(schedule.rests('m', 1e6) ?? '', /2 modules/);
  now = new Date('2026-03-05T10:00:01');
  t.is(schedule.rests('m', 1e6), undefined);
});

test('a_clock_that_is_set_back_does_not_make_it_rest_for_longer', (t) => {
  let now = new Date('2036-03-04T10:00:00');
  const schedule = new Schedule({ perDay: 1 }, () => now);
  schedule.begin();
  now = new Date('2026-03-04T10:00:00');
  t.is(schedule.rests('m', 1e6), undefined);
});

test('attempts_that_give_nothing_make_the_next_one_less_worth', (t) => {
  const schedule = new Schedule({ leastGain: 1000 }, at('10:00'));
  t.is(schedule.rests('hot', 10_000), undefined);
  t.regex(schedule.rests('cold', 1000) ?? '', /200 cycles a second/);
  schedule.note('hot', 0);
  schedule.note('hot', 0);
  t.regex(schedule.rests('hot', 10_000) ?? '', /500 cycles/);
  schedule.note('hot', 0.5);
  t.is(schedule.rests('hot', 10_000), undefined);
});

test('modules_are_ordered_by_the_cycles_that_they_take', (t) => {
  const reading = (name: string, seconds: number, cycles: number) => ({
    name,
    timeNs: BigInt(seconds) * 1_000_000_000n,
    cycles: BigInt(cycles),
  });
  const loads = loadsOf(
    [reading('a', 1, 100), reading('b', 1, 100), reading('gone', 1, 5), reading('swapped', 1, 900)],
    [reading('a', 3, 300), reading('b', 3, 5100), reading('new', 3, 7), reading('swapped', 3, 10)],
  );
  t.deepEqual(loads, [
    { module: 'b', cyclesPerSecond: 2500 },
    { module: 'a', cyclesPerSecond: 100 },
  ]);
});

for (const text of ['', '22:00', '22:00-22:00', '24:00-01:00', '1-2', '10:00-11:00-12:00', '10:60-11:00'])
  test(`what is no stretch of a day is refused: "${text}"`, (t) => {
    t.throws(() => parseHours(text), { instanceOf: ScheduleError });
  });
