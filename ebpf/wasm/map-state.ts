/** Contents of maps before and after a run on the host. */
import { mapTypes, RecordReader } from '../../abi/index.ts';
import type { MapDefinition } from '../elf/index.ts';
import type { HostInstance } from './instance.ts';
import { errorNamed, errorOfCode, type ProgramError } from './program.ts';

/** Values by key in hex (`00000000` is index 0 of an array). What is not set is zero in arrays, absent in hashes. Ring buffers begin empty. */
export type MapState = ReadonlyMap<string, Uint8Array>;

/** Index of an array as its key in a MapState. */
export const arrayKey = (index: number): string => {
  const key = Buffer.alloc(4);
  key.writeUInt32LE(index);
  return key.toString('hex');
};

/** Cores of percpu maps, see maps.c. */
const CORES = 4;
const roundUp = (value: number, unit: number) => Math.ceil(value / unit) * unit;

/** At least what map.c takes from the pool. */
const poolBytes = (m: MapDefinition): number => {
  const header = 512;
  if (m.type === mapTypes.ringbuf) return header + m.maxEntries;
  if (m.type !== mapTypes.hash) return header + CORES * (roundUp(m.valueSize, 8) * m.maxEntries + 64);
  const entry = 16 + roundUp(m.keySize, 8) + roundUp(m.valueSize, 8);
  return header + m.maxEntries * (entry + 8) + 256;
};

/** All maps of one program together; the board has 8 MiB. */
const POOL_MAX = 32 * 1024 * 1024;

const createOne = (host: HostInstance, i: number, m: MapDefinition): ProgramError | undefined => {
  const init = m.init ?? new Uint8Array();
  const status = host.exports.host_map_create(i, host.place(init), init.length);
  return status === 0 ? undefined : errorOfCode(status, `map ${m.name}`);
};

const fillOne = (
  host: HostInstance,
  i: number,
  m: MapDefinition,
  state: MapState,
): ProgramError | undefined => {
  const keyAt = host.allocate(m.keySize);
  const valueAt = host.allocate(m.valueSize);
  for (const [hex, value] of state) {
    const key = Buffer.from(hex, 'hex');
    if (key.length !== m.keySize || value.length !== m.valueSize)
      return errorNamed('invalid_argument', `map ${m.name}: key ${hex} with ${value.length} bytes`);
    host.bytes(keyAt, m.keySize).set(key);
    host.bytes(valueAt, m.valueSize).set(value);
    if (host.exports.host_map_set(i, keyAt, valueAt) !== 0)
      return errorNamed('invalid_argument', `map ${m.name} has no room for key ${hex}`);
  }
  return undefined;
};

/** Makes the maps of the program that was handed over. */
export const createMaps = (
  host: HostInstance,
  maps: readonly MapDefinition[],
  states: readonly (MapState | undefined)[],
  core: number,
): ProgramError | undefined => {
  const size = Math.min(
    POOL_MAX,
    maps.reduce((sum, m) => sum + poolBytes(m), 0),
  );
  host.exports.host_pool(host.allocate(size, 64), size, core);
  for (const [i, m] of maps.entries()) {
    const state = states[i];
    const error = createOne(host, i, m) ?? (state && fillOne(host, i, m, state));
    if (error) return error;
  }
  return undefined;
};

/** Records by the position in hex at which they begin, each behind how many were lost before it (u32); that alone at the end. */
const readRing = (host: HostInstance, i: number): MapState => {
  const factsAt = host.allocate(8);
  const at = host.exports.host_ring(i, factsAt);
  const [bytes, lost] = new Uint32Array(host.bytes(factsAt, 8).slice().buffer);
  const state = new Map<string, Uint8Array>();
  let position = 0;
  const put = (before: number, data: Uint8Array) => {
    const key = Buffer.alloc(8);
    key.writeUInt32LE(position);
    const value = new Uint8Array(4 + data.length);
    new DataView(value.buffer).setUint32(0, before, true);
    value.set(data, 4);
    state.set(key.toString('hex'), value);
  };
  for (const record of new RecordReader().push(host.bytes(at, bytes!))) {
    put(record.lost, record.data);
    position += record.bytes;
  }
  put(lost!, new Uint8Array());
  return state;
};

/** Contents of map i; every index of an array. */
export const readMap = (host: HostInstance, i: number, m: MapDefinition): MapState => {
  if (m.type === mapTypes.ringbuf) return readRing(host, i);
  const keyAt = host.allocate(m.keySize);
  const state = new Map<string, Uint8Array>();
  for (
    let more = host.exports.host_map_next(i, 0, keyAt);
    more;
    more = host.exports.host_map_next(i, keyAt, keyAt)
  ) {
    const value = host.exports.host_map_get(i, keyAt);
    state.set(
      Buffer.from(host.bytes(keyAt, m.keySize)).toString('hex'),
      host.bytes(value, m.valueSize).slice(),
    );
  }
  return state;
};
