import type { Command } from 'commander';
import { boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';

/** `velocity module rollback NAME` */
export const registerModuleRollback = (parent: Command, context: Context): void => {
  parent
    .command('rollback')
    .description('swap a module back to the version before')
    .argument('<name>', 'module name')
    .addHelpText('after', '\nExample:\n  velocity module rollback fir --port /dev/ttyUSB0')
    .action(async (name: string, _options: object, command: Command) => {
      await withLink(context, boardOptionsOf(command), async (link) => {
        const { version } = await link.rollback(name);
        context.output.fact({ event: 'rollback', name, version }, `${name} runs version ${version} again`);
      });
    });
};
