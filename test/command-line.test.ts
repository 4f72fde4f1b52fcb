/** The velocity command as people run it: its own process, virtual boards, signals. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { boardNamed } from '../boards/index.ts';
import { temporaryFolder } from '../cli/test/command-line.ts';
import { findTool, root } from '../firmware/index.ts';
import { openTransport, VelocityLink } from '../link/index.ts';
import { unavailableReason } from '../rig/index.ts';

const velocity = (...args: string[]) =>
  spawn(process.execPath, ['--import', 'tsx', join(root, 'cli/main.ts'), ...args], { cwd: root });

const ended = async (child: ChildProcessWithoutNullStreams) => {
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const exit = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { exit, stdout, stderr };
};

const boardsHere = ['qemu-virt', 'rpi3b', 'rpi4b'].map((name) => ({
  name,
  reason: unavailableReason(boardNamed(name), findTool('qemu')),
}));

/** A board that is up: `velocity start`, its port, and the process of the emulator. */
const startBoard = async (name: string) => {
  const child = velocity('start', '--board', name, '--json');
  const line = await new Promise<string>((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
      if (said.includes('\n')) resolve(said);
    });
    child.once('close', (code) => reject(new Error(`velocity start ended with ${code}: ${said}`)));
  });
  const { port, pid } = JSON.parse(line) as { port: string; pid: number };
  const emulator = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
  return { child, port, emulator };
};

const LIMIT_MS = 60_000;

const isRunning = (pid: number) => existsSync(`/proc/${pid}`);

const goesAway = async (pid: number) => {
  for (const end = Date.now() + LIMIT_MS; Date.now() < end && isRunning(pid); ) await sleep(50);
  return !isRunning(pid);
};

const batch = [
  '{"id":1,"code":"b7000000070000009500000000000000","mem":""}',
  '{"id":2,"code":"71100000000000009500000000000000","mem":"2a"}',
  '{"id":3,"code":"7201010055000000b7000000ffffffff9500000000000000","mem":"0000"}',
  '{"id":4,"code":"71100900000000009500000000000000","mem":"2a"}',
  'no JSON at all',
  `{"id":5,"code":"b700000000000000${'0700000001000000'.repeat(600)}9500000000000000","mem":"00"}`,
];

type Answer = { id: unknown; ok: boolean; r0?: string; mem?: string; error?: { code: string } };

const answersOf = async (board: string, engine: string) => {
  const file = join(temporaryFolder(), 'batch.jsonl');
  writeFileSync(file, batch.join('\n'));
  const args = ['bpf', 'run', '--board', board, '--engine', engine, '--batch', file, '--json'];
  const { exit, stdout, stderr } = await ended(velocity(...args));
  if (exit !== 0) throw new Error(stderr);
  const lines = stdout.trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Answer);
};

const essence = ({ id, ok, r0, mem, error }: Answer) => [id, ok, r0, mem, error?.code];

for (const { name, reason } of boardsHere) {
  const onBoard = reason ? test.serial.skip : test.serial;

  onBoard(`${name}: compiled and interpreted programs give the same, right answers in order`, async (t) => {
    const compiled = await answersOf(name, 'jit');
    t.deepEqual(compiled.map(essence), [
      [1, true, '0x7', '', undefined],
      [2, true, '0x2a', '2a', undefined],
      [3, true, '0xffffffffffffffff', '0055', undefined],
      [4, false, undefined, undefined, 'memory_out_of_bounds'],
      [null, false, undefined, undefined, 'bad_line'],
      [5, true, '0x258', '00', undefined],
    ]);
    t.deepEqual((await answersOf(name, 'interp')).map(essence), compiled.map(essence));
  });

  onBoard(`${name}: noise and cut frames on the line lose nothing that comes after them`, async (t) => {
    const { child, port } = await startBoard(name);
    try {
      const transport = await openTransport(port);
      // In pieces, so that some come before the kernel has set its UART up, and between its two times of doing so.
      const noise = Buffer.from(Array.from({ length: 3000 }, (_, i) => (i * 73) & 0xff));
      for (let at = 0; at < noise.length; at += 100) {
        await transport.write(noise.subarray(at, at + 100));
        await sleep(5);
      }
      await transport.write(Buffer.from('\x06\tABMKAAAJAABCAKFhZGV\n\x04\x14AAAA\n\x06\tABMK', 'latin1'));
      const link = await VelocityLink.over(transport, { readyTimeoutMs: 60_000 });
      const text = 'x'.repeat(2500);
      t.is(await link.echo(text), text);
      await link.close();
    } finally {
      child.kill('SIGINT');
      await ended(child);
    }
  });
}

const onVirt = boardsHere[0]!.reason ? test.serial.skip : test.serial;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  onVirt(`${signal} leaves no emulator behind`, async (t) => {
    const { child, emulator } = await startBoard('qemu-virt');
    t.true(isRunning(emulator));
    child.kill(signal);
    const { exit } = await ended(child);
    t.is(exit, signal === 'SIGKILL' ? null : 130);
    t.true(await goesAway(emulator));
  });
}

onVirt('an emulator that dies is named as the cause', async (t) => {
  const { child, emulator } = await startBoard('qemu-virt');
  process.kill(emulator, 'SIGKILL');
  const { exit, stderr } = await ended(child);
  t.is(exit, 12);
  t.regex(stderr, /the emulator of qemu-virt ended/);
});

onVirt(
  'a board that goes away while it is watched is said to be gone, and the monitor waits for it',
  async (t) => {
    const { child, port, emulator } = await startBoard('qemu-virt');
    const monitor = velocity('monitor', '--port', port, '--interval', '50', '--json');
    const result = ended(monitor);
    let said = '';
    let look = () => {};
    monitor.stdout.on('data', (chunk: Buffer) => {
      said += chunk;
      look();
    });
    const says = (what: string) =>
      new Promise<void>((resolve) => {
        look = () => said.includes(what) && resolve();
        look();
      });
    await says('"event":"connected"');
    process.kill(emulator, 'SIGKILL');
    await ended(child);
    await says('"event":"disconnected"');
    monitor.kill('SIGINT');
    t.is((await result).exit, 130);
  },
);
