/** Commands whose output can't be written, as processes of their own. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { root } from '../firmware/index.ts';

/** A device without room, as a full disk is. */
const FULL = '/dev/full';
const command = (line: string) =>
  spawnSync('sh', ['-c', `${join(root, 'velocity')} ${line}`], { encoding: 'utf8' });
const onFullDisk = existsSync(FULL) ? test : test.skip;

onFullDisk('a_full_disk_behind_standard_output_is_said_and_is_no_success', (t) => {
  for (const line of ['--help', '--json bpf verify modules/fir/fir.c']) {
    const { status, stderr } = command(`${line} > ${FULL}`);
    t.is(status, 10, line);
    t.regex(stderr, /^velocity: standard output: ENOSPC.*\n {2}hint: .*make room there.*\n$/, line);
  }
});

onFullDisk('an_exit_code_stays_what_it_is_when_nothing_can_be_said', (t) => {
  t.is(command(`nope 2> ${FULL}`).status, 2);
  t.is(command(`bpf verify /nope.c 2> ${FULL}`).status, 10);
});

test('a_pipe_that_nobody_reads_any_more_ends_a_command_quietly', (t) => {
  const { stdout, stderr } = command('bpf verify --explain modules/*/*.c | head -1');
  t.regex(stdout, /^.+\n$/);
  t.is(stderr, '');
});
