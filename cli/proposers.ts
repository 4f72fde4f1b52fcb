/** Which proposers the loop asks, from the command line. */
import {
  llmProposer,
  type Proposer,
  rulesProposer,
  searchProposer,
  vectoriseProposer,
} from '../evolve/index.ts';
import { type ResolvedModel, resolveModel, SHIPPED } from '../models/index.ts';
import type { Context } from './context.ts';

/** Loops to vector helpers first: rules would take them apart. */
const known: readonly Proposer[] = [vectoriseProposer, rulesProposer, searchProposer()];

export type ModelOptions = { readonly model?: string };

type Asked = {
  readonly proposers: readonly Proposer[];
  readonly event: { event: 'model' } & Record<string, unknown>;
};

const withModel = (model: ResolvedModel, { cleanup }: Context): Asked => {
  const asked = llmProposer(model);
  cleanup.add(asked.stop);
  asked.warm();
  const own = model.path === SHIPPED;
  return {
    // What rules find, nobody need ask a model for.
    proposers: own ? [...known, asked] : [asked, ...known],
    event: {
      event: 'model',
      configured: true,
      path: model.path,
      reason: own
        ? 'vector helpers, rewrite rules and search first, then the model that ships with Velocity (another: --model FILE.gguf; no model: --model none)'
        : `asking ${model.path} first, then vector helpers, rewrite rules and search`,
    },
  };
};

/** Rules, and the model asked for or the shipped one. @throws ModelError when a model is asked for that cannot be used */
export const proposersFor = (options: ModelOptions, context: Context): Asked => {
  const model = resolveModel(options.model);
  if (model) return withModel(model, context);
  return {
    proposers: known,
    event: {
      event: 'model',
      configured: false,
      reason: 'no language model (--model none); vector helpers, rewrite rules and search alone',
    },
  };
};
