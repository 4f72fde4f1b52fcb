/** Which proposers the loop asks, from the command line. */
import { llmProposer, type Proposer, rulesProposer } from '../evolve/index.ts';
import { type ResolvedModel, resolveModel } from '../models/index.ts';
import type { Context } from './context.ts';

export type ModelOptions = { readonly model?: string };

type Asked = {
  readonly proposers: readonly Proposer[];
  readonly event: { event: 'model' } & Record<string, unknown>;
};

const withModel = (model: ResolvedModel, { cleanup }: Context): Asked => {
  const asked = llmProposer(model);
  cleanup.add(asked.stop);
  return {
    proposers: [asked, rulesProposer],
    event: {
      event: 'model',
      configured: true,
      path: model.path,
      reason: `asking ${model.path} first, then the rewrite rules`,
    },
  };
};

/** The model first, where one is asked for, then the rules. @throws ModelError when the model cannot be used */
export const proposersFor = (options: ModelOptions, context: Context): Asked => {
  const model = resolveModel(options.model);
  if (model) return withModel(model, context);
  return {
    proposers: [rulesProposer],
    event: {
      event: 'model',
      configured: false,
      reason: 'no language model is configured (--model FILE.gguf); going on with the rewrite rules',
    },
  };
};
