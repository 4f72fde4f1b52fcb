/** Two hosts on one line, each with a program of its own: neither spoils the other's work, nor takes its answers for its own. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startBoard } from '../../cli/virtual.ts';
import { assemble } from '../../ebpf/index.ts';
import { root } from '../../firmware/index.ts';
import { openTransport, RefusedError, VelocityLink } from '../../link/index.ts';
import type { VirtualBoard } from '../../rig/index.ts';
import { BOOT_TIMEOUT_MS, patience } from '../board/patience.ts';
import { devKey, patchFor, signPatch, timerProgram } from '../board/programs.ts';
import { sha256 } from './wire.ts';

const ROUNDS = 12;
const TRIES = 40;

const folder = mkdtempSync(join(tmpdir(), 'velocity-hosts-'));
const shared = join(folder, 'line');
const sockets = new Set<Socket>();
const server = createServer();
let board: VirtualBoard;
const hosts: VelocityLink[] = [];

/** What any of them writes goes to the board as it comes; what the board says, all of them hear. */
const share = async (address: string) => {
  const line = await openTransport(address, {});
  line.onData((data) => {
    for (const socket of sockets) socket.write(data);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('data', (data) => void line.write(data).catch(() => {}));
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(shared, () => resolve()));
};

test.before(async (t) => {
  t.timeout(2 * BOOT_TIMEOUT_MS);
  board = await startBoard('qemu-virt');
  await share(board.address);
  hosts.push(await VelocityLink.open(`unix:${shared}`, patience));
  hosts.push(await VelocityLink.open(`unix:${shared}`, { retries: patience.retries })); // the board is up
});
test.after.always(async () => {
  for (const host of hosts) await host.close();
  server.close();
  await board?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const is = (error: unknown, ...statuses: readonly string[]) =>
  error instanceof RefusedError && statuses.includes(error.status);

/** Signs anew while the other host's patches use up sequence numbers. */
const installed = async (link: VelocityLink, name: string, result: number) => {
  const program = timerProgram(name, `r0 = ${result}\nexit`);
  for (let left = TRIES; ; left -= 1) {
    const bytes = signPatch(await patchFor(link, { program, name }), devKey());
    try {
      return await link.installPatch(bytes, { canary: false });
    } catch (error) {
      if (left === 1 || !is(error, 'replayed', 'older_sequence')) throw error;
    }
  }
};

test.serial('each_gets_its_own_answers_and_installs_its_own_patches', async (t) => {
  t.timeout(600_000);
  const work = async (link: VelocityLink, i: number) => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { name, version } = await installed(link, `host${i}`, 10 * i + round);
      t.deepEqual([name, version], [`host${i}`, round + 1]);
      const said = `host ${i} in round ${round}`;
      t.is(await link.echo(said), said);
      const { r0 } = await link.runProgram({
        jit: true,
        code: assemble(`r0 = ${1000 * i + round}\nexit`),
        mem: new Uint8Array(8),
      });
      t.is(r0, BigInt(1000 * i + round));
      const mine = (await link.telemetryAll()).find((one) => one.name === name);
      t.is(mine?.version, round + 1);
    }
  };
  await Promise.all(hosts.map((link, i) => work(link, i)));
  t.deepEqual(
    (await hosts[0]!.modules()).map(({ name, version }) => [name, version]).sort(),
    [0, 1].map((i) => [`host${i}`, ROUNDS]),
  );
});

/** Longer than a message, so that the other one comes in between. */
const long = (link: VelocityLink, name: string) => {
  const text = `${'r0 = 1\n'.repeat(600)}exit`;
  return patchFor(link, { program: timerProgram(name, text), name });
};

test.serial('an_upload_that_another_host_takes_the_place_of_is_refused_and_spoils_nothing', async (t) => {
  t.timeout(600_000);
  const [a, b] = hosts as [VelocityLink, VelocityLink];
  const [mine, others] = [await long(a, 'host0'), await long(b, 'host1')].map((p) => signPatch(p, devKey()));
  const half = mine!.length >> 1;
  const begin = (link: VelocityLink, bytes: Uint8Array) =>
    link.stageChunk({ off: 0, len: bytes.length, sha: sha256(bytes), data: bytes.subarray(0, half) });
  await begin(a, mine!);
  await begin(b, others!);
  const chunk = { off: half, sha: sha256(mine!), data: mine!.subarray(half) };
  const refused = await t.throwsAsync(a.stageChunk(chunk), { instanceOf: RefusedError });
  t.is(refused?.status, 'upload_taken');
  await b.stageChunk({ off: half, sha: sha256(others!), data: others!.subarray(half) });
  const early = await t.throwsAsync(a.install({ canary: false, sha: sha256(mine!) }), {
    instanceOf: RefusedError,
  });
  t.is(early?.status, 'upload_taken', 'what the other host staged is not installed in its place');
  const { name, version } = await b.install({ canary: true, sha: sha256(others!) });
  t.deepEqual([name, version], ['host1', ROUNDS + 1]);
});

type Said = { readonly exit: number; readonly lines: Record<string, unknown>[] };

/** The command itself, in a process of its own. */
const velocity = (...args: readonly string[]) =>
  new Promise<Said>((resolve) => {
    const command = ['--import', 'tsx', 'cli/main.ts', ...args, '--port', `unix:${shared}`, '--json'];
    execFile(process.execPath, command, { cwd: root, encoding: 'utf8' }, (error, stdout) =>
      resolve({
        exit: typeof error?.code === 'number' ? error.code : 0,
        lines: stdout
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as Record<string, unknown>),
      }),
    );
  });

/** Installed what it was told to, or says why not. */
const loaded = (t: ExecutionContext, { exit, lines }: Said, name: string): boolean => {
  const last = lines.at(-1);
  if (exit === 0) t.like(last, { event: 'installed', name });
  else t.like(last, { event: 'error', code: 'refused' }, String(last?.message));
  return exit === 0;
};

test.serial('two_processes_load_and_watch_at_once', async (t) => {
  t.timeout(600_000);
  const names = ['left', 'right'] as const;
  const done = await Promise.all(
    names.map((name) =>
      velocity('module', 'load', 'modules/fir/fir.c', '--optimise', 'none', '--name', name),
    ),
  );
  const there = names.filter((name, i) => loaded(t, done[i]!, name));
  t.true(there.length > 0);
  const modules = (await hosts[0]!.modules()).map(({ name }) => name);
  t.deepEqual(
    names.filter((name) => modules.includes(name)),
    there,
  );
  const watching = await Promise.all(
    names.map(() => velocity('monitor', '--count', '2', '--interval', '10')),
  );
  for (const { exit, lines } of watching) {
    t.is(exit, 0);
    const seen = lines.filter(({ event }) => event === 'telemetry').map(({ module }) => module);
    t.deepEqual(new Set(seen), new Set(modules));
  }
});
