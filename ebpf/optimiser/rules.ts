/** Every rule, in the order in which a clean-up applies them, and every move that is tried. */
import { constantAbsorbing } from './absorbing.ts';
import { addressFolding, incrementMerging } from './addressing.ts';
import { constantArms } from './arms.ts';
import { atomicAdditions } from './atomics.ts';
import { bitTests, shiftPairs, signedLoads } from './bits.ts';
import { boundsMerging } from './bounds.ts';
import { copyCoalescing } from './coalescing.ts';
import { deadCode, deadStores, unreachableCode } from './dead.ts';
import { pointerAdvancing } from './displacement.ts';
import { blockSharing, constantThreading } from './ends.ts';
import { constantExits } from './exits.ts';
import { constantFolding, strengthReduction } from './folding.ts';
import { hoisting } from './hoisting.ts';
import { pointerInduction } from './induction.ts';
import { inlining } from './inlining.ts';
import { blockMerging, branchInversion, jumpThreading } from './jumps.ts';
import { earlyLoading, loadKeeping } from './keeping.ts';
import { blockOrdering } from './layout.ts';
import { constantLoads, loadCombining } from './loads.ts';
import { constantLookups } from './lookups.ts';
import { narrowLoads } from './narrowing.ts';
import { computingInPlace } from './repeated.ts';
import { stretchRepeating } from './repeating.ts';
import type { Move, Rule } from './rule.ts';
import { commonSubexpressions, copyForwarding, copyPropagation, operandSwapping } from './sharing.ts';
import { signKeeping } from './signs.ts';
import { sinking } from './sinking.ts';
import { sumStepping } from './stepping.ts';
import { storeCombining } from './stores.ts';
import { exitMerging, exitRepeating, tailMerging } from './tails.ts';
import { testJoining } from './tests.ts';
import { branchThreading } from './threading.ts';
import { copyRenewing } from './transfers.ts';
import { verifiedBranches, zeroExtensions } from './verified.ts';

export const rules: readonly Rule[] = [
  constantFolding,
  unreachableCode,
  verifiedBranches,
  constantLookups,
  strengthReduction,
  shiftPairs,
  zeroExtensions,
  copyPropagation,
  addressFolding,
  commonSubexpressions,
  computingInPlace,
  sumStepping,
  constantLoads,
  loadCombining,
  narrowLoads,
  signedLoads,
  signKeeping,
  incrementMerging,
  constantAbsorbing,
  operandSwapping,
  copyForwarding,
  deadCode,
  deadStores,
  bitTests,
  constantArms,
  branchThreading,
  constantThreading,
  jumpThreading,
  branchInversion,
  blockMerging,
  blockSharing,
  copyCoalescing,
];

const once = ({ name, doc, apply }: Rule): Move => ({
  name,
  doc,
  sites: (code, context) => {
    const made = apply(code, context);
    return made ? [made] : [];
  },
});

export const moves: readonly Move[] = [
  inlining,
  pointerAdvancing,
  copyRenewing,
  storeCombining,
  atomicAdditions,
  constantExits,
  hoisting,
  sinking,
  loadKeeping,
  earlyLoading,
  testJoining,
  boundsMerging,
  pointerInduction,
  stretchRepeating,
  once(tailMerging),
  once(exitMerging),
  once(exitRepeating),
  once(blockOrdering),
];
