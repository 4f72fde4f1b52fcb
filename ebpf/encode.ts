/** Operations to bytes: the exact inverse of decoding. */
import { bpf } from '../abi/index.ts';
import {
  type Alu,
  type Atomic,
  type ByteSwap,
  type Call,
  type Jump,
  type LoadImm64,
  type MovSx,
  type Operand,
  type Operation,
  type Store,
  slotsOf,
} from './operation.ts';
import { callForms, imm64Forms, LD_IMM64, type Slot, sizeBits, writeSlot } from './slot.ts';

const { classes, aluOps, jumpOps, sources, modes, atomicOps } = bpf;

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
      const low = plain(LD_IMM64, o.dst, imm64Forms[o.form], 0, Number(BigInt.asIntN(32, o.imm)));
      check(low, o);
      writeSlot(view, slot, low);
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
