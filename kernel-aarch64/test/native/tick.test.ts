/** The tick of each core: absolute deadlines, and a stop that waits for no core. */
import { execFileSync } from 'node:child_process';
import test from 'ava';
import { buildNative } from './build.ts';
import { testChecks } from './checks.ts';

let checks: string[] = [];

test.before(async (t) => {
  t.timeout(60_000);
  const sources = ['test/native/tick_host.c', 'drivers/tick.c'];
  const host = await buildNative('tick_host', sources, t.log, 'test/native/ticks');
  checks = execFileSync(host, { encoding: 'utf8', timeout: 20_000 }).trimEnd().split('\n');
});

testChecks(
  () => checks,
  [
    'late_ticks_do_not_move_the_next',
    'a_tick_is_stopped_on_a_core_that_takes_no_calls',
    'what_was_stopped_starts_again',
    'a_core_that_takes_no_calls_is_not_started',
    'periods_and_cores_have_limits',
  ],
);
