import type { Command } from 'commander';
import type { ModuleInfo } from '../../link/index.ts';
import { boardOptionsOf, withLink } from '../connect.ts';
import type { Context } from '../context.ts';

const proofs = ['none', 'proven', 'tested'];

const describe = (module: ModuleInfo) => {
  const previous = module.previous.length > 0 ? ', previous version resident' : '';
  const proof = proofs[module.proof] ?? String(module.proof);
  return `${module.name.padEnd(20)} ${module.hook.padEnd(7)} v${module.version} ${module.state}  ${module.insns} insns, bound ${module.bound}, ${module.jit_bytes} bytes of code, proof ${proof}${previous}`;
};

/** `velocity module list` */
export const registerModuleList = (parent: Command, context: Context): void => {
  parent
    .command('list')
    .description('list the installed modules and the hooks they are bound to')
    .addHelpText('after', '\nExample:\n  velocity module list --port /dev/ttyUSB0')
    .action(async (_options: object, command: Command) => {
      await withLink(context, boardOptionsOf(command), async (link) => {
        const modules = await link.modules();
        for (const module of modules) {
          const proof = proofs[module.proof] ?? module.proof;
          context.output.fact({ event: 'module', ...module, proof }, describe(module));
        }
        if (modules.length === 0) context.output.print('no module is installed');
      });
    });
};
