import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { spawnGroupLeashed, spawnLeashed } from './child.ts';

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const LIMIT_MS = 60_000;

const gone = async (pid: number) => {
  for (const end = Date.now() + LIMIT_MS; Date.now() < end && isAlive(pid); ) await sleep(20);
  return !isAlive(pid);
};

/** Says its process id on stderr and cannot be asked to end. */
const stubborn = 'trap "" INT TERM HUP; echo $$ >&2; while :; do sleep 0.1; done';

const left = new Set<number>();
test.after.always(() => {
  for (const pid of left) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
});

const started = async () => {
  const child = spawnLeashed('sh', ['-c', stubborn]);
  const pid = await new Promise<number>((resolve) => {
    child.stderr!.once('data', (chunk: Buffer) => resolve(Number(chunk.toString().trim())));
  });
  left.add(pid);
  return { child, pid };
};

test('a_command_ends_when_the_pipe_to_it_closes', async (t) => {
  const { child, pid } = await started();
  t.true(isAlive(pid));
  child.stdin!.destroy();
  t.true(await gone(pid));
});

test('a_command_ends_even_when_its_shell_was_killed_first', async (t) => {
  const { child, pid } = await started();
  child.kill('SIGTERM');
  child.stdin!.destroy();
  t.true(await gone(pid));
});

test('a_command_ends_with_all_that_it_started', async (t) => {
  const child = spawnGroupLeashed('sh', ['-c', 'sh -c "$1"; :', 'sh', stubborn]);
  const pid = await new Promise<number>((resolve) => {
    child.stderr.once('data', (chunk: Buffer) => resolve(Number(chunk.toString().trim())));
  });
  left.add(pid);
  t.true(isAlive(pid));
  child.stdin.destroy();
  t.true(await gone(pid));
});

test('the_status_of_the_command_is_reported', async (t) => {
  const child = spawnLeashed('sh', ['-c', 'exit 7']);
  child.stdin!.on('error', () => {});
  const status = await new Promise((resolve) => child.once('exit', resolve));
  child.stdin!.destroy();
  t.is(status, 7);
});
