/** The whole contract as one value, and the hash by which host and board recognise each other. */
import { createHash } from 'node:crypto';
import * as bpf from './bpf.ts';
import { helpers } from './helpers.ts';
import { hooks, SLOTS_PER_HOOK } from './hooks.ts';
import { imageKeys, slotStates } from './image.ts';
import { messages, refusalFields, SMP_GROUP_VELOCITY } from './messages.ts';
import { lineMaps, mapKeys, mapTypes, patchKeys } from './patch.ts';
import { commandKeys, doors, policyKeyKeys, policyKeys, roles, SMP_GROUP_SIGNED } from './policy.ts';
import { SAMPLE_BYTES, sampleNumbers } from './profile.ts';
import { REPORT_LAST, reportScalars } from './report.ts';
import { ringRecord } from './ringbuf.ts';
import { statuses } from './status.ts';
import { PROBE_UNREAD_LIMIT, RUN_HOOKS, runNumbers } from './trace.ts';
import { vectors } from './vectors.ts';

/** Everything that both sides must agree on; sentences of documentation are left out on purpose. */
const contract = {
  bpf,
  helpers,
  vectors,
  hooks,
  SLOTS_PER_HOOK,
  messages,
  refusalFields,
  SMP_GROUP_VELOCITY,
  patchKeys,
  mapKeys,
  mapTypes,
  ringRecord: Object.keys(ringRecord),
  lineMaps,
  policyKeys,
  policyKeyKeys,
  roles,
  doors,
  commandKeys,
  imageKeys,
  slotStates,
  SMP_GROUP_SIGNED,
  reportScalars: Object.keys(reportScalars),
  REPORT_LAST,
  sampleNumbers: Object.keys(sampleNumbers),
  SAMPLE_BYTES,
  runNumbers: Object.keys(runNumbers),
  RUN_HOOKS,
  PROBE_UNREAD_LIMIT,
  statuses,
};

const isProse = (key: string) => key === 'doc' || key === 'sentence' || key === 'absent';

/** SHA-256 of the contract, prose excluded; `info.abi` carries its first 8 bytes. */
export const contractHash = (): Uint8Array =>
  createHash('sha256')
    .update(JSON.stringify(contract, (key, value) => (isProse(key) ? undefined : value)))
    .digest();

/** First 8 bytes of the contract hash, in hex. */
export const contractId = (): string => Buffer.from(contractHash().subarray(0, 8)).toString('hex');
