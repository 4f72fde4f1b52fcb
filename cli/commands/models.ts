import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { registerModelsAttack } from './models-attack.ts';
import { registerModelsEval } from './models-eval.ts';
import { registerModelsFiles } from './models-files.ts';

/** `velocity models …`: language models and other proposers. */
export const registerModels = (program: Command, context: Context): void => {
  const models = program.command('models').description('language models for the loop, and how proposers do');
  registerModelsFiles(models, context);
  registerModelsEval(models, context);
  registerModelsAttack(models, context);
};
