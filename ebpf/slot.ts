/** One slot of code, and the tables of abi/bpf.ts both ways round. */
import { bpf } from '../abi/index.ts';
import type { Size } from './operation.ts';

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

const { classes, aluOps, jumpOps, sizes, modes, pseudo } = bpf;
export const aluNames = invert(aluOps);
export const jumpNames = invert(jumpOps);
export const sizeBytes: Readonly<Record<number, Size>> = {
  [sizes.b]: 1,
  [sizes.h]: 2,
  [sizes.w]: 4,
  [sizes.dw]: 8,
};
export const sizeBits = { 1: sizes.b, 2: sizes.h, 4: sizes.w, 8: sizes.dw } as const;
export const imm64Forms = {
  number: pseudo.imm64_number,
  map: pseudo.imm64_map,
  map_value: pseudo.imm64_map_value,
  function: pseudo.imm64_function,
} as const;
export const imm64Names = invert(imm64Forms);
export const callForms = { helper: pseudo.call_helper, local: pseudo.call_local, btf: 2 } as const;
export const callNames = invert(callForms);

/** Opcode of the one instruction that takes two slots. */
export const LD_IMM64 = classes.ld | sizes.dw | modes.imm;
