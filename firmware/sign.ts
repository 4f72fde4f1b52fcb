/** Signs patches: COSE_Sign1 (RFC 9052 §4.4) with Ed25519 (RFC 8032, RFC 9053 §2.2). The only door to a board's slots. */
import { sign } from 'node:crypto';
import { encode } from 'cborg';
import { COSE_ALG_EDDSA, COSE_SIGN1_TAG, commandKeys, mapKeys, patchKeys } from '../abi/index.ts';
import type { SigningKey } from './keys.ts';
import { keyId } from './manifest.ts';

export { chosenKey, loadKey, loadOrCreateDevKey, type SigningKey } from './keys.ts';
export { keyId };

/** A map that a patch brings; see abi/patch.ts. */
export type PatchMap = {
  readonly name: string;
  readonly type: number;
  readonly key_size: number;
  readonly value_size: number;
  readonly max_entries: number;
  readonly flags: number;
  readonly init?: Uint8Array;
};

/** Everything that a patch says; see abi/patch.ts for the meaning of each field. */
export type Patch = {
  readonly name: string;
  readonly hook: number;
  readonly board_class: string;
  readonly code: Uint8Array;
  readonly maps: readonly PatchMap[];
  readonly certificate: Uint8Array;
  readonly bound: bigint;
  readonly parent: Uint8Array;
  readonly sequence: bigint;
  readonly proposer: string;
  readonly model_hash: Uint8Array;
  readonly prompt_hash: Uint8Array;
  readonly proof_hash: Uint8Array;
  readonly proof: number;
  readonly cores: number;
  readonly period_us: number;
  readonly boot: Uint8Array;
};

type Keys = Readonly<Record<string, { readonly key: number }>>;

const byKey = (keys: Keys, value: Readonly<Record<string, unknown>>) =>
  new Map(
    Object.entries(keys)
      .filter(([name]) => value[name] !== undefined)
      .map(([name, { key }]) => [key, value[name]]),
  );

/** The payload of a patch: a CBOR map with integer keys, deterministically encoded. */
export const encodePatch = (patch: Patch): Uint8Array =>
  encode(byKey(patchKeys, { ...patch, maps: patch.maps.map((map) => byKey(mapKeys, map)) }));

/** The protected header: algorithm and id of the key (RFC 9052 §3.1, labels 1 and 4). */
export const coseHeader = (publicKey: Uint8Array): Uint8Array =>
  encode(
    new Map<number, unknown>([
      [1, COSE_ALG_EDDSA],
      [4, Buffer.from(keyId(publicKey), 'hex')],
    ]),
  );

/** COSE_Sign1 around any payload. */
export const coseSign1 = (payload: Uint8Array, { privateKey, publicKey }: SigningKey): Uint8Array => {
  const protectedHeader = coseHeader(publicKey);
  const toBeSigned = encode(['Signature1', protectedHeader, new Uint8Array(0), payload]);
  const signature = new Uint8Array(sign(null, toBeSigned, privateKey));
  const body = encode([protectedHeader, new Map(), payload, signature]);
  const tag = 0xc0 | COSE_SIGN1_TAG; // major type 6, value 18 fits the first byte
  return Buffer.concat([Uint8Array.of(tag), body]);
};

/** The bytes that travel to the board. */
export const signPatch = (patch: Patch, key: SigningKey): Uint8Array => coseSign1(encodePatch(patch), key);

/** A write of an SMP group that is to be signed; see abi/policy.ts. */
export type Command = {
  readonly group: number;
  readonly command: number;
  readonly payload: Uint8Array;
  readonly sequence: bigint;
  readonly boot: Uint8Array;
};

export const signCommand = (command: Command, key: SigningKey): Uint8Array =>
  coseSign1(encode(byKey(commandKeys, command)), key);

/** What a link signs with; the key is looked for when something is to be signed. */
export const signerOf = (key: () => SigningKey) =>
  Object.assign((command: Command) => signCommand(command, key()), { keyId: () => keyId(key().publicKey) });
