import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { openTransport, parseAddress } from './address.ts';
import { AddressError, CancelledError, PermissionError, PortBusyError, UnpluggedError } from './errors.ts';
import { withReconnect } from './reconnect.ts';
import { openSerial, type SerialBinding } from './serial.ts';
import { fakeBoard } from './test/fake-board.ts';
import type { Transport } from './transport.ts';
import { VelocityLink } from './velocity.ts';

/** A server that sends back what it gets; `drop` ends its connections. */
const echoServer = async (path: string | number) => {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, () => resolve()));
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  const address = server.address();
  return { drop, close: () => server.close(), port: typeof address === 'object' ? address!.port : 0 };
};

const nextData = (transport: Transport) =>
  new Promise<string>((resolve) => transport.onData((data) => resolve(Buffer.from(data).toString())));

test('addresses are read as people write them', (t) => {
  t.deepEqual(parseAddress('/dev/ttyUSB0'), { kind: 'serial', path: '/dev/ttyUSB0' });
  t.deepEqual(parseAddress('unix:/tmp/x'), { kind: 'unix', path: '/tmp/x' });
  t.deepEqual(parseAddress('tcp:localhost:4444'), { kind: 'tcp', host: 'localhost', port: 4444 });
  t.deepEqual(parseAddress('tcp:[::1]:1'), { kind: 'tcp', host: '::1', port: 1 });
  for (const bad of ['', 'unix:', 'tcp:', 'tcp:host', 'tcp:host:0', 'tcp:host:70000']) {
    t.throws(() => parseAddress(bad), { instanceOf: AddressError }, bad);
  }
});

test('tcp carries bytes both ways and tells when the other side goes away', async (t) => {
  const server = await echoServer(0);
  const transport = await openTransport(`tcp:127.0.0.1:${server.port}`);
  const data = nextData(transport);
  await transport.write(Buffer.from('ping'));
  t.is(await data, 'ping');
  const closed = new Promise<Error | undefined>((resolve) => transport.onClose(resolve));
  server.drop();
  t.true((await closed) instanceof UnpluggedError);
  await t.throwsAsync(transport.write(Buffer.from('x')), { instanceOf: UnpluggedError });
  server.close();
});

test('a unix socket carries bytes, and closing it here is no error', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-test-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 's');
  const server = await echoServer(path);
  const transport = await openTransport(`unix:${path}`);
  const data = nextData(transport);
  await transport.write(Buffer.from('ping'));
  t.is(await data, 'ping');
  const closed = new Promise<Error | undefined>((resolve) => transport.onClose(resolve));
  await transport.close();
  t.is(await closed, undefined);
  server.close();
});

test('nobody listening and no such port are called unplugged', async (t) => {
  await t.throwsAsync(openTransport('tcp:127.0.0.1:1'), { instanceOf: UnpluggedError });
  await t.throwsAsync(openTransport('unix:/nonexistent/socket'), { instanceOf: UnpluggedError });
  const error = await t.throwsAsync(openTransport('/dev/velocity-none'), { instanceOf: UnpluggedError });
  t.true(error.cause instanceof Error);
});

/** A serial line by a name of its own. */
const PSEUDO_TERMINAL = `
import os, sys
ours, theirs = os.openpty()
os.symlink(os.ttyname(theirs), sys.argv[1])
os.close(theirs)
print(flush=True)
sys.stdin.read()
`;

/** Texts as @serialport/bindings-cpp gives them on Linux, and as Windows words them. */
const openFailures = [
  ['Error: Permission denied, cannot open /dev/ttyUSB0', PermissionError],
  ['Opening COM3: Access denied', PortBusyError],
  ['Opening COM3: File not found', UnpluggedError],
  ['Error Resource temporarily unavailable Cannot lock port', PortBusyError],
  ['Error: Device or resource busy, cannot open /dev/ttyUSB0', PortBusyError],
  ['Error: No such file or directory, cannot open /dev/ttyUSB0', UnpluggedError],
  ['Error: Input/output error setting custom baud rate', UnpluggedError],
] as const;

