/** A program as the host's copies of the kernel parts take it. */
import {
  bpf,
  HANDED,
  type Handed,
  HOST_PROGRAM_INSNS,
  HOST_PROGRAM_MAPS,
  hooks,
  type LinuxType,
  linuxTypes,
  MAX_MAPS_PER_PROGRAM,
  MAX_PROGRAM_INSNS,
  OBJECT_KINDS,
  PARTS,
  type Status,
  statusNamed,
  statusOf,
} from '../../abi/index.ts';
import {
  type Argument,
  FIELD_KINDS,
  type HookName,
  type KernelField,
  type MapDefinition,
  type OwnType,
  type Part,
  TAKES,
} from '../elf/index.ts';
import type { HostInstance } from './instance.ts';

export type Program = {
  readonly code: Uint8Array;
  readonly hook: HookName;
  readonly maps?: readonly MapDefinition[];
};

/** A program for another platform than the board: it can be verified, nothing else. */
export type LinuxProgram = {
  readonly code: Uint8Array;
  readonly type: LinuxType;
  /** It may call what sleeps. Default false. */
  readonly maySleep?: boolean;
  /** Bytes of its context. Default: as its type says. */
  readonly contextBytes?: number;
  /** What the first words of its context hand over. Default: addresses. */
  readonly handed?: readonly Handed[];
  /** What it returns does not matter. Default false. */
  readonly silent?: boolean;
  /** What is known of places in objects. */
  readonly parts?: readonly Part[];
  /** What it throws another function catches; or it is that function, which is called with a number. Default nothing. */
  readonly catches?: 'elsewhere' | 'itself';
  readonly maps?: readonly MapDefinition[];
  /** Of slots, bits of `NOTE`. */
  readonly notes?: ReadonlyMap<number, number>;
  /** What functions take that are judged by themselves, by the slot where they start. Default none. */
  readonly globals?: ReadonlyMap<number, readonly Argument[]>;
  /** Types that it makes objects of, or that its maps hold. Default none. */
  readonly own?: readonly OwnType[];
};

/** As in ebpf/wasm/host.h. */
const HOST_GLOBALS = 64;

/** A kind's number; 0 is none. */
const kindOf = (kind: (typeof OBJECT_KINDS)[number] | undefined) =>
  kind === undefined ? 0 : OBJECT_KINDS.indexOf(kind) + 1;

/** In the order of enum catches in kernel-aarch64/bpf/program.h. */
const CATCHES = [undefined, 'elsewhere', 'itself'] as const;

/** As in ebpf/wasm/host.h. */
const HOST_MAP_FIELDS = 1024;
/** OWN_TYPE_FIRST in kernel-aarch64/bpf/program.h: fields of types have these numbers where others have that of their map. */
const OWN_TYPE_FIRST = 128;
const OWN_TYPES = 127;

export const isLinux = (program: Program | LinuxProgram): program is LinuxProgram => 'type' in program;

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
export const refuse = (program: Program | LinuxProgram): ProgramError | undefined => {
  const { code, maps = [] } = program;
  const [mostInsns, mostMaps] = isLinux(program)
    ? [HOST_PROGRAM_INSNS, HOST_PROGRAM_MAPS]
    : [MAX_PROGRAM_INSNS, MAX_MAPS_PER_PROGRAM];
  if (code.length % bpf.INSN_BYTES !== 0)
    return errorNamed('invalid_argument', `the code has ${code.length} bytes, not a multiple of 8`);
  if (code.length / bpf.INSN_BYTES > mostInsns)
    return errorNamed('program_too_long', `${code.length / bpf.INSN_BYTES} instructions`, mostInsns);
  if (maps.length > mostMaps) return errorNamed('too_many_maps', `${maps.length} maps`);
  const own = isLinux(program) ? (program.own ?? []) : [];
  const fields = [...maps, ...own].reduce((sum, m) => sum + (m.fields?.length ?? 0), own.length);
  if (own.length > OWN_TYPES) return errorNamed('too_many_maps', `${own.length} types of its own`);
  if (fields > HOST_MAP_FIELDS)
    return errorNamed('too_many_maps', `${fields} fields of the kernel in their values`);
  const globals = isLinux(program) ? (program.globals?.size ?? 0) : 0;
  if (globals > HOST_GLOBALS) return errorNamed('too_many_states', `${globals} global functions`);
  return undefined;
};

const handGlobals = ({ exports }: HostInstance, { globals = new Map() }: LinuxProgram) => {
  for (const [start, parameters] of globals) {
    exports.host_global(start);
    for (const { takes, bytes } of parameters) exports.host_global_argument(TAKES.indexOf(takes), bytes);
  }
};

/** Fields by the number of what they lie in. */
const handFields = ({ exports }: HostInstance, maps: readonly MapDefinition[], own: readonly OwnType[]) => {
  const all = new Map(own.flatMap(({ id, each }, i) => (each ? [] : [[id, OWN_TYPE_FIRST + i] as const])));
  const eachOf = new Map(own.flatMap(({ id, each }, i) => (each ? [[id, OWN_TYPE_FIRST + i] as const] : [])));
  const hand = (at: number, { offset, bytes, kind, holds, each, node }: KernelField) =>
    exports.host_map_field(
      at,
      offset,
      bytes,
      FIELD_KINDS.indexOf(kind),
      (holds === undefined ? undefined : (each ? eachOf : all).get(holds)) ?? 0,
      node ?? 0,
    );
  for (const [i, m] of maps.entries()) for (const field of m.fields ?? []) hand(i, field);
  for (const [i, { id, fields, each }] of own.entries()) {
    hand(OWN_TYPE_FIRST + i, {
      offset: id,
      bytes: 0,
      ...(each ? { kind: 'each', holds: id } : { kind: 'type' }),
    });
    for (const field of fields) hand(OWN_TYPE_FIRST + i, field);
  }
};

/** Hands program and map shapes over; `refuse` must have found nothing. */
export const hand = (host: HostInstance, program: Program | LinuxProgram, memorySize: number) => {
  const { code, maps = [] } = program;
  const id = isLinux(program) ? linuxTypes[program.type].id : hooks[program.hook].id;
  const insns = host.place(code);
  host.exports.host_program(insns, code.length / bpf.INSN_BYTES, id, memorySize);
  if (isLinux(program))
    host.exports.host_linux(
      program.maySleep ? 1 : 0,
      CATCHES.indexOf(program.catches),
      (program.contextBytes ?? -1) + 1,
      program.silent ? 1 : 0,
    );
  if (isLinux(program))
    for (const [i, what] of (program.handed ?? []).entries())
      host.exports.host_handed(i, HANDED.indexOf(what));
  if (isLinux(program))
    for (const { object, what, to, offset, end } of program.parts ?? [])
      host.exports.host_part(kindOf(object), PARTS.indexOf(what), kindOf(to), offset, end);
  if (isLinux(program) && program.notes?.size) {
    const notes = new Uint8Array(code.length / bpf.INSN_BYTES);
    for (const [slot, bits] of program.notes) notes[slot] = bits;
    host.exports.host_notes(host.place(notes));
  }
  if (isLinux(program)) handGlobals(host, program);
  for (const m of maps) host.exports.host_map(m.type, m.keySize, m.valueSize, m.maxEntries, m.flags);
  for (const [i, m] of maps.entries()) if (m.inner !== undefined) host.exports.host_inner_map(i, m.inner);
  if (isLinux(program))
    for (const [i, m] of maps.entries())
      if (m.fixed && m.init) host.exports.host_map_contents(i, host.place(m.init));
  handFields(host, maps, isLinux(program) ? (program.own ?? []) : []);
};
