/** Proposals for faster programs by rewrite rules. None of them is trusted: verifier and prover decide. */
export {
  applyRule,
  type Candidate,
  estimateProgram,
  type OptimiseOptions,
  optimise,
  tidied,
} from './candidates.ts';
export { type Code, copyCode, lift, lower, type Node, nodeOf, replaceNodes } from './code.ts';
export type { Context, MapFacts, Move, Objective, Rule } from './rule.ts';
export { moves, rules } from './rules.ts';
