/** Proofs that one eBPF program may replace another. */
export type { Counterexample } from './counterexample.ts';
export {
  PROVER_VERSION,
  type Proof,
  type ProofOptions,
  proveEquivalent,
  type Question,
  type Verdict,
} from './equivalence.ts';
export { type Mutant, type MutationKind, mutant, mutationKinds } from './mutation.ts';
export { stopSolver } from './solver.ts';
export type { HookName, MapShape, Setting } from './world.ts';
