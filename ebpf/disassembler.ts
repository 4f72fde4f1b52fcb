/**
 * Prints eBPF as `llvm-objdump-19 -d --mcpu=v4` does, so that output can be compared with clang's. Two things differ,
 * because objdump loses them and the assembler could not read them back: `call local +0x2`, and map references
 * (`r1 = map 0 ll`, `r1 = map_value 0 + 0x8 ll`). What is not an instruction is printed as `.8byte`.
 */
import { helpers, vectors } from '../abi/index.ts';
import {
  type Alu,
  type Atomic,
  type Branch,
  type ByteSwap,
  decodeProgram,
  type Instruction,
  type Load,
  type LoadImm64,
  type LoadPacket,
  type Operand,
  slotsOf,
  targetOf,
  type Width,
} from './instruction.ts';

export type DisassembledLine = {
  readonly slot: number;
  /** The 8 or 16 bytes of the instruction. */
  readonly bytes: Uint8Array;
  readonly text: string;
  /** Slot that a jump, branch or local call goes to. */
  readonly target?: number;
};

export type DisassemblyOptions = {
  /** Print targets as labels (`goto L5`) instead of distances. Default false. */
  readonly labels?: boolean;
  /** Print helpers by name (`call map_lookup_elem`) instead of number. Default false. */
  readonly helperNames?: boolean;
};

const hex = (value: number | bigint) =>
  value < 0 ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
const distance = (value: number) => (value < 0 ? hex(value) : `+${hex(value)}`);
const register = (width: Width, index: number) => `${width === 64 ? 'r' : 'w'}${index}`;
const operand = (width: Width, o: Operand) => (o.kind === 'reg' ? register(width, o.reg) : hex(o.imm));
const address = (base: number, off: number) => `(r${base} ${off < 0 ? '-' : '+'} ${hex(Math.abs(off))})`;
const memory = (type: string, base: number, off: number) => `*(${type} *)${address(base, off)}`;

export const aluSymbols = {
  add: '+=',
  sub: '-=',
  mul: '*=',
  div: '/=',
  sdiv: 's/=',
  or: '|=',
  and: '&=',
  lsh: '<<=',
  rsh: '>>=',
  arsh: 's>>=',
  mod: '%=',
  smod: 's%=',
  xor: '^=',
  mov: '=',
} as const satisfies Record<Alu['op'], string>;

export const branchSymbols = {
  jeq: '==',
  jne: '!=',
  jgt: '>',
  jge: '>=',
  jlt: '<',
  jle: '<=',
  jset: '&',
  jsgt: 's>',
  jsge: 's>=',
  jslt: 's<',
  jsle: 's<=',
} as const satisfies Record<Branch['op'], string>;

const atomicSymbols = { add: '+=', or: '|=', and: '&=', xor: '^=' } as const;

const helperNames = new Map(
  Object.entries({ ...helpers, ...vectors }).map(([name, h]) => [h.id as number, name]),
);

const loadText = (o: Load) => {
  const width = o.signed || o.size === 8 ? 64 : 32;
  return `${register(width, o.dst)} = ${memory(`${o.signed ? 's' : 'u'}${o.size * 8}`, o.src, o.off)}`;
};

const atomicText = (o: Atomic) => {
  const width = o.size === 8 ? 64 : 32;
  const type = `u${width}`;
  const src = register(width, o.src);
  const place = `r${o.dst} ${o.off < 0 ? '-' : '+'} ${hex(Math.abs(o.off))}`;
  const suffix = width === 64 ? '_64' : '32_32';
  if (o.op === 'xchg') return `${src} = xchg${suffix}(${place}, ${src})`;
  if (o.op === 'cmpxchg')
    return `${register(width, 0)} = cmpxchg${suffix}(${place}, ${register(width, 0)}, ${src})`;
  if (o.fetch) return `${src} = atomic_fetch_${o.op}((${type} *)(${place}), ${src})`;
  return `lock ${memory(type, o.dst, o.off)} ${atomicSymbols[o.op]} ${src}`;
};

const imm64Text = (o: LoadImm64) => {
  const low = BigInt.asUintN(32, o.imm);
  const high = BigInt.asUintN(32, o.imm >> 32n);
  switch (o.form) {
    case 'number':
      return `r${o.dst} = ${hex(BigInt.asIntN(64, o.imm))} ll`;
    case 'map_value':
      return `r${o.dst} = map_value ${low} + ${hex(high)} ll`;
    default:
      return `r${o.dst} = ${o.form} ${high === 0n ? low : hex(o.imm)} ll`;
  }
};

