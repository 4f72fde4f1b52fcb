/**
 * Policies as people write them (JSON, keys by name) and as an image carries them (abi/policy.ts). What a person does not
 * mention is not allowed for doors and roles, and not limited for everything else, as the board reads it.
 */
import { readFileSync } from 'node:fs';
import { encode } from 'cborg';
import {
  type DoorName,
  doorMask,
  doors,
  helpers,
  hooks,
  POLICY_BYTES,
  POLICY_KEYS,
  policyKeyKeys,
  policyKeys,
  type RoleName,
  roleMask,
  roles,
  SWAPS_LIMIT,
  vectors,
} from '../abi/index.ts';
import { namedKey, type SigningKey } from './keys.ts';

export const proofKinds = ['none', 'proven', 'tested'] as const;
type ProofKind = (typeof proofKinds)[number];

/** Rights of one key; the key itself by name, by the path of its PEM file, or as 64 hex digits of its public half. */
export type KeyRights = {
  readonly key: string;
  readonly roles?: readonly RoleName[];
  readonly doors?: readonly DoorName[];
  readonly modules?: readonly string[];
  readonly hooks?: readonly (keyof typeof hooks)[];
  /** Names of helpers, the vector helpers' as they are in C. */
  readonly helpers?: readonly string[];
  /** Names of maps that its programs may hold, constants and variables of C among them (`fir.rodata`, `fir.bss`). */
  readonly maps?: readonly string[];
  readonly budget?: number;
  readonly cores?: readonly number[];
  readonly swaps_per_hour?: number;
  /** Shortest period of the timer hook that it may set, in µs; to set it at all it needs the door `timer`. */
  readonly min_period_us?: number;
  readonly proofs?: readonly ProofKind[];
};

export type Policy = { readonly open: readonly DoorName[]; readonly keys: readonly KeyRights[] };

/** A policy that cannot be used: says where and why. */
export class PolicyError extends Error {
  readonly code = 'bad_file';
  readonly hint = 'see docs/how-to.md, "Say who may do what"';
}

const allDoors = Object.keys(doors) as DoorName[];
const openable = allDoors.filter((name) => name !== 'keys');

const listOf = (where: string, value: unknown, allowed?: readonly string[]): string[] => {
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
    throw new PolicyError(`${where} is not a list of names`);
  }
  const strange = value.find((item) => allowed && !allowed.includes(item));
  if (strange !== undefined) {
    throw new PolicyError(
      `${where}: there is no ${JSON.stringify(strange)}; there are ${allowed!.join(', ')}`,
    );
  }
  return value;
};

const numberOf = (where: string, value: unknown, min: number, max: number): number => {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
  throw new PolicyError(`${where} is not a whole number of ${min} to ${max}`);
};

const numbersOf = (where: string, value: unknown, min: number, max: number): number[] => {
  if (!Array.isArray(value)) throw new PolicyError(`${where} is not a list of numbers`);
  return value.map((n) => numberOf(where, n, min, max));
};

const publicKeyOf = (key: unknown): Uint8Array => {
  if (typeof key !== 'string') throw new PolicyError('a key has no "key": its name, PEM file or public half');
  return /^[0-9a-f]{64}$/.test(key) ? Buffer.from(key, 'hex') : namedKey(key).publicKey;
};

const bitsOf = (numbers: readonly number[]) => numbers.reduce((mask, n) => mask | (1 << n), 0) >>> 0;

const idsOf = (table: Readonly<Record<string, { readonly id: number }>>, where: string, value: unknown) =>
  listOf(where, value, Object.keys(table)).map((name) => table[name]!.id);

/** How each limit is written, by its name in the file. */
const limits: Readonly<Record<string, (value: unknown, where: string) => readonly [number, unknown]>> = {
  roles: (v, at) => [policyKeyKeys.roles.key, roleMask(listOf(at, v, Object.keys(roles)) as RoleName[])],
  doors: (v, at) => [policyKeyKeys.doors.key, doorMask(listOf(at, v, allDoors) as DoorName[])],
  modules: (v, at) => [policyKeyKeys.modules.key, listOf(at, v)],
  hooks: (v, at) => [policyKeyKeys.hooks.key, bitsOf(idsOf(hooks, at, v))],
  helpers: (v, at) => [policyKeyKeys.helpers.key, idsOf({ ...helpers, ...vectors }, at, v)],
  maps: (v, at) => [policyKeyKeys.maps.key, listOf(at, v)],
  budget: (v, at) => [policyKeyKeys.budget.key, numberOf(at, v, 1, 2 ** 32 - 1)],
  cores: (v, at) => [policyKeyKeys.cores.key, bitsOf(numbersOf(at, v, 0, 7))],
  min_period_us: (v, at) => [policyKeyKeys.period.key, numberOf(at, v, 1, 2 ** 32 - 1)],
  swaps_per_hour: (v, at) => [policyKeyKeys.swaps.key, numberOf(at, v, 1, SWAPS_LIMIT)],
  proofs: (v, at) => [
    policyKeyKeys.proofs.key,
    bitsOf(listOf(at, v, proofKinds).map((name) => proofKinds.indexOf(name as ProofKind))),
  ],
};

const encodeKey = (rights: KeyRights, i: number) => {
  if (typeof rights !== 'object' || rights === null)
    throw new PolicyError(`key ${i} is no object with a "key"`);
  const entries = Object.entries(rights).flatMap(([name, value]) => {
    if (name === 'key') return [];
    const limit = Object.hasOwn(limits, name) ? limits[name] : undefined;
    if (!limit) throw new PolicyError(`key ${i}: nothing is called ${JSON.stringify(name)}`);
    return [limit(value, `key ${i}, ${name}`)];
  });
  return new Map([[policyKeyKeys.public_key.key, publicKeyOf(rights.key)], ...entries] as [
    number,
    unknown,
  ][]);
};

/** The block that an image carries. @throws PolicyError, KeyError */
export const encodePolicy = (policy: Policy): Buffer => {
  if (!Array.isArray(policy?.keys) || policy.keys.length > POLICY_KEYS) {
    throw new PolicyError(`a policy has "keys": a list of at most ${POLICY_KEYS}`);
  }
  const open = doorMask(listOf('open', policy.open, openable) as DoorName[]);
  const map = encode(
    new Map<number, unknown>([
      [policyKeys.open.key, open],
      [policyKeys.keys.key, policy.keys.map(encodeKey)],
    ]),
  );
  if (map.length > POLICY_BYTES - 2) {
    throw new PolicyError(`the policy takes ${map.length} bytes, an image has room for ${POLICY_BYTES - 2}`);
  }
  const block = Buffer.alloc(POLICY_BYTES);
  block.writeUInt16LE(map.length);
  block.set(map, 2);
  return block;
};

/**
 * The policy of an image for which none is written: one key that may do everything, and a line that may do everything but
 * bring code, images and keys. Merely tested patches are refused.
 */
export const policyOf = (key: SigningKey): Policy => ({
  open: openable,
  keys: [
    {
      key: Buffer.from(key.publicKey).toString('hex'),
      roles: ['patch', 'image'],
      doors: allDoors,
      proofs: ['none', 'proven'],
    },
  ],
});

/** @throws PolicyError */
export const readPolicy = (path: string): Policy => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Policy;
  } catch (cause) {
    const why = cause instanceof SyntaxError ? `it is not JSON: ${cause.message}` : (cause as Error).message;
    throw new PolicyError(`${path}: ${why}`, { cause });
  }
};
