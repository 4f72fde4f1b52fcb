/** What a monitor makes of boards, clocks, disks and other monitors that do not behave. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { jsonLines, running, temporaryFolder, velocity } from '../../cli/test/command-line.ts';
import { root } from '../../firmware/index.ts';
import { openTransport } from '../../link/index.ts';
import { fakeBoard, type Misbehaviour } from '../../link/test/fake-board.ts';
import { growing, watched } from '../../link/test/watched.ts';
import { entriesOf } from '../../monitor/index.ts';
import { module, telemetryAt } from '../../monitor/test/samples.ts';

const handlers = () => watched({ telemetry: growing(telemetryAt, 0, 1000), module });

/** A board behind a socket that takes any number of connections, each answered by a board of its own. */
const boardAt = async (t: ExecutionContext, misbehaviour: Misbehaviour, noise = Buffer.alloc(0)) => {
  const path = join(temporaryFolder(), 'console');
  const server = createServer((socket) => {
    const board = fakeBoard(handlers(), misbehaviour);
    board.transport.onData((data) => socket.write(data));
    if (noise.length > 0) socket.write(noise);
    socket.on('data', (data) => void board.transport.write(data).catch(() => {}));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => void server.close());
  return `unix:${path}`;
};

const files = () => {
  const folder = temporaryFolder();
  return { record: join(folder, 'run.jsonl'), store: join(folder, 'run.db') };
};

test('a board that talks garbage is read all the same, and what was damaged is counted', async (t) => {
  t.timeout(240_000);
  const flipped = (frame: Uint8Array, nth: number) =>
    nth % 5 === 3 ? frame.map((byte, i) => (i === 9 ? byte ^ 1 : byte)) : frame;
  const noise = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919 + (i >> 8)) % 256));
  const port = await boardAt(t, { mangle: flipped }, noise);
  const { record, store } = files();
  const args = ['--count', '3', '--interval', '10', '--record', record, '--store', store, '--json'];
  const live = await velocity('monitor', '--port', port, ...args);
  t.is(live.exit, 0, live.stderr);
  t.is(jsonLines(live).filter(({ event }) => event === 'telemetry').length, 3);
  const told = [...entriesOf(readFileSync(record, 'utf8'), record)];
  const last = told.findLast(({ entry }) => entry.kind === 'reading')!.entry;
  t.true(last.kind === 'reading' && last.reading.health.damaged > 0);
  const again = await velocity('monitor', '--replay', '1', '--store', store, '--speed', '0', '--json');
  t.deepEqual(jsonLines(again), jsonLines(live));
});

test('a board whose answers make no sense is said to be so, and asked again until they do', async (t) => {
  t.timeout(240_000);
  let senseless = 0;
  const alter: Misbehaviour['alter'] = (reply) => {
    const breaks = reply.group === 64 && reply.id !== 0 && senseless < 1;
    if (breaks) senseless += 1;
    return breaks ? { ...reply, payload: Uint8Array.of(0xa0) } : reply;
  };
  const port = await boardAt(t, { alter });
  const program = running('monitor', '--port', port, '--interval', '10');
  await program.until(/disconnected: .*is malformed[\s\S]*connected: fake\nfir v2 /);
  t.is((await program.stop()).exit, 0);
  t.is(senseless, 1);
});

test.serial('a clock of the host that jumps changes no order, no rate and no figure', async (t) => {
  const port = await boardAt(t, {});
  const { record, store } = files();
  const { now } = Date;
  t.teardown(() => {
    Date.now = now;
  });
  const jumps = [0, -86_400_000, 400 * 86_400_000, -5000, 3600_000];
  let asked = 0;
  Date.now = () => now() + jumps[asked++ % jumps.length]!;
  const args = ['--count', '5', '--interval', '10', '--record', record, '--store', store, '--json'];
  const live = await velocity('monitor', '--port', port, ...args);
  Date.now = now;
  t.is(live.exit, 0, live.stderr);
  const figures = jsonLines(live).filter(({ event }) => event === 'telemetry');
  t.deepEqual(
    figures.map(({ calls, interval_calls }) => [calls, interval_calls]),
    [1, 2, 3, 4, 5].map((i) => [i * 1000, 1000]),
  );
  for (const what of [record, '1']) {
    const again = await velocity('monitor', '--replay', what, '--store', store, '--speed', '0', '--json');
    t.deepEqual(jsonLines(again), jsonLines(live), what);
  }
  const shown = await velocity('history', 'show', '1', '--store', store);
  t.regex(shown.stdout, /^fir +5000 calls, 267 to 267 cycles a call/m);
});

test('a recording on a full disk keeps whole lines only, and goes on when there is room', (t) => {
  const { record } = files();
  const script = `
    process.on('SIGXFSZ', () => {});
    const { openRecorder } = await import('./monitor/recording.ts');
    const { write, close } = (({ board, close }) => ({ write: board('p'), close }))(openRecorder(process.argv[1]));
    const line = (text) => write({ kind: 'console', time_ms: 1, line: text });
    let [written, refused] = [0, 0];
    for (let i = 0; i < 20; i += 1)
      try { line('x'.repeat(10_000)); written += 1; } catch { refused += 1; }
    line('short');
    close();
    process.stdout.write(JSON.stringify({ written, refused }));`;
  const command = `ulimit -f 100; exec node --import=tsx --input-type=module -e "$1" "$2"`;
  const child = spawnSync('bash', ['-c', command, 'bash', script, record], { encoding: 'utf8', cwd: root });
  t.is(child.status, 0, child.stderr);
  const { written, refused } = JSON.parse(child.stdout) as { written: number; refused: number };
  t.true(written > 0 && refused > 0);
  const lines = [...entriesOf(readFileSync(record, 'utf8'), record)].map(({ entry }) =>
    entry.kind === 'console' ? entry.line.length : 0,
  );
  t.deepEqual(lines, [...Array.from({ length: written }, () => 10_000), 5]);
});

/** QEMU serves one connection; others wait, and nobody tells them. */
test('the second of two monitors on one socket is told that a line has one reader', async (t) => {
  t.timeout(240_000);
  const path = join(temporaryFolder(), 'console');
  const server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => void server.close());
  const second = await velocity('monitor', '--port', `unix:${path}`, '--count', '1');
  t.is(second.exit, 7);
  t.regex(second.stderr, /no answer[\s\S]*no other program is connected there: a line has one reader/);
});

const PTY =
  'import os, pty, sys, tty\na, b = pty.openpty()\ntty.setraw(a)\ntty.setraw(b)\nprint(os.ttyname(b), flush=True)\nsys.stdin.read()';
const hasPython = spawnSync('python3', ['--version']).status === 0;

(hasPython ? test : test.skip)(
  'the second of two monitors on one serial port is told who to ask',
  async (t) => {
    const child = spawn('python3', ['-c', PTY], { stdio: ['pipe', 'pipe', 'inherit'] });
    t.teardown(() => void child.stdin.end());
    const [name] = (await once(child.stdout, 'data')) as [Buffer];
    const port = String(name).trim();
    const first = await openTransport(port);
    t.teardown(() => first.close());
    const second = await velocity('monitor', '--port', port, '--count', '1');
    t.is(second.exit, 6);
    const holder = `${port} is in use by process ${process.pid} \\(.*\\)`;
    t.regex(second.stderr, new RegExp(`${holder}.*\\n {2}hint: close the program`));
    const waiting = running('monitor', '--port', port, '--also', 'unix:/none');
    await waiting.until(new RegExp(`${port}: disconnected: ${holder}`));
    await waiting.stop();
  },
);
