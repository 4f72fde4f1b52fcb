/** The contract between host and board, declared once. */

export * as a64 from './a64.ts';
export * as bpf from './bpf.ts';
export * from './codec.ts';
export * from './console.ts';
export * from './contract.ts';
export * from './fields.ts';
export * from './helpers.ts';
export * from './hooks.ts';
export * from './image.ts';
export * from './merkle.ts';
export * from './messages.ts';
export * from './patch.ts';
export {
  contextBytesAt,
  contextNames,
  contextRulesAt,
  HANDED,
  type Handed,
  HOST_PROGRAM_INSNS,
  HOST_PROGRAM_MAPS,
  handedAt,
  isClosedAt,
  isFunctionClosedAt,
  isGplCompatible,
  isGplOnly,
  isGplSection,
  isKernelFunction,
  isMemberSection,
  isReplacingSection,
  kernelFunctionId,
  type LinuxType,
  linuxHelperName,
  linuxTypeOf,
  linuxTypes,
  maySleep,
  OBJECT_KINDS,
  otherTypesOf,
  PARTS,
  type PartRule,
  partRules,
  type StructRules,
  structRules,
  tracedAt,
  tracedBytes,
  typeTaking,
} from './platforms/index.ts';
export * from './policy.ts';
export * from './profile.ts';
export * from './report.ts';
export * from './ringbuf.ts';
export * from './status.ts';
export * from './trace.ts';
export * from './vectors.ts';
