/** Proposers measured against each other on the fixed set of models/evaluation. */
export {
  type Contestant,
  type EvaluationOptions,
  evaluateProgram,
  type Figures,
  Memo,
  type ProgramResult,
} from './evaluate.ts';
export { type MutantCounts, type MutantOptions, type Part, tryMutants, WrongPatchError } from './mutants.ts';
export { evaluationPage, type PageFacts, quarters } from './page.ts';
export { ALL, modelShares, type Share, WITHOUT } from './share.ts';
export { type Summary, summarise, summaryCells } from './summary.ts';
