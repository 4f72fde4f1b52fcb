import type { Command } from 'commander';
import { VelocityLink } from '../../link/index.ts';
import { kernelMetrics } from '../../test/bench/kernel.ts';
import { type Metric, table } from '../../test/bench/metric.ts';
import { startBoard } from '../virtual.ts';

const BOOT_TIMEOUT_MS = 30_000;

const measure = async (board: string): Promise<Metric[]> => {
  const running = await startBoard(board, (line) => process.stderr.write(`${line}\n`));
  try {
    const link = await VelocityLink.open(running.address, { readyTimeoutMs: BOOT_TIMEOUT_MS });
    const metrics = await kernelMetrics(link);
    await link.close();
    return metrics;
  } finally {
    await running.stop();
  }
};

/** `velocity bench`: every figure that has a goal, measured on a virtual board in executed instructions. */
export const registerBench = (program: Command): void => {
  program
    .command('bench')
    .description('measure boot, size, loading, accounting and swaps, each against its goal')
    .addHelpText('after', '\nExample:\n  velocity bench --board rpi4b --json')
    .action(async (_options: object, command: Command) => {
      const { board, json } = command.optsWithGlobals() as { board?: string; json?: boolean };
      const metrics = await measure(board ?? 'qemu-virt');
      const text = json ? metrics.map((m) => JSON.stringify(m)).join('\n') : table(metrics);
      process.stdout.write(`${text}\n`);
    });
};
