import type { Command } from 'commander';
import { boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';

/** `velocity module remove NAME` */
export const registerModuleRemove = (parent: Command, context: Context): void => {
  parent
    .command('remove')
    .description('take a module out of its hook')
    .argument('<name>', 'module name')
    .addHelpText('after', '\nExample:\n  velocity module remove fir --port /dev/ttyUSB0')
    .action(async (name: string, _options: object, command: Command) => {
      await withLink(context, boardOptionsOf(command), async (link) => {
        await link.remove(name);
        context.output.fact({ event: 'removed', name }, `${name} is removed`);
      });
    });
};
