/**
 * The watchdog of the BCM2835 on the emulated Pi 3. QEMU's resets the board as soon as it is started, so the tree names a
 * page of memory instead, and this test is the chip: it counts down, and resets the board when the count is over.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { boardNamed } from '../../boards/index.ts';
import { startBoard } from '../../cli/virtual.ts';
import { findTool, paths, readSymbols, requireTool } from '../../firmware/index.ts';
import { run } from '../../firmware/toolchain.ts';
import { VelocityLink } from '../../link/index.ts';
import { pressReset, unavailableReason, type VirtualBoard } from '../../rig/index.ts';
import { type Debugger, type DebugPort, debugPort, registers, withDebugger } from './debugger.ts';
import { install, timerProgram } from './programs.ts';

const BOARD = 'rpi3b';
const WAIT_MS = 180_000;
const IMAGE_BASE = 0x20_0000n;
/** Memory that nothing else uses; kernel-aarch64/drivers/watchdog.c has the registers. */
const BLOCK = 0x3000_0000n;
const [RSTC, WDOG, ZERO] = [BLOCK + 0x1cn, BLOCK + 0x24n, BLOCK + 0x800n];
const STOPPED = 0x5a00_0102;
const STARTED = 0x5a00_0122;
const LONGEST = 0x5a0f_ffff;
const AT_ONCE = 0x5a00_000a;
const ALMOST_OVER = 0x5a00_0100;
const MASKED = 0x3c5n;

const reason = unavailableReason(boardNamed(BOARD), findTool('qemu'));
const ifEmulated = reason ? test.skip : test.serial;
if (reason) process.stderr.write(`watchdog.test.ts: skipped, ${reason}\n`);

const port: DebugPort = debugPort();
const folder = mkdtempSync(join(tmpdir(), 'velocity-watchdog-'));
const console: string[] = [];
let board: VirtualBoard;
let link: VelocityLink;

/** The board's tree, its watchdog being that page. */
const tree = async () => {
  const [source, output] = [join(folder, 'tree.dts'), join(folder, 'tree.dtb')];
  const own = readFileSync(join(paths.dts, `${BOARD}.dts`), 'utf8')
    .replace('"brcm,bcm2835-pm", "brcm,bcm2835-pm-wdt"', '"none"')
    .replace(
      '\taliases {',
      '\twatchdog { compatible = "brcm,bcm2835-pm"; reg = <0x30000000 0x1000>; };\n\taliases {',
    );
  writeFileSync(source, own);
  await run(requireTool('dtc'), ['-q', '-I', 'dts', '-O', 'dtb', '-o', output, source]);
  return output;
};

const until = async (what: string, holds: () => boolean | Promise<boolean>) => {
  for (const deadline = Date.now() + WAIT_MS; !(await holds()); await delay(50)) {
    if (Date.now() > deadline) throw new Error(`not ${what}:\n${console.slice(-20).join('\n')}`);
  }
};

const register = (address: bigint) =>
  withDebugger(port.path, async ({ read }) => (await read(address, 4)).readUInt32LE());
const setRegister = (address: bigint, value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return withDebugger(port.path, ({ write }) => write(address, bytes));
};
const reads = (address: bigint, value: number) => async () => (await register(address)) === value;

const starts = () => console.filter((line) => line.includes(' ready on ')).length;

const countIsOver = async () => {
  const before = starts();
  await pressReset(board.control);
  await until('started again', () => starts() > before);
};

/** In a loop that waits for a word to change, with interrupts masked. */
const hang = async (debug: Debugger, core: number) => {
  const parking = readSymbols(paths.elf).of('parking');
  if (parking === undefined) throw new Error('the kernel has no parking');
  await debug.choose(core);
  await debug.set(registers.x0, ZERO);
  await debug.set(registers.cpsr, MASKED);
  await debug.set(registers.pc, IMAGE_BASE + parking);
};

const ticker = () => install(link, timerProgram('ticker', 'r0 = 1\nexit'));

test.before(async (t) => {
  if (reason) return;
  t.timeout(180_000);
  board = await startBoard(BOARD, () => {}, { clock: 'wall', dtb: await tree(), extra: port.extra });
  link = await VelocityLink.open(board.address, {
    readyTimeoutMs: WAIT_MS,
    onConsole: (line) => console.push(line),
  });
});
test.after.always(async () => {
  await link?.close();
  await board?.stop();
  port.remove();
  rmSync(folder, { recursive: true, force: true });
});

ifEmulated('is_stopped_while_nothing_needs_it', async (t) => {
  t.timeout(2 * WAIT_MS);
  await until('stopped', reads(RSTC, STOPPED));
  t.pass();
});

ifEmulated('is_started_with_the_first_module_and_fed_from_then_on', async (t) => {
  t.timeout(5 * WAIT_MS);
  await ticker();
  await until('started', reads(RSTC, STARTED));
  for (let times = 0; times < 3; times += 1) {
    await setRegister(WDOG, ALMOST_OVER);
    await until('fed', reads(WDOG, LONGEST));
  }
  await link.remove('ticker');
  await until('stopped with the last module', reads(RSTC, STOPPED));
  t.pass();
});

ifEmulated('resets_the_board_when_asked', async (t) => {
  t.timeout(3 * WAIT_MS);
  await link.reset();
  await until('started with a short count', reads(WDOG, AT_ONCE));
  t.is(await register(RSTC), STARTED);
  await countIsOver();
  await until('stopped by the next start', reads(RSTC, STOPPED));
});

ifEmulated('starves_when_both_cores_that_look_hang_with_interrupts_masked', async (t) => {
  t.timeout(5 * WAIT_MS);
  await ticker();
  await until('started', reads(RSTC, STARTED));
  await withDebugger(port.path, async (debug) => {
    for (const core of [0, 1]) await hang(debug, core);
  });
  await setRegister(WDOG, ALMOST_OVER);
  await delay(1500); // six times as long as it takes to be fed
  t.is(await register(WDOG), ALMOST_OVER, 'nobody feeds it');
  t.is(await register(RSTC), STARTED, 'it counts on');
  await countIsOver();
  t.is(await link.echo('back'), 'back');
  await until('stopped by the next start', reads(RSTC, STOPPED));
});
