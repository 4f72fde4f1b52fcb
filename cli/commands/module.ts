import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { registerModuleList } from './module-list.ts';
import { registerModuleLoad } from './module-load.ts';
import { registerModuleRemove } from './module-remove.ts';
import { registerModuleReplay } from './module-replay.ts';
import { registerModuleRollback } from './module-rollback.ts';

/** `velocity module …`: what runs in the hooks of a board. */
export const registerModule = (program: Command, context: Context): void => {
  const module = program.command('module').description('load, list, replay, roll back and remove modules');
  registerModuleList(module, context);
  registerModuleLoad(module, context);
  registerModuleReplay(module, context);
  registerModuleRollback(module, context);
  registerModuleRemove(module, context);
};
