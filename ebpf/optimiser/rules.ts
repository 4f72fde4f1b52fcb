/** Every rule, in the order in which a clean-up applies them. */
import { addressFolding, incrementMerging } from './addressing.ts';
import { deadCode, deadStores, unreachableCode } from './dead.ts';
import { constantFolding, strengthReduction } from './folding.ts';
import { blockMerging, branchInversion, jumpThreading } from './jumps.ts';
import { loadCombining } from './loads.ts';
import type { Rule } from './rule.ts';
import { commonSubexpressions, copyPropagation } from './sharing.ts';

export const rules: readonly Rule[] = [
  constantFolding,
  unreachableCode,
  strengthReduction,
  copyPropagation,
  addressFolding,
  commonSubexpressions,
  loadCombining,
  incrementMerging,
  deadCode,
  deadStores,
  jumpThreading,
  branchInversion,
  blockMerging,
];
