/** The command as people call it; a USB/IP client in this process stands for the machine's kernel. */
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import {
  FastbootClient,
  type FlashError,
  memoryBlocks,
  memorySource,
  openFastbootUdp,
  rpiboot,
  waitForDevice,
} from '../../flasher/index.ts';
import { usbIpHost } from '../../rig/emulated/usbip-client.ts';
import { makeCleanup } from '../cleanup.ts';
import { registerRig } from '../commands/rig.ts';
import { Output } from '../output.ts';
import { makeProgram } from '../program.ts';
import { velocity } from '../test/command-line.ts';
import { parseFault } from './device.ts';

type Fact = Record<string, unknown>;
const LIMIT_MS = 120_000;
const limits = { controlMs: 60_000, bulkMs: 60_000, requestMs: 60_000, reappearMs: 60_000 };

/** Runs the command until `use` ended; what it said so far. */
const withDevice = async (argv: readonly string[], use: (first: Fact, said: Fact[]) => Promise<void>) => {
  const said: Fact[] = [];
  let started: (first: Fact) => void = () => {};
  const first = new Promise<Fact>((resolve) => {
    started = resolve;
  });
  const take = (text: string) => {
    for (const line of text.split('\n').filter((one) => one !== '')) said.push(JSON.parse(line) as Fact);
    if (said[0]) started(said[0]);
  };
  const cleanup = makeCleanup();
  const output = new Output(true, { write: take }, { write: () => {} });
  const program = makeProgram({ output, cleanup }, [registerRig]);
  const running = program.parseAsync(['rig', 'device', ...argv], { from: 'user' });
  try {
    await use(await Promise.race([first, running.then(() => ({}))]), said);
  } finally {
    cleanup.abort();
    await cleanup.run();
    await running;
  }
};

const until = async (t: ExecutionContext, done: () => boolean, what: string) => {
  for (let waited = 0; waited < LIMIT_MS && !done(); waited += 20)
    await new Promise((resolve) => setTimeout(resolve, 20));
  t.true(done(), what);
};

const kernel = Buffer.alloc(200_001, 7);
const source = memorySource('test files', {
  'bootcode4.bin': Buffer.alloc(3000, 1),
  'config.txt': Buffer.from('arm_64bit=1\n'),
  'start4.elf': Buffer.alloc(9000, 3),
  'kernel8.img': kernel,
});

const bootAt = async (port: number) => {
  const host = usbIpHost(port);
  const device = await waitForDevice(host, () => true, { what: 'the board', timeoutMs: LIMIT_MS });
  return rpiboot(host, device, { source, limits, required: ['kernel8.img'] });
};

test('a board that is pulled once is plugged in again, boots, and says what it took', async (t) => {
  t.timeout(LIMIT_MS);
  await withDevice(['cm4', '--at', '0', '--fault', 'unplug@9'], async (first, said) => {
    t.like(first, { event: 'serving', over: 'usbip', place: '1-1' });
    const port = first.port as number;
    t.is(((await t.throwsAsync(bootAt(port))) as FlashError).code, 'unplugged');
    await until(t, () => said.some(({ event }) => event === 'plugged'), 'plugged in again');
    await bootAt(port);
    await until(t, () => said.some(({ event, booted }) => event === 'booted' && booted === true), 'boots');
    t.like(
      said.find(({ name }) => name === 'kernel8.img'),
      { event: 'file', bytes: kernel.length },
    );
  });
});

test('a board in fastboot mode is on the network', async (t) => {
  t.timeout(LIMIT_MS);
  await withDevice(['fastboot', '--over', 'udp', '--at', '0'], async (first, said) => {
    const client = new FastbootClient(await openFastbootUdp('127.0.0.1', first.port as number));
    await client.flash('boot', memoryBlocks('Image', kernel));
    await client.close();
    t.true(said.some(({ command }) => command === 'flash:boot'));
  });
});

test('the port is free again when the command ended', async (t) => {
  let port = 0;
  await withDevice(['rpi5', '--at', '0'], async (first) => {
    port = first.port as number;
  });
  const refused = await new Promise<NodeJS.ErrnoException>((resolve) =>
    connect(port, '127.0.0.1').once('error', resolve),
  );
  t.is(refused.code, 'ECONNREFUSED');
});

const refusals: readonly [argv: string[], words: RegExp][] = [
  [['jetson-nano'], /no USB boot/],
  [['nonsense'], /nonsense/],
  [['cm4', '--over', 'tcp'], /no network mode/],
  [['fastboot', '--over', 'udp', '--fault', 'stall@3'], /USB transfers/],
  [['cm4', '--fault', 'sometimes'], /no fault/],
];

for (const [argv, words] of refusals) {
  test(`refused: ${argv.join(' ')}`, async (t) => {
    const { exit, stderr } = await velocity('rig', 'device', ...argv);
    t.is(exit, 2);
    t.regex(stderr, words);
  });
}

test('faults_are_read_as_they_are_written', (t) => {
  t.deepEqual(parseFault('silent@12'), { kind: 'silent', at: 12 });
  t.deepEqual(parseFault('slow@300'), { kind: 'slow', ms: 300 });
});
