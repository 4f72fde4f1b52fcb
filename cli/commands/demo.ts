import type { Command } from 'commander';
import { chosenKey } from '../../firmware/sign.ts';
import { boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';
import { narrate } from '../demo/narrate.ts';
import { play, type Tell } from '../demo/play.ts';
import { OutcomeError } from '../failure.ts';
import { type ModelOptions, proposersFor } from '../proposers.ts';

/** `velocity demo`: the whole way of a patch on one board. */
export const registerDemo = (program: Command, context: Context): void => {
  program
    .command('demo')
    .description(
      'boot a virtual board, find a slow module, improve it, and see bad patches refused and taken back',
    )
    .option(
      '--model <model>',
      'language model to ask for proposals: a GGUF file, a name, or none; default: the shipped one',
    )
    .addHelpText('after', '\nExample:\n  velocity demo --board rpi4b')
    .action(async (options: ModelOptions, command: Command) => {
      const { port, board: asked, ...rest } = boardOptionsOf(command);
      const board = asked ?? 'qemu-virt';
      const tell: Tell = (event) => context.output.fact(event, narrate(event));
      const { proposers, event } = proposersFor(options, context);
      const ok = await withLink(context, port ? { port, ...rest } : { board, ...rest }, (link) => {
        tell(event);
        return play({
          board: port ? 'real' : board,
          link,
          key: chosenKey(),
          proposers,
          tell,
          signal: context.cleanup.signal,
        });
      });
      if (!ok) throw new OutcomeError('failed', 'the demonstration did not go as it should; see the summary');
    });
};
