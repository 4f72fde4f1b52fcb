/**
 * eBPF instructions as typed values. `decodeProgram` and `encodeProgram` are exact inverses on any bytes:
 * whatever RFC 9669 does not define, or defines with other reserved fields, is kept as `invalid`.
 */
import { bpf } from '../abi/index.ts';

export type Width = 32 | 64;
export type Size = 1 | 2 | 4 | 8;
export type Operand =
  | { readonly kind: 'reg'; readonly reg: number }
  /** Sign-extended to the width of the operation. */
  | { readonly kind: 'imm'; readonly imm: number };

export type AluOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'sdiv'
  | 'or'
  | 'and'
  | 'lsh'
  | 'rsh'
  | 'arsh'
  | 'mod'
  | 'smod'
  | 'xor'
  | 'mov';
export type BranchOp =
  | 'jeq'
  | 'jne'
  | 'jgt'
  | 'jge'
  | 'jlt'
  | 'jle'
  | 'jset'
  | 'jsgt'
  | 'jsge'
  | 'jslt'
  | 'jsle';
export type AtomicOp = 'add' | 'or' | 'and' | 'xor' | 'xchg' | 'cmpxchg';

/** dst = dst op src; `mov` sets. A 32-bit form clears bits 63..32 of dst. */
export type Alu = { kind: 'alu'; width: Width; op: AluOp; dst: number; src: Operand };
export type Neg = { kind: 'neg'; width: Width; dst: number };
/** dst = sign extension of the low `bits` bits of src; bits 32 only with width 64. */
export type MovSx = { kind: 'movsx'; width: Width; bits: 8 | 16 | 32; dst: number; src: number };
/** Byte order of the low `bits` bits of dst, the others become zero; `swap` always swaps, le/be relative to the host. */
export type ByteSwap = { kind: 'swap'; order: 'le' | 'be' | 'swap'; bits: 16 | 32 | 64; dst: number };
/** dst = *(size *)(src + off), zero or sign extended to 64 bits. */
export type Load = { kind: 'load'; size: Size; signed: boolean; dst: number; src: number; off: number };
/** *(size *)(dst + off) = src. */
export type Store = { kind: 'store'; size: Size; dst: number; off: number; src: Operand };
/** Atomic on *(size *)(dst + off); with fetch, src (r0 for cmpxchg) receives the old value. */
export type Atomic = {
  kind: 'atomic';
  size: 4 | 8;
  op: AtomicOp;
  fetch: boolean;
  dst: number;
  off: number;
  src: number;
};
/** Target: slot + 1 + off. `long` is `gotol`, whose offset has 32 bits. */
export type Jump = { kind: 'jump'; long: boolean; off: number };
export type Branch = { kind: 'branch'; width: Width; op: BranchOp; dst: number; src: Operand; off: number };
/** helper: imm is the helper's number; local: target is slot + 1 + imm; btf: imm is a BTF id. */
export type Call = { kind: 'call'; form: 'helper' | 'local' | 'btf'; imm: number };
/** Call of the function whose address is in dst. */
export type CallRegister = { kind: 'callx'; dst: number };
export type Exit = { kind: 'exit' };
/** Two slots. The 64-bit value is second imm : first imm; for map and map_value the low half is the map's index, the high half the offset into its value. */
export type LoadImm64 = { kind: 'ld_imm64'; form: Imm64Form; dst: number; imm: bigint };
export type Imm64Form = 'number' | 'map' | 'map_value' | 'function';
/** Legacy packet load, RFC 9669 §5.6; src is null for the absolute form. */
export type LoadPacket = { kind: 'ld_packet'; size: 1 | 2 | 4; src: number | null; imm: number };
/** Not an instruction of RFC 9669; one slot, kept as it is. */
export type Invalid = {
  kind: 'invalid';
  opcode: number;
  dst: number;
  src: number;
  off: number;
  imm: number;
};

