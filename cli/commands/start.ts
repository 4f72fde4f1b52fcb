import type { Command } from 'commander';
import { boardOptionsOf } from '../connect.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { trustOf } from '../trust.ts';
import { startBoard } from '../virtual.ts';

/** `velocity start`: a virtual board that stays, for several commands one after the other. */
export const registerStart = (program: Command, context: Context): void => {
  program
    .command('start')
    .description('start a virtual board and keep it running until Ctrl-C; other commands reach it by --port')
    .option('--wall-clock', 'let board time follow the clock on the wall instead of counting instructions')
    .addHelpText('after', '\nExample:\n  velocity start --board rpi4b')
    .action(async (options: { wallClock?: boolean }, command: Command) => {
      const trust = boardOptionsOf(command);
      const { board = 'qemu-virt', port } = trust;
      if (port) throw new UsageError('a real board starts by itself', 'use --board, not --port');
      const running = await startBoard(board, (text) => context.output.progress(text), {
        clock: options.wallClock ? 'wall' : 'counted',
        ...trustOf(trust),
      });
      context.cleanup.add(running.stop);
      context.output.fact(
        { event: 'started', board, port: running.address, pid: running.pid },
        `${board} waits for its first connection: --port ${running.address}`,
      );
      const died = await running.exited;
      if (died) throw died;
    });
};
