import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { UBootBoard, type UBootFault } from '../../rig/emulated/index.ts';
import type { FlashError } from '../errors.ts';
import {
  bootThroughUBoot,
  crc16,
  crc32,
  type SerialLine,
  SerialReader,
  sendYmodem,
  uBootLimits,
} from './index.ts';

/** Three large blocks and a small one. */
const bytes = Buffer.alloc(3 * 1024 + 77);
for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31) ^ (i >> 5);

/** Nothing that goes well ends by a limit, however loaded the machine is. */
const limits = { startMs: 30_000, answerMs: 10_000, promptMs: 30_000, commandMs: 30_000 };
/** For waits that are to end. */
const quick = { startMs: 400, answerMs: 100, promptMs: 400, commandMs: 400 };

test('checksums have their published check values', (t) => {
  const digits = Buffer.from('123456789');
  t.is(crc16(digits), 0x31c3);
  t.is(crc32(digits), 0xcbf43926);
});

test('an image goes through a U-Boot prompt, unchanged, and is started', async (t) => {
  const board = new UBootBoard();
  const done: number[] = [];
  await bootThroughUBoot(board, bytes, {
    limits,
    onEvent: (event) => event.event === 'send' && done.push(event.done),
  });
  t.true(board.memory.equals(bytes));
  t.true(board.started);
  t.deepEqual(done, [1024, 2048, 3072, 3149]);
});

for (const [wasHandedTree, variable] of [
  [true, 'fdt_addr'],
  [false, 'fdtcontroladdr'],
] as const) {
  test(`the device tree is ${variable}${wasHandedTree ? ', where the loader before U-Boot left one' : ''}`, async (t) => {
    const board = new UBootBoard({ wasHandedTree });
    await bootThroughUBoot(board, bytes, { limits });
    t.is(board.tree, `\${${variable}}`);
  });
}

test('a damaged block is sent again', async (t) => {
  const board = new UBootBoard({ damagesBlock: 2 });
  await bootThroughUBoot(board, bytes, { limits });
  t.true(board.memory.equals(bytes));
});

test('a U-Boot without crc32 is used, and the missing check is told', async (t) => {
  const board = new UBootBoard({ hasNoCrc32: true });
  const told: string[] = [];
  await bootThroughUBoot(board, bytes, { limits, onEvent: (event) => told.push(event.event) });
  t.true(board.started);
  t.true(told.includes('unchecked'));
});

test('what a board prints besides takes no time that grows with its square', async (t) => {
  t.timeout(20_000);
  await t.notThrowsAsync(bootThroughUBoot(new UBootBoard({ chatter: 2000 }), bytes, { limits }));
});

const faults: readonly [fault: UBootFault, code: string, words: RegExp][] = [
  [{ isMute: true }, 'timeout', /U-Boot prompt/],
  [{ damagesAll: true }, 'bad_device', /damaged/],
  [{ silentAt: 0 }, 'timeout', /answer at the name/],
  [{ silentAt: 3 }, 'timeout', /answer at byte \d+/],
  [{ cancelsAt: 2 }, 'refused', /cancelled/],
  [{ unpluggedAt: 2 }, 'unplugged', /went away/],
  [{ claimsSize: 12 }, 'bad_device', /12 bytes of 3149/],
  [{ corrupts: true }, 'verify_failed', /was written as/],
  [{ refusesImage: true }, 'refused', /Bad Linux/],
  [{ delayMs: 3000 }, 'timeout', /prompt/],
];

for (const [fault, code, words] of faults) {
  test(`fault: ${Object.entries(fault).flat().join(' ')}`, async (t) => {
    const board = new UBootBoard(fault);
    const pace = code === 'timeout' ? quick : limits;
    const error = (await t.throwsAsync(bootThroughUBoot(board, bytes, { limits: pace }))) as FlashError;
    t.is(error.code, code);
    t.regex(error.message, words);
    t.false(board.started);
    const good = new UBootBoard();
    await bootThroughUBoot(good, bytes);
    t.true(good.started, 'the next try works');
  });
}

/** A child process as a serial line. */
const childLine = (command: string, args: readonly string[], cwd?: string) => {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'], ...(cwd ? { cwd } : {}) });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const line: SerialLine = {
    write: (data) =>
      new Promise((resolve, reject) =>
        child.stdin.write(data, (error) => (error ? reject(error) : resolve())),
      ),
    onData: (listener) => void child.stdout.on('data', listener),
    onClose: (listener) => void child.once('close', () => listener()),
    describe: () => command,
  };
  return { line, child, ended };
};

const installed = (command: string) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
const withLrzsz = installed('rb') ? test : test.skip;
if (!installed('rb')) console.warn('skipped: rb is not installed (apt-get install lrzsz)');

withLrzsz('lrzsz receives what is sent, unchanged', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-test-'));
  const { line, child, ended } = childLine('rb', ['-b', '-q'], folder);
  await sendYmodem(new SerialReader(line), 'Image', bytes);
  child.stdin.end();
  await ended;
  t.true(readFileSync(join(folder, 'Image')).equals(bytes));
});

const U_BOOT = '/usr/lib/u-boot/qemu_arm64/u-boot.bin';
const withUBoot =
  installed('qemu-system-aarch64') && spawnSync('test', ['-f', U_BOOT]).status === 0 ? test : test.skip;

/** An arm64 Image that does nothing: b . ; Linux Documentation/arch/arm64/booting.rst. */
const idleImage = () => {
  const image = Buffer.alloc(6000);
  image.writeUInt32LE(0x14000000, 0);
  image.writeBigUInt64LE(BigInt(image.length), 16);
  image.writeBigUInt64LE(0xan, 24);
  image.write('ARM\x64', 56, 'latin1');
  return image;
};

withUBoot("Debian's U-Boot takes an image by loady, agrees on its CRC-32 and starts it", async (t) => {
  t.timeout(500_000);
  // Its time passes with its instructions, so that a busy host does not make it give up.
  const machine = '-M virt -cpu cortex-a72 -m 256 -icount shift=0,sleep=off'.split(' ');
  const args = [...machine, ...'-display none -nodefaults -serial stdio -bios'.split(' '), U_BOOT];
  const { line, child, ended } = childLine('timeout', ['500', 'qemu-system-aarch64', ...args]);
  const told: string[] = [];
  try {
    // QEMU's PL011 never reads its input again when some came before the guest set the port up.
    await new SerialReader(line).until(/Hit any key/, 'the count-down', 60_000, []);
    child.stdout.removeAllListeners('data');
    await bootThroughUBoot(line, idleImage(), {
      limits: { ...uBootLimits, promptMs: 120_000, commandMs: 120_000 },
      onEvent: (event) => told.push(event.event),
    });
    t.false(told.includes('unchecked'));
  } finally {
    child.kill();
    await ended;
  }
});
