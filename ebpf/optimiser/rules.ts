/** Every rule, in the order in which a clean-up applies them. */
import { addressFolding, incrementMerging } from './addressing.ts';
import { deadCode, deadStores, unreachableCode } from './dead.ts';
import { constantFolding, strengthReduction } from './folding.ts';
import { blockMerging, branchInversion, jumpThreading } from './jumps.ts';
import { constantLoads, loadCombining } from './loads.ts';
import type { Rule } from './rule.ts';
import { commonSubexpressions, copyForwarding, copyPropagation, operandSwapping } from './sharing.ts';

export const rules: readonly Rule[] = [
  constantFolding,
  unreachableCode,
  strengthReduction,
  copyPropagation,
  addressFolding,
  commonSubexpressions,
  constantLoads,
  loadCombining,
  incrementMerging,
  operandSwapping,
  copyForwarding,
  deadCode,
  deadStores,
  jumpThreading,
  branchInversion,
  blockMerging,
];
