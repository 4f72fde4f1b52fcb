/** Platforms that `bpf verify --platform` judges for, beside the board. */
import { emitPlatform } from './emit.ts';
import { objects } from './linux-contexts.ts';
import { linuxFunctions } from './linux-functions.ts';
import { linuxHelpers, socketMapDeleters, socketMapWriters } from './linux-helpers.ts';
import { programTypes } from './linux-types.ts';

export { isClosedAt } from './linux-attach.ts';
export { isKernelFunction, kernelFunctionId } from './linux-functions.ts';
export { HANDED, type Handed, handedAt } from './linux-handed.ts';
export {
  contextBytesAt,
  contextNames,
  type LinuxType,
  linuxTypeOf,
  maySleep,
  otherTypesOf,
  programTypes as linuxTypes,
  tracedAt,
  tracedBytes,
} from './linux-types.ts';
export { linuxHelpers };

/** Helpers that Linux has and that are not described here: they are refused, by their names. */
const undescribed: Readonly<Record<number, string>> = {
  116: 'tcp_send_ack',
  153: 'per_cpu_ptr',
  154: 'this_cpu_ptr',
  180: 'find_vma',
  209: 'user_ringbuf_drain',
};

const names = new Map([
  ...Object.entries(undescribed).map(([id, name]) => [Number(id), `bpf_${name}`] as const),
  ...linuxHelpers.map(({ id, name }) => [id, `bpf_${name}`] as const),
  ...linuxFunctions.map(({ id, name }) => [id, name] as const),
]);
/** How Linux calls the helper or function with this number, where it is known here. */
export const linuxHelperName = (id: number): string | undefined => names.get(id);

/** More than any loader takes in one object, and what a register's map index holds. */
export const HOST_PROGRAM_MAPS = 128;
/** Points of a program are numbered in 16 bits. */
export const HOST_PROGRAM_INSNS = 32768;

export const emitLinux = (banner: string) =>
  emitPlatform(banner, 'linux', {
    types: programTypes,
    helpers: [...linuxHelpers, ...linuxFunctions],
    objects,
    socketMapWriters,
    socketMapDeleters,
  });