test('what the serial binding says at opening becomes a typed error', async (t) => {
  for (const [text, kind] of openFailures) {
    const binding = {
      list: async () => [],
      open: async () => {
        throw new Error(text);
      },
    } as unknown as SerialBinding;
    const error = await t.throwsAsync(openSerial('/dev/ttyUSB0', { binding }), { instanceOf: kind }, text);
    t.is((error.cause as Error).message, text);
  }
});

test('what to do about a port is said as it is done on this system', (t) => {
  const busy = (system: NodeJS.Platform) =>
    new PortBusyError('PORT', {}, [], system).hint.replace(/^close the program that holds it /, '');
  t.regex(busy('linux'), /^\(`fuser PORT`/);
  t.is(busy('darwin'), '(`lsof PORT` names it)');
  for (const system of ['win32', 'freebsd'] as const) t.notRegex(busy(system), /fuser|lsof/);
  t.regex(new PermissionError('PORT', {}, 'linux').hint, /dialout/);
  t.regex(new PermissionError('unix:/tmp/board', {}, 'linux').hint, /another user/);
  t.notRegex(new PermissionError('PORT', {}, 'darwin').hint, /dialout|udev/);
});

test('whoever holds a port that is busy is named', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-test-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const port = join(folder, 'tty');
  const line = spawn('python3', ['-c', PSEUDO_TERMINAL, port], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => line.kill());
  await once(line.stdout, 'data');
  const first = await openTransport(port);
  const error = await t.throwsAsync(openTransport(port), { instanceOf: PortBusyError });
  t.true(error.message.startsWith(`${port} is in use by process ${process.pid} (`), error.message);
  await first.close();
});

test('a lost board is opened again until the work is done', async (t) => {
  const boards = [fakeBoard(), fakeBoard(), fakeBoard()];
  const downs: Error[] = [];
  let opened = 0;
  const open = async () => {
    const nth = opened++;
    if (nth === 1) throw new UnpluggedError('fake', 'not back yet');
    return VelocityLink.over(boards[nth]!.transport);
  };
  const use = async (link: VelocityLink) => {
    if (opened === 1) await boards[0]!.line.close();
    return link.echo('still there');
  };
  const result = await withReconnect(open, use, { firstDelayMs: 1, onDown: (cause) => downs.push(cause) });
  t.deepEqual([result, opened, downs.length], ['still there', 3, 2]);
});

test('waiting for a board can be cancelled, and other errors pass through', async (t) => {
  const gone = async () => {
    throw new UnpluggedError('fake', 'gone');
  };
  const never = withReconnect(gone, async () => 1, {
    signal: AbortSignal.timeout(50),
    firstDelayMs: 20_000,
    waitForFirst: true,
  });
  await t.throwsAsync(never, { instanceOf: CancelledError });
  await t.throwsAsync(
    withReconnect(gone, async () => 1),
    { instanceOf: UnpluggedError },
  );
  const broken = withReconnect(
    async () => {
      throw new RangeError('a bug');
    },
    async () => 1,
  );
  await t.throwsAsync(broken, { instanceOf: RangeError });
});

test('a unix socket that is bound but listens a moment later is waited for', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-test-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 's');
  const stale = spawnSync(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
  ]);
  t.is(stale.signal, 'SIGKILL'); // leaves a path that refuses
  await t.throwsAsync(openTransport(`unix:${path}`), { instanceOf: UnpluggedError });
  const opening = openTransport(`unix:${path}`);
  await sleep(60);
  rmSync(path);
  const server = await echoServer(path);
  await (await opening).close();
  server.close();
});

test('a unix socket whose queue is full is called busy', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-test-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 's');
  // Takes nobody in, as QEMU does while its line has a reader: one may wait, the next is turned away.
  const server = spawn('python3', [
    '-c',
    'import socket,sys,time; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(0); print(flush=True); time.sleep(60)',
    path,
  ]);
  t.teardown(() => server.kill());
  await once(server.stdout, 'data');
  const waiting = await openTransport(`unix:${path}`);
  const error = await t.throwsAsync(openTransport(`unix:${path}`), { instanceOf: PortBusyError });
  t.regex(error.hint, /close the program that is connected there/);
  await waiting.close();
});
