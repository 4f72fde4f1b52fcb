/** A short soak; long ones are `velocity rig soak --hours N`. */
import { readFileSync } from 'node:fs';
import test from 'ava';
import { jsonLines, running, temporaryFolder, velocity } from '../../cli/test/command-line.ts';
import { findTool } from '../../firmware/index.ts';

process.env.VELOCITY_RIG_LOCKS = temporaryFolder();
const emulated = findTool('qemu') ? test.serial : test.serial.skip;

const soak = async (...more: string[]) => {
  const result = await velocity('rig', 'soak', '--board', 'qemu-virt', '--seed', '11', '--json', ...more);
  return { result, lines: jsonLines(result) };
};

const stepsOf = (lines: readonly Record<string, unknown>[]) =>
  lines.filter(({ event }) => event === 'step').map(({ n, action, what }) => `${n} ${action} ${what}`);

emulated('a_soak_adds_up_after_every_step_and_repeats_with_its_seed', async (t) => {
  t.timeout(240_000);
  const first = await soak('--steps', '10');
  t.is(first.result.exit, 0, first.result.stdout + first.result.stderr);
  const summary = first.lines.at(-1)!;
  t.like(summary, { event: 'soak', ok: true, seed: 11, steps: 10 });
  t.true(Number(summary.ticks) > 1000 && Number(summary.events) > 5);
  const again = await soak('--steps', '4');
  t.deepEqual(stepsOf(again.lines), stepsOf(first.lines).slice(0, 4));
});

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .map(Number)
    .filter((child) => child > 0);

emulated('an_emulator_that_dies_is_the_cause_of_what_failed', async (t) => {
  t.timeout(120_000);
  const args = ['rig', 'soak', '--board', 'qemu-virt', '--seed', '11', '--json'];
  const under = running(...args);
  await under.until(/"event":"step"/);
  const emulators = childrenOf(process.pid)
    .flatMap(childrenOf)
    .filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('qemu-system'));
  t.is(emulators.length, 1);
  process.kill(emulators[0]!, 'SIGKILL');
  const result = await under.ended;
  t.is(result.exit, 15);
  t.like(jsonLines(result).find(({ event }) => event === 'soak')?.cause, { code: 'emulator_died' });
});

test.serial('what_a_soak_cannot_do_is_refused', async (t) => {
  const none = await velocity('rig', 'soak', '--hours', '0');
  t.is(none.exit, 2);
  t.regex(none.stderr, /must be a number above 0/);
});