export type Operation =
  | Alu
  | Neg
  | MovSx
  | ByteSwap
  | Load
  | Store
  | Atomic
  | Jump
  | Branch
  | Call
  | CallRegister
  | Exit
  | LoadImm64
  | LoadPacket
  | Invalid;

/** An operation and the slot it stands at. */
export type Instruction = Operation & { readonly slot: number };

/** Slots that an operation takes: 2 for ld_imm64, else 1. */
export const slotsOf = (operation: Operation): 1 | 2 => (operation.kind === 'ld_imm64' ? 2 : 1);

/** The slot that a jump, branch or local call goes to when it stands at `slot`; undefined for anything else. */
export const targetOf = (operation: Operation, slot: number): number | undefined => {
  if (operation.kind === 'jump' || operation.kind === 'branch') return slot + 1 + operation.off;
  if (operation.kind === 'call' && operation.form === 'local') return slot + 1 + operation.imm;
  return undefined;
};

/** One slot's fields, RFC 9669 §3. */
export type Slot = { opcode: number; dst: number; src: number; off: number; imm: number };

export const readSlot = (view: DataView, slot: number): Slot => {
  const at = slot * bpf.INSN_BYTES;
  const regs = view.getUint8(at + 1);
  return {
    opcode: view.getUint8(at),
    dst: regs & 15,
    src: regs >> 4,
    off: view.getInt16(at + 2, true),
    imm: view.getInt32(at + 4, true),
  };
};

export const writeSlot = (view: DataView, slot: number, s: Slot) => {
  const at = slot * bpf.INSN_BYTES;
  view.setUint8(at, s.opcode);
  view.setUint8(at + 1, (s.dst & 15) | (s.src << 4));
  view.setInt16(at + 2, s.off, true);
  view.setInt32(at + 4, s.imm, true);
};

const invert = <K extends string>(table: Readonly<Record<K, number>>): Map<number, K> =>
  new Map((Object.entries(table) as [K, number][]).map(([name, value]) => [value, name]));

const { classes, aluOps, jumpOps, sources, sizes, modes, atomicOps, pseudo } = bpf;
const aluNames = invert(aluOps);
const jumpNames = invert(jumpOps);
const sizeBytes: Readonly<Record<number, Size>> = {
  [sizes.b]: 1,
  [sizes.h]: 2,
  [sizes.w]: 4,
  [sizes.dw]: 8,
};
const sizeBits = { 1: sizes.b, 2: sizes.h, 4: sizes.w, 8: sizes.dw } as const;
const imm64Forms = {
  number: pseudo.imm64_number,
  map: pseudo.imm64_map,
  map_value: pseudo.imm64_map_value,
  function: pseudo.imm64_function,
} as const;
const imm64Names = invert(imm64Forms);
const callForms = { helper: pseudo.call_helper, local: pseudo.call_local, btf: 2 } as const;
const callNames = invert(callForms);

const reg = (index: number): Operand => ({ kind: 'reg', reg: index });
const imm = (value: number): Operand => ({ kind: 'imm', imm: value });

/** The second operand, or undefined when the unused one of src and imm is not zero. */
const operandOf = (s: Slot): Operand | undefined => {
  if (s.opcode & sources.x) return s.imm === 0 ? reg(s.src) : undefined;
  return s.src === 0 ? imm(s.imm) : undefined;
};

const decodeEnd = (s: Slot, width: Width): Operation | undefined => {
  const bits = s.imm;
  if ((bits !== 16 && bits !== 32 && bits !== 64) || s.off !== 0 || s.src !== 0) return undefined;
  const swapped = (s.opcode & sources.x) !== 0;
  if (width === 64) return swapped ? undefined : { kind: 'swap', order: 'swap', bits, dst: s.dst };
  return { kind: 'swap', order: swapped ? 'be' : 'le', bits, dst: s.dst };
};

