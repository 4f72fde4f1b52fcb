/** Commands that are stopped while others work for them, as processes of their own. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
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

type Started = { readonly file: string; readonly args: readonly string[]; readonly signal: NodeJS.Signals };
const plainly: Started = {
  file: process.execPath,
  args: [...ownCommand(), 'models', 'pull', 'smollm2-135m', '--yes'],
  signal: 'SIGTERM',
};
/** In a terminal of its own, that is closed. */
const inTerminal = ({ file, args }: Started): Started => ({
  file: 'script',
  args: ['-qec', [file, ...args].map((word) => `'${word}'`).join(' '), '/dev/null'],
  signal: 'SIGKILL',
});

const modelsIn = (data: string): readonly string[] => {
  const folder = join(data, 'velocity/models');
  return existsSync(folder) ? readdirSync(folder) : [];
};
const own = (name: string) => !/^(tsx-|node-compile)/.test(name);

/** What it left in the folder of models and that of temporary files. */
const leftBy = async (
  { file, args, signal }: Started,
  isUnderWay: (data: string) => boolean,
  env: NodeJS.ProcessEnv = {},
) => {
  const [data, temporary, marked] = [temporaryFolder(), temporaryFolder(), mark()];
  const child = spawn(file, args, {
    env: { ...marked.env, ...env, XDG_DATA_HOME: data, TMPDIR: temporary },
    stdio: 'ignore',
  });
  const ended = once(child, 'close');
  while (child.exitCode === null && !isUnderWay(data)) await sleep(20);
  child.kill(signal);
  const [exit] = await ended;
  const running = await marked.left();
  return { exit, files: [...modelsIn(data), ...readdirSync(temporary).filter(own)], running };
};

/** The address of a server that never comes to the end of a file. */
const endless = async (use: (url: string) => Promise<void>) => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': 1 << 20 });
    response.write(Buffer.alloc(4096, 1));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  server.closeAllConnections();
  server.close();
};

const isThere = (data: string) => modelsIn(data).length > 0;

test('nothing_is_left_of_a_model_whose_download_is_stopped', async (t) => {
  t.timeout(300_000);
  await endless(async (url) => {
    const pull = { ...plainly, args: [...plainly.args, '--from', url] };
    t.deepEqual(await leftBy(pull, isThere), { exit: 130, files: [], running: [] });
    t.like(await leftBy(inTerminal(pull), isThere), { files: [], running: [] });
  });
});

test('nothing_is_left_of_a_package_whose_download_is_stopped', async (t) => {
  t.timeout(300_000);
  const [tools, begun] = [temporaryFolder(), join(temporaryFolder(), 'begun')];
  writeFileSync(join(tools, 'python3'), `#!/bin/sh\n: > "${begun}"\nexec sleep 600\n`, { mode: 0o755 });
  const env = { PATH: `${tools}:${process.env.PATH}` };
  t.deepEqual(await leftBy(plainly, () => existsSync(begun), env), { exit: 130, files: [], running: [] });
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