const swapText = (o: ByteSwap) => `r${o.dst} = ${o.order === 'swap' ? 'bswap' : o.order}${o.bits} r${o.dst}`;

/** LLVM has no text for a register and an immediate together; RFC 9669 §5.6 has the instruction. */
const packetIndex = (o: LoadPacket) => {
  if (o.src === null) return hex(o.imm);
  return o.imm === 0 ? `r${o.src}` : `r${o.src} + ${hex(o.imm)}`;
};

const rawText = (bytes: Uint8Array) => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return `.8byte 0x${view.getBigUint64(0, true).toString(16).padStart(16, '0')}`;
};

type Names = { place: (off: number, slot: number) => string; helper: (id: number) => string };

const callText = (form: 'helper' | 'local' | 'btf', imm: number, slot: number, names: Names) => {
  if (form === 'helper') return `call ${names.helper(imm)}`;
  return form === 'local' ? `call local ${names.place(imm, slot)}` : `call btf ${imm}`;
};

/** Registers above r10 do not exist, so text can't name them. */
const unnamed = (o: Instruction) =>
  ('dst' in o && o.dst > 10) ||
  ('src' in o && (typeof o.src === 'object' ? o.src?.kind === 'reg' && o.src.reg > 10 : o.src > 10));

const textOf = (o: Instruction, bytes: Uint8Array, names: Names): string => {
  if (unnamed(o) && o.kind !== 'ld_imm64') return rawText(bytes);
  switch (o.kind) {
    case 'alu':
      return `${register(o.width, o.dst)} ${aluSymbols[o.op]} ${operand(o.width, o.src)}`;
    case 'neg':
      return `${register(o.width, o.dst)} = -${register(o.width, o.dst)}`;
    case 'movsx':
      return `${register(o.width, o.dst)} = (s${o.bits})${register(o.width, o.src)}`;
    case 'swap':
      return swapText(o);
    case 'load':
      return loadText(o);
    case 'store':
      return `${memory(`u${o.size * 8}`, o.dst, o.off)} = ${operand(o.size === 8 ? 64 : 32, o.src)}`;
    case 'atomic':
      return atomicText(o);
    case 'jump':
      return `${o.long ? 'gotol' : 'goto'} ${names.place(o.off, o.slot)}`;
    case 'branch': {
      const condition = `${register(o.width, o.dst)} ${branchSymbols[o.op]} ${operand(o.width, o.src)}`;
      return `if ${condition} goto ${names.place(o.off, o.slot)}`;
    }
    case 'call':
      return callText(o.form, o.imm, o.slot, names);
    case 'callx':
      return `callx r${o.dst}`;
    case 'exit':
      return 'exit';
    case 'ld_imm64':
      return imm64Text(o);
    case 'ld_packet':
      return `r0 = *(u${o.size * 8} *)skb[${packetIndex(o)}]`;
    case 'invalid':
      return rawText(bytes);
  }
};

const withTarget = (line: DisassembledLine, target: number | undefined) =>
  target === undefined ? line : { ...line, target };

/**
 * One line per instruction.
 * @throws RangeError when the size is not a multiple of 8 bytes.
 */
export const disassemble = (code: Uint8Array, options: DisassemblyOptions = {}): DisassembledLine[] => {
  const instructions = decodeProgram(code);
  const starts = new Set(instructions.map((o) => o.slot));
  const names: Names = {
    place: (off, slot) =>
      options.labels && starts.has(slot + 1 + off) ? `L${slot + 1 + off}` : distance(off),
    helper: (id) => (options.helperNames ? (helperNames.get(id) ?? hex(id)) : hex(id)),
  };
  return instructions.map((o) => {
    const bytes = code.subarray(o.slot * 8, (o.slot + slotsOf(o)) * 8);
    return withTarget({ slot: o.slot, bytes, text: textOf(o, bytes, names) }, targetOf(o, o.slot));
  });
};

/** The whole program as text that `assemble` reads back to the same bytes. */
export const disassembleText = (code: Uint8Array, options: DisassemblyOptions = {}): string => {
  const lines = disassemble(code, options);
  const targets = new Set(options.labels ? lines.map((l) => l.target) : []);
  return lines.map((l) => `${targets.has(l.slot) ? `L${l.slot}:\n` : ''}${l.text}\n`).join('');
};
