export type { SourceLine } from './btf-ext.ts';
export { KernelTypes } from './core-types.ts';
export { ElfError, type ElfStatus } from './error.ts';
export { FIELD_KINDS, type KernelField } from './kernel-fields.ts';
export { MAX_MAP_NAME, type MapDefinition } from './map-definitions.ts';
export {
  type HookName,
  type LinuxModule,
  type LinuxOptions,
  type LoadedFunction,
  type LoadedObject,
  type LoadOptions,
  loadFunctions,
  loadLinuxFunctions,
  loadObject,
  type ModuleProgram,
} from './object.ts';
export type { OwnType } from './own-types.ts';
export type { Part } from './parts.ts';
export { type Argument, TAKES } from './signature.ts';
