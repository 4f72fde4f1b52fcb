/** Calls between cores and waits for all of them, which every swap of a module rests on. */
import { execFileSync } from 'node:child_process';
import test from 'ava';
import { buildNative } from './build.ts';
import { testChecks } from './checks.ts';

let checks: string[] = [];

test.before(async (t) => {
  t.timeout(60_000);
  const sources = ['test/native/cores_host.c', 'smp/core.c', 'smp/crash.c', 'lib/crc32.c', 'lib/deadline.c'];
  const host = await buildNative('cores_host', sources, t.log, 'test/native/cores');
  checks = execFileSync(host, { encoding: 'utf8' }).trimEnd().split('\n');
});

testChecks(
  () => checks,
  [
    'cores_that_came_up_are_counted_up_to_the_first_that_did_not',
    'calls_run_on_their_core_in_order_and_once',
    'a_full_queue_refuses_until_its_core_took_the_calls',
    'waiting_ends_when_each_core_passed_a_point_or_sleeps',
    'waiting_ends_when_each_core_left_its_interrupt',
    'another_interrupt_is_not_the_one_that_was_waited_for',
    'every_core_takes_an_exception_for_new_code',
    'waits_end_when_their_time_is_over',
    'a_frequency_that_the_tree_corrects_is_that_of_waits',
    'the_core_that_crashes_first_tells_why_and_others_give_it_time',
    'as_many_cores_are_counted_as_there_may_be',
  ],
);