/** RFC 9669 §4.1 and §4.2. */
const decodeAlu = (s: Slot, width: Width): Operation | undefined => {
  const name = aluNames.get(s.opcode & 0xf0);
  if (name === 'end') return decodeEnd(s, width);
  const src = operandOf(s);
  if (!name || !src) return undefined;
  if (name === 'neg') {
    const plain = src.kind === 'imm' && src.imm === 0 && s.off === 0;
    return plain ? { kind: 'neg', width, dst: s.dst } : undefined;
  }
  if (s.off === 0) return { kind: 'alu', width, op: name, dst: s.dst, src };
  if (s.off === 1 && (name === 'div' || name === 'mod'))
    return { kind: 'alu', width, op: `s${name}`, dst: s.dst, src };
  if (name !== 'mov' || src.kind !== 'reg') return undefined;
  if (s.off === 8 || s.off === 16 || (s.off === 32 && width === 64))
    return { kind: 'movsx', width, bits: s.off, dst: s.dst, src: s.src };
  return undefined;
};

/** RFC 9669 §4.3. */
const decodeJump = (s: Slot, width: Width): Operation | undefined => {
  const name = jumpNames.get(s.opcode & 0xf0);
  const src = operandOf(s);
  const byRegister = (s.opcode & sources.x) !== 0;
  switch (name) {
    case undefined:
      return undefined;
    case 'ja':
      if (byRegister || s.dst !== 0 || s.src !== 0) return undefined;
      if (width === 64) return s.imm === 0 ? { kind: 'jump', long: false, off: s.off } : undefined;
      return s.off === 0 ? { kind: 'jump', long: true, off: s.imm } : undefined;
    case 'exit':
      return width === 64 && !byRegister && !s.dst && !s.src && !s.off && !s.imm
        ? { kind: 'exit' }
        : undefined;
    case 'call': {
      if (width === 32 || s.off !== 0) return undefined;
      if (byRegister) return s.src === 0 && s.imm === 0 ? { kind: 'callx', dst: s.dst } : undefined;
      const form = callNames.get(s.src);
      return form && s.dst === 0 ? { kind: 'call', form, imm: s.imm } : undefined;
    }
    default:
      return src && { kind: 'branch', width, op: name, dst: s.dst, src, off: s.off };
  }
};

/** RFC 9669 §5.3. */
const decodeAtomic = (s: Slot, size: Size): Operation | undefined => {
  if (size !== 4 && size !== 8) return undefined;
  const base = { kind: 'atomic', size, dst: s.dst, off: s.off, src: s.src } as const;
  if (s.imm === atomicOps.xchg) return { ...base, op: 'xchg', fetch: true };
  if (s.imm === atomicOps.cmpxchg) return { ...base, op: 'cmpxchg', fetch: true };
  const op = (['add', 'or', 'and', 'xor'] as const).find((n) => atomicOps[n] === (s.imm & ~atomicOps.fetch));
  return op && { ...base, op, fetch: (s.imm & atomicOps.fetch) !== 0 };
};

/** RFC 9669 §5.1, §5.2 and §5.6. */
const decodeMemory = (s: Slot, cls: number): Operation | undefined => {
  const size = sizeBytes[s.opcode & 0x18]!;
  const mode = s.opcode & 0xe0;
  const { dst, src, off } = s;
  switch (cls) {
    case classes.ld:
      if (size === 8 || dst !== 0 || off !== 0) return undefined;
      if (mode === modes.abs)
        return src === 0 ? { kind: 'ld_packet', size, src: null, imm: s.imm } : undefined;
      return mode === modes.ind ? { kind: 'ld_packet', size, src, imm: s.imm } : undefined;
    case classes.ldx:
      if (s.imm !== 0) return undefined;
      if (mode === modes.mem) return { kind: 'load', size, signed: false, dst, src, off };
      return mode === modes.memsx && size !== 8
        ? { kind: 'load', size, signed: true, dst, src, off }
        : undefined;
    case classes.st:
      return mode === modes.mem && src === 0 ? { kind: 'store', size, dst, off, src: imm(s.imm) } : undefined;
    default:
      if (mode === modes.atomic) return decodeAtomic(s, size);
      return mode === modes.mem && s.imm === 0 ? { kind: 'store', size, dst, off, src: reg(src) } : undefined;
  }
};

