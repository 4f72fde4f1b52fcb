import type { Command } from 'commander';
import { statusOf } from '../../abi/index.ts';
import { boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';
import { describeEvent } from '../monitor-printer.ts';
import { wholeNumber } from '../numbers.ts';

type EventOptions = { readonly follow?: boolean; readonly since: number };

/** `velocity events`: what happened on a board, oldest first. */
export const registerEvents = (program: Command, context: Context): void => {
  program
    .command('events')
    .description('print what happened on a board: swaps, refusals, rollbacks, faults, log lines')
    .option('--follow', 'go on until Ctrl-C')
    .option('--since <number>', 'only events after this number', wholeNumber(0), 0)
    .addHelpText('after', '\nExample:\n  velocity events --follow --port /dev/ttyUSB0')
    .action(async ({ follow = false, since }: EventOptions, command: Command) => {
      const { signal } = context.cleanup;
      await withLink(context, boardOptionsOf(command), async (link) => {
        for await (const event of link.events(BigInt(since), { follow, signal })) {
          const { kind, name, reason, ...rest } = event;
          const facts = { event: 'board', kind, module: name, reason: statusOf(reason).name, ...rest };
          context.output.fact(facts, `${String(event.seq).padStart(5)} ${describeEvent(event)}`);
        }
      });
    });
};
