/** The hash by which a patch names the version that it replaces (abi/patch.ts, PROGRAM_HASH). */
import { createHash } from 'node:crypto';
import { PROGRAM_HASH } from '../abi/index.ts';
import { MAX_MAP_NAME, type MapDefinition } from './elf/index.ts';

const words = (...values: number[]) => {
  const out = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) out.writeUInt32LE(value, i * 4);
  return out;
};

const paddedName = (name: string) => {
  const out = Buffer.alloc(MAX_MAP_NAME + 1);
  if (out.write(name) !== Buffer.byteLength(name) || Buffer.byteLength(name) > MAX_MAP_NAME)
    throw new RangeError(`the map name ${name} is longer than ${MAX_MAP_NAME} bytes`);
  return out;
};

/** 32 bytes. */
export const programHash = (hookId: number, code: Uint8Array, maps: readonly MapDefinition[]): Uint8Array => {
  const hash = createHash(PROGRAM_HASH).update(words(hookId, code.length)).update(code);
  for (const map of maps) {
    const init = map.init ?? new Uint8Array();
    hash
      .update(paddedName(map.name))
      .update(words(map.type, map.keySize, map.valueSize, map.maxEntries, map.flags, init.length))
      .update(init);
  }
  return new Uint8Array(hash.digest());
};
