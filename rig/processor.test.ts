import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { onOneProcessor } from './processor.ts';

const folder = mkdtempSync(join(tmpdir(), 'velocity-processor-'));
test.after.always(() => rmSync(folder, { recursive: true }));

const processorsOf = (status: string) => /^Cpus_allowed_list:\s*(.*)$/m.exec(status)![1]!;

const isPossible =
  process.platform === 'linux' && availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0;

(isPossible ? test : test.skip)('emulators_are_kept_on_one_processor_each_and_apart', async (t) => {
  const emulator = join(folder, 'qemu-system-none');
  symlinkSync(spawnSync('sh', ['-c', 'command -v cat'], { encoding: 'utf8' }).stdout.trim(), emulator);
  const taken: string[] = [];
  for (let i = 0; i < availableParallelism(); i++) {
    const [command, ...args] = onOneProcessor(emulator, ['/proc/self/status', '-']);
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    t.teardown(() => child.kill());
    const [status] = (await once(child.stdout, 'data')) as [Buffer];
    t.is(processorsOf(String(status)), processorsOf(readFileSync(`/proc/${child.pid}/status`, 'utf8')));
    taken.push(processorsOf(String(status)));
  }
  t.true(
    taken.every((one) => /^\d+$/.test(one)),
    `${taken}`,
  );
  t.true(new Set(taken).size > 1, `${taken}`);
});

test('a_command_runs_as_it_was_given', (t) => {
  const [command, ...args] = onOneProcessor('sh', ['-c', 'echo "$0|$1"; exit 7', 'a b', "c'd"]);
  const { stdout, status } = spawnSync(command, args, { encoding: 'utf8' });
  t.is(stdout, "a b|c'd\n");
  t.is(status, 7);
});
