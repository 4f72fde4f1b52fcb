/**
 * Runs the same tests on every board at hand: each virtual one, or, with TEST_PORT set, the real one on that port.
 * A board that cannot be emulated here is one skipped test that says why.
 */
import test, { type ExecutionContext } from 'ava';
import { virtualBoards } from '../../boards/index.ts';
import { startBoard } from '../../cli/virtual.ts';
import { findTool } from '../../firmware/index.ts';
import { VelocityLink } from '../../link/index.ts';
import { unavailableReason, type VirtualBoardOptions } from '../../rig/index.ts';
import { patience } from './patience.ts';

export type Bench = {
  readonly link: VelocityLink;
  readonly console: string[];
  /** For orders to the emulator (rig/control.ts); a real board has none. */
  readonly control?: string;
};
type Body = (t: ExecutionContext, bench: Bench) => Promise<void>;
type Options = Pick<VirtualBoardOptions, 'disk' | 'machine' | 'dtb' | 'uart' | 'extra' | 'clock'>;

const open = async (address: string) => {
  const console: string[] = [];
  const link = await VelocityLink.open(address, {
    ...patience,
    onConsole: (line) => console.push(line),
  });
  return { link, console };
};

const declare = (name: string, prepare: () => Promise<{ bench: Bench; stop: () => Promise<void> }>) => {
  let prepared: ReturnType<typeof prepare> | undefined;
  let left = 0;
  const ready = () => {
    prepared ??= prepare();
    return prepared;
  };
  const finish = async () => {
    const running = await prepared?.catch(() => undefined);
    prepared = undefined;
    await running?.bench.link.close();
    await running?.stop();
  };
  test.after.always(finish);
  return (title: string, body: Body) => {
    left++;
    test.serial(`${name}_${title}`, async (t) => {
      try {
        await body(t, (await ready()).bench);
      } finally {
        if (--left === 0) await finish(); // a board that nobody asks anything takes a processor for itself all the same
      }
    });
  };
};

const virtual = (board: string, options: Options) => async () => {
  const running = await startBoard(board, () => {}, options);
  try {
    const bench = { ...(await open(running.address)), control: running.control };
    return { bench, stop: running.stop };
  } catch (error) {
    await running.stop();
    throw error;
  }
};

/** Declares tests on one virtual board with its own options, e.g. another interrupt controller. */
export const onVirtualBoard = (
  board: string,
  label: string,
  options: Options,
  tests: (it: ReturnType<typeof declare>) => void,
): void => {
  const reason = unavailableReason(virtualBoards.find((b) => b.name === board)!, findTool('qemu'));
  if (reason) test.skip(`${label} is skipped: ${reason}`, () => {});
  else tests(declare(label, virtual(board, options)));
};

/** Declares the tests once for each board. */
export const onEveryBoard = (tests: (it: ReturnType<typeof declare>) => void): void => {
  const port = process.env.TEST_PORT;
  if (port) tests(declare('real', async () => ({ bench: await open(port), stop: async () => {} })));
  else for (const { name } of virtualBoards) onVirtualBoard(name, name, {}, tests);
};
