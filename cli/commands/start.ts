import type { Command } from 'commander';
import { chosenKey } from '../../firmware/sign.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { startBoard } from '../virtual.ts';

/** `velocity start`: a virtual board that stays, for several commands one after the other. */
export const registerStart = (program: Command, context: Context): void => {
  program
    .command('start')
    .description('start a virtual board and keep it running until Ctrl-C; other commands reach it by --port')
    .option('--wall-clock', 'let board time follow the clock on the wall instead of counting instructions')
    .option('--key <key>', 'key whose patches it accepts: a name of `velocity keys list`, or a PEM file')
    .addHelpText('after', '\nExample:\n  velocity start --board rpi4b')
    .action(async (options: { wallClock?: boolean; key?: string }, command: Command) => {
      const { board = 'qemu-virt', port } = command.optsWithGlobals<{ board?: string; port?: string }>();
      if (port) throw new UsageError('a real board starts by itself', 'use --board, not --port');
      const running = await startBoard(board, (text) => context.output.progress(text), {
        clock: options.wallClock ? 'wall' : 'counted',
        key: chosenKey(options.key),
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
