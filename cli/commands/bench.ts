import type { Command } from 'commander';
import { kernelMetrics } from '../../test/bench/kernel.ts';
import { table } from '../../test/bench/metric.ts';
import { boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';

/** `velocity bench`: every figure that has a goal, measured by the board in executed instructions. */
export const registerBench = (program: Command, context: Context): void => {
  program
    .command('bench')
    .description('measure boot, size, loading, accounting and swaps, each against its goal')
    .addHelpText('after', '\nExample:\n  velocity bench --board rpi4b --json')
    .action(async (_options: object, command: Command) => {
      const options = boardOptionsOf(command);
      const board = options.port ? options : { ...options, board: options.board ?? 'qemu-virt' };
      const metrics = await withLink(context, board, kernelMetrics);
      for (const metric of metrics) if (context.output.json) context.output.fact(metric, '');
      context.output.print(table(metrics));
    });
};
