/**
 * The watchdog of the BCM2835 on the emulated Pi 3 and Pi 4. QEMU's resets the board as soon as it is started, so the tree names a
 * page of memory instead, and this test is the chip: it counts down, and resets the board when the count is over.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { boardNamed } from '../../boards/index.ts';
import { startBoard } from '../../cli/virtual.ts';
import { findTool, paths, readSymbols, requireTool } from '../../firmware/index.ts';
import { run } from '../../firmware/toolchain.ts';
import { VelocityLink } from '../../link/index.ts';
import { pressReset, unavailableReason, type VirtualBoard } from '../../rig/index.ts';
import { type Debugger, type DebugPort, debugPort, registers, withDebugger } from './debugger.ts';
import { patience, BOOT_TIMEOUT_MS as WAIT_MS } from './patience.ts';
import { install, timerProgram } from './programs.ts';

/** Cells that an address has in the root of the board's tree. */
const addressCells = { rpi3b: 1, rpi4b: 2 } as const;
type Name = keyof typeof addressCells;
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

/** The board's tree, its watchdog being that page. */
const tree = async (name: Name, folder: string) => {
  const [source, output] = [join(folder, 'tree.dts'), join(folder, 'tree.dtb')];
  const page = `${addressCells[name] === 2 ? '0x0 ' : ''}0x30000000 0x1000`;
  const own = readFileSync(join(paths.dts, `${name}.dts`), 'utf8')
    .replace(/"brcm,bcm\d+-pm", "brcm,bcm2835-pm-wdt"/, '"none"')
    .replace('\taliases {', `\twatchdog { compatible = "brcm,bcm2835-pm"; reg = <${page}>; };\n\taliases {`);
  writeFileSync(source, own);
  await run(requireTool('dtc'), ['-q', '-I', 'dts', '-O', 'dtb', '-o', output, source]);
  return output;
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

/** The board, and the chip that this test is. */
class Watched {
  readonly #name: Name;
  readonly port: DebugPort = debugPort();
  readonly #folder = mkdtempSync(join(tmpdir(), 'velocity-watchdog-'));
  readonly #console: string[] = [];
  #board: VirtualBoard | undefined;
  link!: VelocityLink;

  constructor(name: Name) {
    this.#name = name;
  }

  async start() {
    const dtb = await tree(this.#name, this.#folder);
    this.#board = await startBoard(this.#name, () => {}, { clock: 'wall', dtb, extra: this.port.extra });
    this.link = await VelocityLink.open(this.#board.address, {
      ...patience,
      onConsole: (line) => this.#console.push(line),
    });
  }

  async stop() {
    await this.link?.close();
    await this.#board?.stop();
    this.#board = undefined;
    this.port.remove();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  until = async (what: string, holds: () => boolean | Promise<boolean>) => {
    for (const deadline = Date.now() + WAIT_MS; !(await holds()); await delay(50)) {
      if (Date.now() > deadline) throw new Error(`not ${what}:\n${this.#console.slice(-20).join('\n')}`);
    }
  };

  register = (address: bigint) =>
    withDebugger(this.port.path, async ({ read }) => (await read(address, 4)).readUInt32LE());
  setRegister = (address: bigint, value: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return withDebugger(this.port.path, ({ write }) => write(address, bytes));
  };
  reads = (address: bigint, value: number) => async () => (await this.register(address)) === value;

  #starts = () => this.#console.filter((line) => line.includes(' ready on ')).length;

  countIsOver = async () => {
    const before = this.#starts();
    await pressReset(this.#board!.control);
    await this.until('started again', () => this.#starts() > before);
  };

  ticker = () => install(this.link, timerProgram('ticker', 'r0 = 1\nexit'));
}

for (const name of Object.keys(addressCells) as Name[]) {
  const reason = unavailableReason(boardNamed(name), findTool('qemu'));
  if (reason) process.stderr.write(`watchdog.test.ts: ${name} is skipped, ${reason}\n`);
  const it = (title: string, work: (t: ExecutionContext, chip: Watched) => Promise<void>) =>
    (reason ? test.skip : test.serial)(`${name}_${title}`, async (t) => {
      t.timeout(6 * WAIT_MS);
      await work(t, chip);
    });
  const chip = new Watched(name);
  test.after.always(() => chip.stop());

  it('is_stopped_while_nothing_needs_it', async (t, chip) => {
    await chip.start();
    await chip.until('stopped', chip.reads(RSTC, STOPPED));
    t.pass();
  });

  it('is_started_with_the_first_module_and_fed_from_then_on', async (t, chip) => {
    await chip.ticker();
    await chip.until('started', chip.reads(RSTC, STARTED));
    for (let times = 0; times < 3; times += 1) {
      await chip.setRegister(WDOG, ALMOST_OVER);
      await chip.until('fed', chip.reads(WDOG, LONGEST));
    }
    await chip.link.remove('ticker');
    await chip.until('stopped with the last module', chip.reads(RSTC, STOPPED));
    t.pass();
  });

  it('resets_the_board_when_asked', async (t, chip) => {
    await chip.link.reset();
    await chip.until('started with a short count', chip.reads(WDOG, AT_ONCE));
    t.is(await chip.register(RSTC), STARTED);
    await chip.countIsOver();
    await chip.until('stopped by the next start', chip.reads(RSTC, STOPPED));
  });

  it('starves_when_both_cores_that_look_hang_with_interrupts_masked', async (t, chip) => {
    await chip.ticker();
    await chip.until('started', chip.reads(RSTC, STARTED));
    await withDebugger(chip.port.path, async (debug) => {
      for (const core of [0, 1]) await hang(debug, core);
    });
    await chip.setRegister(WDOG, ALMOST_OVER);
    await delay(1500); // six times as long as it takes to be fed
    t.is(await chip.register(WDOG), ALMOST_OVER, 'nobody feeds it');
    t.is(await chip.register(RSTC), STARTED, 'it counts on');
    await chip.countIsOver();
    t.is(await chip.link.echo('back'), 'back');
    await chip.until('stopped by the next start', chip.reads(RSTC, STOPPED));
    await chip.stop();
  });
}
