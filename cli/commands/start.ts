import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { slotDisk, writeImage } from '../../firmware/media/index.ts';
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
    .option(
      '--disk <file>',
      'disk image for its boot medium, made when it is not there; kernel updates and revocations are kept on it',
    )
    .addHelpText('after', '\nExample:\n  velocity start --board rpi4b')
    .action(async (options: { wallClock?: boolean; disk?: string }, command: Command) => {
      const trust = boardOptionsOf(command);
      const { board = 'qemu-virt', port } = trust;
      if (port) throw new UsageError('a real board starts by itself', 'use --board, not --port');
      if (options.disk && !existsSync(options.disk)) await writeImage(options.disk, slotDisk());
      const running = await startBoard(board, (text) => context.output.progress(text), {
        clock: options.wallClock ? 'wall' : 'counted',
        ...(options.disk ? { disk: options.disk } : {}),
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
