/** Emits the constants of policies and signed commands for the kernel. */
import { header, keyDefines } from './emit-c.ts';
import * as policy from './policy.ts';

const bits = (prefix: string, rows: Readonly<Record<string, { bit: number; doc: string }>>) =>
  Object.entries(rows)
    .map(
      ([name, { bit, doc }]) =>
        `#define ${prefix}_${name.toUpperCase()} 0x${(1 << bit).toString(16)}u /* ${doc} */`,
    )
    .join('\n');

export const emitPolicy = () =>
  header(
    'policy.ts',
    [
      [
        `#define POLICY_BYTES ${policy.POLICY_BYTES}u`,
        `#define POLICY_KEYS ${policy.POLICY_KEYS}u`,
        `#define SWAPS_LIMIT ${policy.SWAPS_LIMIT}u`,
        `#define KEY_ID_BYTES ${policy.KEY_ID_BYTES}u`,
        `#define SMP_GROUP_SIGNED ${policy.SMP_GROUP_SIGNED}u`,
      ].join('\n'),
      keyDefines('POLICY_KEY', policy.policyKeys),
      keyDefines('POLICY_KEY_KEY', policy.policyKeyKeys),
      bits('ROLE', policy.roles),
      bits('DOOR', policy.doors),
      keyDefines('COMMAND_KEY', policy.commandKeys),
    ].join('\n\n'),
  );
