/** Language models for the loop: what there is, how one is asked, and how it runs. */
export { type CatalogueEntry, catalogue } from './catalogue.ts';
export { applyEdits, type Edit, EditError, linesOf, parseEdits } from './edit.ts';
export { EngineProcess, type ModelSettings } from './engine-process.ts';
export { ModelError, type ModelProblem } from './error.ts';
export { type GgufHead, readGgufHead } from './gguf.ts';
export { answerGrammar } from './grammar.ts';
export * from './loop/index.ts';
export { packageOf, pullFromPackage } from './package.ts';
export { labelsOf, type PromptInput, promptFor } from './prompt.ts';
export {
  modelFolder,
  NO_MODEL,
  type ResolvedModel,
  resolveModel,
  SHIPPED,
  SHIPPED_LOOPS,
} from './resolve.ts';
export { type Completion, ModelRunner, type Question, type RunnerOptions } from './runner.ts';
export {
  addModel,
  catalogued,
  type ListedModel,
  listModels,
  type PullOptions,
  pullModel,
  removeModel,
} from './store.ts';
export * from './window/index.ts';
