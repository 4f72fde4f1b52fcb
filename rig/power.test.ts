/** Commands of a bench file. */
import { spawnSync } from 'node:child_process';
import test from 'ava';
import { CommandError, runCommand } from './power.ts';

const took = async (work: Promise<unknown>) => {
  const from = performance.now();
  await work;
  return performance.now() - from;
};

test('a_command_gives_what_it_printed_or_says_how_it_ended', async (t) => {
  t.is(await runCommand('on', 'echo "$A"', { env: { A: 'b' } }), 'b\n');
  await t.throwsAsync(runCommand('on', 'echo no relay >&2; exit 3'), {
    instanceOf: CommandError,
    message: 'on: `echo no relay >&2; exit 3` ended with status 3: no relay',
  });
});

test('a_command_that_hangs_in_what_it_started_is_ended_in_time_with_all_of_it', async (t) => {
  const hang = t.throwsAsync(runCommand('on', 'sleep 47.11; true', { timeoutMs: 500 }), {
    message: /SIGKILL after 500 ms at most/,
  });
  t.true((await took(hang)) < 20_000);
  t.not(spawnSync('pgrep', ['-f', 'sleep 47[.]11']).status, 0);
});

test('what_a_command_left_running_ends_with_it', async (t) => {
  t.true((await took(runCommand('on', 'sleep 48.11 & echo on'))) < 20_000);
  t.not(spawnSync('pgrep', ['-f', 'sleep 48[.]11']).status, 0);
});
