/** A fatal exception leaves a record, restarts the board, and the host can read what happened. */
import { setTimeout as delay } from 'node:timers/promises';
import test from 'ava';
import { virtualBoards } from '../../boards/index.ts';
import { RefusedError } from '../../link/index.ts';
import { type Bench, onVirtualBoard } from './bench.ts';
import { debugPort, registers, setRegisters } from './debugger.ts';

/** In the unmapped half of core 0's stack area (kernel-aarch64/mm/layout.h: STACKS_VA). */
const BELOW_THE_STACK = 0x40_0010_8000n;
const RESTART_MS = 180_000;

const starts = (console: readonly string[]) => console.filter((line) => line.includes(' ready on ')).length;

const restarted = async ({ console }: Bench, before: number) => {
  const deadline = Date.now() + RESTART_MS;
  while (starts(console) === before) {
    if (Date.now() > deadline) throw new Error(`the board did not start again:\n${console.join('\n')}`);
    await delay(20);
  }
};

for (const { name } of virtualBoards) {
  const port = debugPort();
  test.after.always(() => port.remove());

  /** Breaks core 0 by setting registers; returns when the board runs again. */
  const breakWith = async (bench: Bench, values: Readonly<Record<number, bigint>>) => {
    const before = starts(bench.console);
    await setRegisters(port.path, values);
    await restarted(bench, before);
  };

  // Not counted: QEMU 10 hangs at a reset after its debugger was used together with -icount.
  onVirtualBoard(name, `${name}_crash`, { extra: port.extra, clock: 'wall' }, (it) => {
    it('has_no_record_after_a_cold_start', async (t, { link }) => {
      const error = await t.throwsAsync(link.crash(), { instanceOf: RefusedError });
      t.is(error.status, 'no_entry');
    });

    it('by_a_jump_to_null_is_recorded_and_the_board_restarts', async (t, bench) => {
      t.timeout(2 * RESTART_MS);
      const { build } = await bench.link.info();
      await breakWith(bench, { [registers.pc]: 0n });
      const crash = await bench.link.crash();
      t.is(crash.reason, 'instruction abort');
      t.is(crash.build, build);
      t.is(crash.core, 0);
      t.is(crash.far, 0n);
      t.is(crash.esr >> 26n, 0x21n);
      t.is(crash.regs.length, 31 * 8);
      t.is(crash.frames.length, 16 * 8);
      t.true(bench.console.some((line) => line.includes('crash on core 0: instruction abort')));
    });

    it('in_the_guard_area_is_reported_as_stack_overflow', async (t, bench) => {
      t.timeout(2 * RESTART_MS);
      await breakWith(bench, { [registers.sp]: BELOW_THE_STACK });
      const crash = await bench.link.crash();
      t.is(crash.reason, 'stack overflow');
      t.true(
        crash.far < BELOW_THE_STACK + 4096n && crash.far > BELOW_THE_STACK - 4096n,
        crash.far.toString(16),
      );
    });

    it('record_survives_an_ordinary_reset', async (t, bench) => {
      t.timeout(2 * RESTART_MS);
      const before = starts(bench.console);
      await bench.link.reset();
      await restarted(bench, before);
      t.is((await bench.link.crash()).reason, 'stack overflow');
    });
  });
}