const decodeSlot = (s: Slot): Operation | undefined => {
  const cls = s.opcode & 7;
  if (cls === classes.alu || cls === classes.alu64) return decodeAlu(s, cls === classes.alu ? 32 : 64);
  if (cls === classes.jmp || cls === classes.jmp32) return decodeJump(s, cls === classes.jmp32 ? 32 : 64);
  return decodeMemory(s, cls);
};

const LD_IMM64 = classes.ld | sizes.dw | modes.imm;

/** RFC 9669 §5.4. The second slot holds nothing but an imm. */
const decodeImm64 = (s: Slot, second: Slot | undefined): Operation | undefined => {
  const form = imm64Names.get(s.src);
  if (!form || !second || s.off !== 0) return undefined;
  if (second.opcode || second.dst || second.src || second.off) return undefined;
  const value = (BigInt.asUintN(32, BigInt(second.imm)) << 32n) | BigInt.asUintN(32, BigInt(s.imm));
  return { kind: 'ld_imm64', form, dst: s.dst, imm: value };
};

/**
 * The instructions of a program, in order.
 * @throws RangeError when the size is not a multiple of 8 bytes.
 */
export const decodeProgram = (code: Uint8Array): Instruction[] => {
  if (code.byteLength % bpf.INSN_BYTES !== 0)
    throw new RangeError(`eBPF code has ${code.byteLength} bytes, which is not a multiple of 8`);
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const count = code.byteLength / bpf.INSN_BYTES;
  const out: Instruction[] = [];
  for (let slot = 0; slot < count; ) {
    const s = readSlot(view, slot);
    const wide = s.opcode === LD_IMM64;
    const decoded = wide
      ? decodeImm64(s, slot + 1 < count ? readSlot(view, slot + 1) : undefined)
      : decodeSlot(s);
    const operation: Operation = decoded ?? { kind: 'invalid', ...s };
    out.push({ ...operation, slot });
    slot += slotsOf(operation);
  }
  return out;
};

const encodeOperand = (cls: number, op: number, src: Operand) =>
  src.kind === 'reg'
    ? { opcode: cls | op | sources.x, src: src.reg, imm: 0 }
    : { opcode: cls | op | sources.k, src: 0, imm: src.imm };

const encodeAlu = (o: Alu): Slot => {
  const signed = o.op === 'sdiv' || o.op === 'smod';
  const op = o.op === 'sdiv' ? aluOps.div : o.op === 'smod' ? aluOps.mod : aluOps[o.op];
  const cls = o.width === 64 ? classes.alu64 : classes.alu;
  return { ...encodeOperand(cls, op, o.src), dst: o.dst, off: signed ? 1 : 0 };
};

const encodeCall = (o: Call): Slot => ({
  opcode: classes.jmp | jumpOps.call,
  dst: 0,
  src: callForms[o.form],
  off: 0,
  imm: o.imm,
});

const encodeSwap = (o: ByteSwap): Slot => {
  const cls = o.order === 'swap' ? classes.alu64 : classes.alu;
  const source = o.order === 'be' ? sources.x : sources.k;
  return { opcode: cls | aluOps.end | source, dst: o.dst, src: 0, off: 0, imm: o.bits };
};

const encodeAtomic = (o: Atomic): Slot => ({
  opcode: classes.stx | modes.atomic | sizeBits[o.size],
  dst: o.dst,
  src: o.src,
  off: o.off,
  imm: atomicOps[o.op] | (o.fetch ? atomicOps.fetch : 0),
});

