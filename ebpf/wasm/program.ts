/** A program as the host's copies of the kernel parts take it. */
import {
  bpf,
  hooks,
  MAX_MAPS_PER_PROGRAM,
  MAX_PROGRAM_INSNS,
  type Status,
  statusNamed,
  statusOf,
} from '../../abi/index.ts';
import type { HookName, MapDefinition } from '../elf/index.ts';
import type { HostInstance } from './instance.ts';

export type Program = {
  readonly code: Uint8Array;
  readonly hook: HookName;
  readonly maps?: readonly MapDefinition[];
};

/** A refusal or failure with its stable name. */
export type ProgramError = {
  /** Name of the status, see abi/status.ts. */
  readonly code: string;
  /** Slot that it is about; absent when it is about no single one. */
  readonly insn?: number;
  /** The particulars, then what to do. */
  readonly message: string;
};

export const errorOf = (status: Status, particulars = '', insn?: number): ProgramError => ({
  code: status.name,
  message: particulars === '' ? status.sentence : `${particulars}: ${status.sentence}`,
  ...(insn === undefined ? {} : { insn }),
});

export const errorNamed = (name: string, particulars = '', insn?: number) =>
  errorOf(statusNamed(name), particulars, insn);

export const errorOfCode = (code: number, particulars = '', insn?: number) =>
  errorOf(statusOf(code), particulars, insn);

/** What the C side has no room for. */
export const refuse = (program: Program): ProgramError | undefined => {
  const { code, maps = [] } = program;
  if (code.length % bpf.INSN_BYTES !== 0)
    return errorNamed('invalid_argument', `the code has ${code.length} bytes, not a multiple of 8`);
  if (code.length / bpf.INSN_BYTES > MAX_PROGRAM_INSNS)
    return errorNamed('program_too_long', `${code.length / bpf.INSN_BYTES} instructions`, MAX_PROGRAM_INSNS);
  if (maps.length > MAX_MAPS_PER_PROGRAM) return errorNamed('too_many_maps', `${maps.length} maps`);
  return undefined;
};

/** Hands program and map shapes over; `refuse` must have found nothing. */
export const hand = (host: HostInstance, program: Program, memorySize: number) => {
  const { code, hook, maps = [] } = program;
  const insns = host.place(code);
  host.exports.host_program(insns, code.length / bpf.INSN_BYTES, hooks[hook].id, memorySize);
  for (const m of maps) host.exports.host_map(m.type, m.keySize, m.valueSize, m.maxEntries, m.flags);
};
