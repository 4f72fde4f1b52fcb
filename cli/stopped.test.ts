/** Commands that are stopped while others work for them, as processes of their own. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { loaderArguments, ownCommand, ownFile } from './own-command.ts';
import { temporaryFolder } from './test/command-line.ts';
import { mark } from './test/marked.ts';

for (const signal of ['SIGTERM', 'SIGKILL'] as const)
  test(`tests_end_with_the_command_that_runs_them: ${signal}`, async (t) => {
    t.timeout(300_000);
    const [temporary, marked] = [temporaryFolder(), mark()];
    const child = spawn(process.execPath, [...ownCommand(), 'test', 'link/transport.test.ts'], {
      env: { ...marked.env, TMPDIR: temporary },
      stdio: 'ignore',
    });
    const isWorker = (command: string) => command.includes('ava/lib/worker');
    while (child.exitCode === null && !marked.running().some(isWorker)) await sleep(20);
    child.kill(signal);
    t.is((await once(child, 'close'))[0], signal === 'SIGTERM' ? 130 : null);
    t.deepEqual(await marked.left(), []);
    if (signal === 'SIGTERM')
      t.false(readdirSync(temporary).some((name) => name.startsWith('velocity-tests-')));
  });

test('a_compiler_ends_with_the_command_that_called_it', async (t) => {
  const marked = mark();
  const module = pathToFileURL(ownFile('firmware/toolchain.ts')).href;
  const program = `import { run } from '${module}'; void run('sleep', ['600']); setTimeout(() => process.exit(7), 200)`;
  const child = spawn(process.execPath, [...loaderArguments(), '--input-type=module', '-e', program], {
    env: marked.env,
    stdio: 'ignore',
  });
  t.is((await once(child, 'close'))[0], 7);
  t.deepEqual(await marked.left(), []);
});

test('nothing_listens_for_the_end_before_something_is_under_way', (t) => {
  const module = pathToFileURL(ownFile('firmware/index.ts')).href;
  const program = `const before = process.listenerCount('exit'); await import('${module}'); process.exit(process.listenerCount('exit') - before)`;
  const { status } = spawnSync(process.execPath, [
    ...loaderArguments(),
    '--input-type=module',
    '-e',
    program,
  ]);
  t.is(status, 0);
});
