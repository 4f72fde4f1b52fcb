/** `velocity crash show` after a reset: what the kernel left behind, as a person and as a program read it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { boardNamed } from '../../boards/index.ts';
import { jsonLines, temporaryFolder, velocity } from '../../cli/test/command-line.ts';
import { startBoard } from '../../cli/virtual.ts';
import { findTool, paths, readSymbols, requireTool, root } from '../../firmware/index.ts';
import { VelocityLink } from '../../link/index.ts';
import { startVirtualBoard, unavailableReason, type VirtualBoard } from '../../rig/index.ts';
import { plantedImage } from '../rig/planted.ts';
import { debugPort, registers, withDebugger } from './debugger.ts';
import { patience, BOOT_TIMEOUT_MS as WAIT_MS } from './patience.ts';
import { install, timerProgram } from './programs.ts';

const BOARD = 'qemu-virt';
const IMAGE_BASE = 0x4020_0000n;
const ADDRESS = 0x18;

const reason = unavailableReason(boardNamed(BOARD), findTool('qemu'));
const ifEmulated = reason ? test.skip : test.serial;
if (reason) process.stderr.write(`crash-show.test.ts: skipped, ${reason}\n`);

type Shown = {
  readonly reason: string;
  readonly core: number;
  readonly far: string | number;
  readonly function?: string;
  readonly line: string;
  readonly module: string;
  readonly module_version: number;
  readonly backtrace: readonly { readonly function?: string; readonly line: string }[];
  readonly events: readonly string[];
  readonly registers: readonly string[];
};

/** Installs the module that is to be named, does what crashes the board, and waits until it is up again. */
const crash = async (board: VirtualBoard, name: string, how: (link: VelocityLink) => Promise<unknown>) => {
  const console: string[] = [];
  const link = await VelocityLink.open(board.address, {
    ...patience,
    onConsole: (line) => console.push(line),
  });
  const starts = () => console.filter((line) => line.includes(' ready on ')).length;
  const before = starts();
  try {
    await install(link, timerProgram(name, 'r0 = 1\nexit'));
    await how(link);
    for (const deadline = Date.now() + WAIT_MS; starts() === before; await delay(50))
      if (Date.now() > deadline) throw new Error(`no start:\n${console.slice(-20).join('\n')}`);
  } finally {
    await link.close();
  }
};

const show = async (t: ExecutionContext, board: VirtualBoard, elf: string) => {
  const args = ['crash', 'show', '--port', board.address, '--elf', elf];
  const text = await velocity(...args);
  t.is(text.exit, 0, text.stderr);
  t.log(text.stdout);
  const json = await velocity(...args, '--json');
  t.is(json.exit, 0, json.stderr);
  return { text: text.stdout, shown: jsonLines(json).at(-1) as unknown as Shown };
};

ifEmulated('crash_show_prints_functions_lines_registers_events_and_the_module_of_a_crash', async (t) => {
  t.timeout(3 * WAIT_MS);
  const folder = temporaryFolder();
  const image = await plantedImage(folder, 'crash', 'link_poll');
  const board = await startVirtualBoard({ board: boardNamed(BOARD), image, qemu: requireTool('qemu') });
  t.teardown(board.stop);
  await crash(board, 'last', async () => {});
  const { text, shown } = await show(t, board, join(folder, 'kernel.elf'));
  const source = readFileSync(join(root, 'test/rig/planted/crash.c'), 'utf8').split('\n');
  const faulty = source.findIndex((line) => line.includes('*(volatile uint32_t *)')) + 1;
  const caller = source.findIndex((line) => line.includes('crash_here(NO_MEMORY)')) + 1;

  t.is(shown.reason, 'data abort');
  t.is(shown.core, 0);
  t.is(Number(shown.far), ADDRESS);
  t.regex(shown.function!, /^crash_here\+0x/);
  t.regex(shown.line, new RegExp(`crash\\.c:${faulty}$`));
  const calls = shown.backtrace.map((place) => `${place.function} ${place.line}`);
  t.true(
    calls.some((call) => call.startsWith('__wrap_link_poll+') && call.endsWith(`crash.c:${caller}`)),
    calls.join(),
  );
  t.regex(calls.join('\n'), /^main_loop\+.* main\.c:\d+$/m);
  t.is(shown.registers.length, 31);
  t.true(shown.registers.some((value) => Number(value) === ADDRESS));
  t.is(shown.module, 'last');
  t.is(shown.module_version, 1);
  t.regex(shown.events.join('\n'), /installed last 1/);

  t.regex(text, /^data abort on core 0, build [0-9a-f]{40}\n {2}at {3}image\+0x[0-9a-f]+ in crash_here/);
  t.regex(text, /^ {2}from image\+0x[0-9a-f]+ in main_loop\+0x[0-9a-f]+ {2}main\.c:\d+$/m);
  t.regex(text, /^ {2}x\d+ +0x0{14}18$/m);
  t.regex(text, /^ {2}module that ran last: last version 1$/m);
  t.regex(text, /^ {2}before: \d+\.\d{3} installed last/m);
});

ifEmulated('crash_show_says_of_a_core_that_hung_in_an_interrupt_which_module_it_ran_last', async (t) => {
  t.timeout(3 * WAIT_MS);
  const port = debugPort();
  t.teardown(() => port.remove());
  const board = await startBoard(BOARD, () => {}, { clock: 'wall', extra: port.extra });
  t.teardown(board.stop);
  const symbols = readSymbols(paths.elf);
  const zero = IMAGE_BASE + 0x3f_fff8n; // the end of the room for parked cores
  await crash(board, 'bystander', async (link) => {
    while ((await link.telemetryAll())[0]!.calls === 0n); // else the next tick may be the first one after the installation
    await withDebugger(port.path, async ({ runTo, set, write }) => {
      await runTo(0, IMAGE_BASE + symbols.of('on_timer')!);
      await write(zero, Buffer.alloc(8));
      await set(registers.x0, zero);
      await set(registers.pc, IMAGE_BASE + symbols.of('parking')!); // waits until the word at x0 is no 0
    });
  });
  const { shown } = await show(t, board, paths.elf);
  t.regex(shown.reason, /hangs$/);
  t.is(shown.core, 0);
  t.is(shown.module, 'bystander');
  t.regex(shown.events.join('\n'), /installed bystander 1/);
});
