/** Proofs that one eBPF program may replace another. */
export type { Counterexample } from './counterexample.ts';
export { type Proof, proveEquivalent } from './equivalence.ts';
export { type Mutant, type MutationKind, mutant, mutationKinds } from './mutation.ts';
export { PROVER_VERSION, type ProofOptions, type Question, type Verdict } from './session.ts';
export { stopSolver } from './solver.ts';
export type { HookName, MapShape, Setting } from './world.ts';
