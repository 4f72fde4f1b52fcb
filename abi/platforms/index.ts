/** Platforms that `bpf verify --platform` judges for, beside the board. */
import { emitPlatform } from './emit.ts';
import { objects } from './linux-contexts.ts';
import { linuxFunctions } from './linux-functions.ts';
import { linuxHelpers as allHelpers, sets } from './linux-helpers.ts';
import { memberGets } from './linux-ops.ts';
import { type LinuxType, programTypes } from './linux-types.ts';
import type { Prototype } from './platform.ts';

export { contextRulesAt, isClosedAt } from './linux-attach.ts';
export { isFunctionClosedAt, isKernelFunction, kernelFunctionId } from './linux-functions.ts';
export { HANDED, type Handed, handedAt } from './linux-handed.ts';
export { isGplCompatible, isGplOnly, isGplSection } from './linux-license.ts';
export { PARTS, type PartRule, partRules, type StructRules, structRules } from './linux-ops.ts';
export {
  contextBytesAt,
  contextNames,
  isMemberSection,
  isReplacingSection,
  type LinuxType,
  linuxTypeOf,
  maySleep,
  otherTypesOf,
  programTypes as linuxTypes,
  tracedAt,
  tracedBytes,
  typeTaking,
} from './linux-types.ts';
export { OBJECT_KINDS } from './platform.ts';

const types = Object.entries(programTypes) as [LinuxType, { id: number; member?: boolean }][];
/** Members of structs get helpers of their own. */
const forMembers = (helper: Prototype): Prototype => ({
  ...helper,
  types: types
    .filter(([name, { id, member }]) =>
      member ? memberGets(name, helper.id) : helper.types?.includes(id) !== false,
    )
    .map(([, { id }]) => id),
});
export const linuxHelpers: readonly Prototype[] = allHelpers.map(forMembers);

const names = new Map([
  ...linuxHelpers.map(({ id, name }) => [id, `bpf_${name}`] as const),
  ...linuxFunctions.map(({ id, name }) => [id, name] as const),
]);
/** How Linux calls the helper or function with this number, where it is known here. */
export const linuxHelperName = (id: number): string | undefined => names.get(id);

/** More than any loader takes in one object, and what a register's map index holds. */
export const HOST_PROGRAM_MAPS = 128;
/** Instructions and points of a program are numbered in 16 bits; kernel-aarch64/bpf/verifier/reference.c has other uses for the last numbers. */
export const HOST_PROGRAM_INSNS = 0xf000;

export const emitLinux = (banner: string) =>
  emitPlatform(banner, 'linux', {
    types: programTypes,
    helpers: [...linuxHelpers, ...linuxFunctions],
    objects,
    sets,
  });