const encodeStore = (o: Store): Slot => {
  const base = modes.mem | sizeBits[o.size];
  return o.src.kind === 'reg'
    ? { opcode: classes.stx | base, dst: o.dst, src: o.src.reg, off: o.off, imm: 0 }
    : { opcode: classes.st | base, dst: o.dst, src: 0, off: o.off, imm: o.src.imm };
};

const encodeJump = (o: Jump): Slot =>
  o.long
    ? { opcode: classes.jmp32 | jumpOps.ja, dst: 0, src: 0, off: 0, imm: o.off }
    : { opcode: classes.jmp | jumpOps.ja, dst: 0, src: 0, off: o.off, imm: 0 };

const encodeMovSx = (o: MovSx): Slot => {
  const cls = o.width === 64 ? classes.alu64 : classes.alu;
  return { opcode: cls | aluOps.mov | sources.x, dst: o.dst, src: o.src, off: o.bits, imm: 0 };
};

const plain = (opcode: number, dst = 0, src = 0, off = 0, value = 0): Slot => ({
  opcode,
  dst,
  src,
  off,
  imm: value,
});

const encodeOne = (o: Exclude<Operation, LoadImm64>): Slot => {
  switch (o.kind) {
    case 'alu':
      return encodeAlu(o);
    case 'neg':
      return plain((o.width === 64 ? classes.alu64 : classes.alu) | aluOps.neg, o.dst);
    case 'movsx':
      return encodeMovSx(o);
    case 'swap':
      return encodeSwap(o);
    case 'load':
      return plain(
        classes.ldx | (o.signed ? modes.memsx : modes.mem) | sizeBits[o.size],
        o.dst,
        o.src,
        o.off,
      );
    case 'store':
      return encodeStore(o);
    case 'atomic':
      return encodeAtomic(o);
    case 'jump':
      return encodeJump(o);
    case 'branch': {
      const cls = o.width === 64 ? classes.jmp : classes.jmp32;
      return { ...encodeOperand(cls, jumpOps[o.op], o.src), dst: o.dst, off: o.off };
    }
    case 'call':
      return encodeCall(o);
    case 'callx':
      return plain(classes.jmp | jumpOps.call | sources.x, o.dst);
    case 'exit':
      return plain(classes.jmp | jumpOps.exit);
    case 'ld_packet': {
      const mode = o.src === null ? modes.abs : modes.ind;
      return plain(classes.ld | mode | sizeBits[o.size], 0, o.src ?? 0, 0, o.imm);
    }
    case 'invalid':
      return o;
  }
};

const within = (value: number, bits: number) => value >= -(2 ** (bits - 1)) && value < 2 ** (bits - 1);

/** A slot that can't be encoded would otherwise be cut to something else. */
const check = (s: Slot, o: Operation) => {
  const fits = within(s.off, 16) && s.imm >= -(2 ** 31) && s.imm < 2 ** 32 && s.dst <= 15 && s.src <= 15;
  if (!fits) throw new RangeError(`${o.kind}: a field is out of range: off ${s.off}, imm ${s.imm}`);
};

/**
 * The bytes of a program, 8 per slot.
 * @throws RangeError when an offset or immediate does not fit its field.
 */
export const encodeProgram = (operations: readonly Operation[]): Uint8Array => {
  const count = operations.reduce((sum, o) => sum + slotsOf(o), 0);
  const code = new Uint8Array(count * bpf.INSN_BYTES);
  const view = new DataView(code.buffer);
  let slot = 0;
  for (const o of operations) {
    if (o.kind === 'ld_imm64') {
      writeSlot(view, slot, plain(LD_IMM64, o.dst, imm64Forms[o.form], 0, Number(BigInt.asIntN(32, o.imm))));
      writeSlot(view, slot + 1, plain(0, 0, 0, 0, Number(BigInt.asIntN(32, o.imm >> 32n))));
    } else {
      const s = encodeOne(o);
      check(s, o);
      writeSlot(view, slot, s);
    }
    slot += slotsOf(o);
  }
  return code;
};
