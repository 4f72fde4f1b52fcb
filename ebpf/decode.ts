/** Bytes to operations. Whatever RFC 9669 does not define, or defines with other reserved fields, is kept as `invalid`. */
import { bpf } from '../abi/index.ts';
import {
  type Instruction,
  type Operand,
  type Operation,
  type Size,
  slotsOf,
  type Width,
} from './operation.ts';
import {
  aluNames,
  callNames,
  imm64Names,
  jumpNames,
  LD_IMM64,
  readSlot,
  type Slot,
  sizeBytes,
} from './slot.ts';

const { classes, sources, modes, atomicOps } = bpf;

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
