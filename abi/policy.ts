/**
 * Who may do what on a board: a block of `POLICY_BYTES` in the image, so that it is under the image's own signature. It
 * begins with its length (u16le), then a CBOR map with the integer keys below, in deterministic encoding (RFC 8949
 * §4.2.1). A board whose block is empty or damaged accepts nothing signed, and nothing else that a door guards.
 */

export const POLICY_BYTES = 768;
/** Public keys that one policy can name. */
export const POLICY_KEYS = 8;
/** Most swaps an hour that a limit can name: the board remembers as many moments for each key. */
export const SWAPS_LIMIT = 64;
/** A key is named by the first bytes of SHA-256 of its 32 bytes (RFC 8032 §5.1.5). */
export const KEY_ID_BYTES = 8;

export const policyKeys = {
  open: { key: 1, doc: 'mask of the doors that need no signature, uint' },
  keys: { key: 2, doc: 'array of keys, in order of their use' },
} as const;

/** Each entry of `keys`; what is absent is not limited. */
export const policyKeyKeys = {
  public_key: { key: 1, doc: 'Ed25519 public key, 32 bytes' },
  roles: { key: 2, doc: 'mask of what it may sign, uint' },
  doors: { key: 3, doc: 'mask of the doors that its signed commands pass, uint' },
  modules: {
    key: 4,
    doc: 'array of module names that it may install; one that ends in * stands for all that begin so',
  },
  hooks: { key: 5, doc: 'mask of hooks: bit 1 << hook id, uint' },
  helpers: { key: 6, doc: 'array of ids of helpers that its programs may call' },
  budget: { key: 7, doc: 'largest proven bound, in eBPF instructions, uint' },
  cores: { key: 8, doc: 'mask of cores, uint' },
  swaps: { key: 9, doc: 'installs within any hour, 1..64, uint' },
  proofs: { key: 10, doc: 'mask of kinds of proof: bit 1 << kind (0 none, 1 proven, 2 tested), uint' },
  period: { key: 11, doc: 'shortest period of the timer hook that it may set, in µs, uint' },
  maps: { key: 12, doc: 'array of names of maps that its programs may hold, * as in modules' },
} as const;

export const roles = {
  patch: { bit: 0, doc: 'patches of modules' },
  image: { bit: 1, doc: 'images of the kernel' },
} as const;

/** What changes a board without being signed itself. Each message names the door that it goes through. */
export const doors = {
  modules: { bit: 0, doc: 'going back to an earlier version, removing a module' },
  maps: { bit: 1, doc: 'writing map entries, taking records of ring buffers' },
  packets: { bit: 2, doc: 'injecting frames' },
  timer: { bit: 3, doc: 'setting the period of the timer hook, by itself or in a patch' },
  run: { bit: 4, doc: 'single runs and measurements' },
  evidence: { bit: 5, doc: 'releasing evidence' },
  reset: { bit: 6, doc: 'resetting the board' },
  upload: { bit: 7, doc: 'filling the staging buffer, and the slot that does not run' },
  image: { bit: 8, doc: 'choosing the image that is started next' },
  keys: { bit: 9, doc: 'revoking and replacing keys; never open' },
} as const;

export type RoleName = keyof typeof roles;
export type DoorName = keyof typeof doors;

const maskOf = (table: Readonly<Record<string, { readonly bit: number }>>, names: Iterable<string>) =>
  [...names].reduce((mask, name) => mask | (1 << table[name]!.bit), 0);

export const roleMask = (names: Iterable<RoleName>): number => maskOf(roles, names);
export const doorMask = (names: Iterable<DoorName>): number => maskOf(doors, names);
/** Names of the doors in a mask. */
export const doorsIn = (mask: number): DoorName[] =>
  (Object.keys(doors) as DoorName[]).filter((name) => mask & (1 << doors[name].bit));
export const rolesIn = (mask: number): RoleName[] =>
  (Object.keys(roles) as RoleName[]).filter((name) => mask & (1 << roles[name].bit));

/**
 * A signed command: a write of any SMP group inside a COSE_Sign1, sent as `{m: message}` to command 0 of group
 * `SMP_GROUP_SIGNED`. The answer is that of the command itself.
 */
export const SMP_GROUP_SIGNED = 65;

export const commandKeys = {
  group: { key: 1, doc: 'SMP group, uint' },
  command: { key: 2, doc: 'command of that group, uint' },
  payload: { key: 3, doc: 'CBOR map of the request, bytes' },
  sequence: { key: 4, doc: 'sequence number, uint, above every earlier one of this key' },
  boot: { key: 5, doc: 'boot id of the board it is for, 16 bytes' },
} as const;
