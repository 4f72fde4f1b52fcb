/** The rig on emulated boards, as people run it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { ownCommand } from '../../cli/own-command.ts';
import { jsonLines, temporaryFolder, velocity } from '../../cli/test/command-line.ts';
import { mark } from '../../cli/test/marked.ts';
import { findTool } from '../../firmware/index.ts';
import type { Summary } from '../../rig/report/index.ts';

process.env.VELOCITY_RIG_LOCKS = temporaryFolder();
const emulated = findTool('qemu') ? test.serial : test.serial.skip;

emulated('a_run_reports_to_people_and_programs', async (t) => {
  t.timeout(300_000);
  const folder = temporaryFolder();
  const result = await velocity(
    'rig',
    'run',
    '--board',
    'qemu-virt',
    '--suite',
    'boot,link,swap',
    '--report',
    folder,
    '--json',
  );
  t.is(result.exit, 0, result.stdout + result.stderr);
  const summary = jsonLines(result).at(-1) as unknown as Summary;
  t.true(summary.ok && summary.passed >= 10);
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  t.regex(read('report.xml'), /<testsuite name="qemu-virt\.link" tests="\d+" failures="0"/);
  t.regex(read('report.tap'), /^TAP version 13\n1\.\.\d+\nok 1 - /);
  t.is(read('report.jsonl').trim().split('\n').length, jsonLines(result).length);
  t.regex(read('report.html'), /velocity rig: <span class="passed">/);
  t.regex(read('report.html'), /<svg[\s\S]*rig_canary/);
  t.regex(read('qemu-virt.console.log'), /velocity .* ready on linux,dummy-virt/);
});

emulated('a_run_that_is_stopped_leaves_no_process_no_file_and_no_report', async (t) => {
  t.timeout(300_000);
  const [folder, temporary, marked] = [temporaryFolder(), temporaryFolder(), mark()];
  const args = ['rig', 'run', '--board', 'qemu-virt', '--suite', 'link', '--report', folder, '--json'];
  const child = spawn(process.execPath, [...ownCommand(), ...args], {
    env: { ...marked.env, TMPDIR: temporary },
  });
  const said = await new Promise<string>((resolve) => {
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk;
      if (text.includes('"event":"test"')) resolve(text);
    });
    child.once('close', () => resolve(text));
  });
  t.true(said.includes('"event":"test"'), said);
  t.true(marked.running().some((command) => command.includes('qemu-system-aarch64')));
  child.kill('SIGTERM');
  t.is((await once(child, 'close'))[0], 130);
  t.deepEqual(await marked.left(), []);
  t.false(existsSync(join(folder, 'report.xml')));
  t.notRegex(readFileSync(join(folder, 'report.jsonl'), 'utf8'), /"outcome":"failed"/);
  t.deepEqual(
    readdirSync(temporary).filter((name) => name.startsWith('velocity-')),
    [],
  );
});

test.serial('tests_and_boards_are_listed', async (t) => {
  const boards = jsonLines(await velocity('rig', 'list', '--json'));
  t.deepEqual(
    boards.map(({ name }) => name),
    ['qemu-virt', 'rpi3b', 'rpi4b'],
  );
  const two = jsonLines(await velocity('rig', 'list', '--board', 'rpi3b', '--board', 'qemu-virt', '--json'));
  t.deepEqual(two.map(({ name }) => name).sort(), ['qemu-virt', 'rpi3b']);
  const tests = jsonLines(await velocity('rig', 'list', '--tests', '--json'));
  t.true(tests.some(({ suite, test: name }) => suite === 'link' && name === 'carries_every_byte_both_ways'));
});

test.serial('what_makes_no_sense_is_refused_before_anything_starts', async (t) => {
  const unknown = await velocity('rig', 'run', '--board', 'pi');
  t.is(unknown.exit, 2);
  t.regex(unknown.stderr, /there is no board pi\n {2}hint: the emulated boards: qemu-virt, rpi3b, rpi4b/);
  const nothing = await velocity('rig', 'run', '--filter', 'no such test');
  t.is(nothing.exit, 2);
  t.regex(nothing.stderr, /no test matches no such test/);
  const suite = await velocity('rig', 'run', '--suite', 'bot');
  t.is(suite.exit, 2);
  t.regex(suite.stderr, /There is no suite bot/);
  const file = join(temporaryFolder(), 'bench.yaml');
  writeFileSync(file, 'boards:\n  a: { board: rpi4b, serail: x }\n');
  const bad = await velocity('rig', 'list', '--bench', file);
  t.is(bad.exit, 10);
  t.regex(bad.stderr, /bench\.yaml:2:\d+: boards\.a\.serail is not known here \(did you mean serial\?\)/);
});

test.serial('a_doctor_says_what_is_amiss_with_real_boards', async (t) => {
  const file = join(temporaryFolder(), 'bench.yaml');
  writeFileSync(
    file,
    'boards:\n  a: { board: jetson-nano, serial: /dev/not-there, flash: { by: disk, to: /dev/not-here } }\n',
  );
  const result = await velocity('rig', 'doctor', '--bench', file);
  t.is(result.exit, 15);
  t.regex(result.stdout, /amiss {2}a .*serial .*\/dev\/not-there does not exist/);
  t.regex(result.stdout, /amiss {2}a .*flash .*\/dev\/not-here does not exist/);
});
