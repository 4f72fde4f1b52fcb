/** Cores that have run out of their stacks at the same time: each has a place of its own for what it tells of itself. */
import test from 'ava';
import { boardNamed } from '../../boards/index.ts';
import { startBoard } from '../../cli/virtual.ts';
import { findTool, paths, readSymbols } from '../../firmware/index.ts';
import { VelocityLink } from '../../link/index.ts';
import { unavailableReason } from '../../rig/index.ts';
import { type Debugger, debugPort, registers, withDebugger } from './debugger.ts';
import { patience } from './patience.ts';
import { install, timerProgram } from './programs.ts';

const BOARD = 'qemu-virt';
const IMAGE_BASE = 0x4020_0000n;
const CORES = 4;
/** No core's stack; kernel-aarch64/boot/vectors.S looks at one bit of it. */
const NO_STACK = 0x1000n;
/** Exceptions of this level, on its own stack pointer (DDI 0487 D1.4.1). */
const SYNCHRONOUS = 0x200n;
/** x5 in a trap frame, and the size of one; the room that a core has (boot/vectors.S). */
const [X5_AT, FRAME, ROOM] = [32n + 5n * 8n, 288, 16384n];
/** EL1 on its own stack pointer, interrupts masked. */
const MASKED = 0x3c5n;

const reason = unavailableReason(boardNamed(BOARD), findTool('qemu'));
const ifEmulated = reason ? test.skip : test;
if (reason) process.stderr.write(`emergency.test.ts: skipped, ${reason}\n`);

const addressOf = (name: string) => {
  const offset = readSymbols(paths.elf).of(name);
  if (offset === undefined) throw new Error(`the kernel has no ${name}`);
  return IMAGE_BASE + offset;
};

/** Has a core take an exception without a stack; returns where its trap frame is. */
const trap = async ({ choose, get, set, runTo }: Debugger, core: number): Promise<bigint> => {
  await choose(core);
  await set(registers.sp, NO_STACK);
  await set(registers.x5, BigInt(core) + 0xc0n);
  await set(registers.cpsr, MASKED);
  await set(registers.pc, addressOf('vectors') + SYNCHRONOUS);
  await runTo(core, addressOf('exception_trap'));
  return get(registers.x0);
};

ifEmulated('each_core_that_has_no_stack_left_has_an_emergency_stack_of_its_own', async (t) => {
  t.timeout(300_000);
  const port = debugPort();
  t.teardown(() => port.remove());
  const board = await startBoard(BOARD, () => {}, { clock: 'wall', extra: port.extra });
  t.teardown(board.stop);
  const link = await VelocityLink.open(board.address, patience);
  t.teardown(() => link.close());
  await install(link, timerProgram('awake', 'r0 = 0\nexit'), { cores: (1 << CORES) - 1 });
  await withDebugger(port.path, async (debug) => {
    const frames: bigint[] = [];
    for (let core = 0; core < CORES; core += 1) frames.push(await trap(debug, core));
    for (const [core, frame] of frames.entries()) {
      t.is(frame, frames[0]! - BigInt(core) * ROOM);
      const bytes = await debug.read(frame, FRAME); // physical and virtual addresses of the image are the same
      t.is(bytes.readBigUInt64LE(Number(X5_AT)), BigInt(core) + 0xc0n, `core ${core}`);
    }
  });
});
