/** Rule families, run backwards: each makes a fast instruction slow. What it makes is the same by the algebra of its rule. */
import type { Alu, AluOp, Operand, Size, Width } from '../../../ebpf/instruction.ts';
import type { Random } from '../../../ebpf/random.ts';
import type { PlainOperation } from '../../window/window.ts';

/** Registers here are names without number limits: one per value that is computed in place (webs.ts). */
export type Surroundings = {
  readonly random: Random;
  /** A register that nothing else uses. */
  readonly fresh: () => number;
  /** Bits above this one are zero in the register before the operation; 64 when nothing is known. */
  readonly bits: (register: number) => number;
  /** True when nothing reads the register behind the operation at `index`, unless it is written first. */
  readonly dead: (register: number, index: number) => boolean;
};

export type Expansion = {
  /** Operations taken out, from the given one on. */
  readonly consumed: number;
  readonly pieces: readonly PlainOperation[];
};

export type Family = {
  readonly name: string;
  /** How often it is tried, relative to the others. */
  readonly weight: number;
  /** Slow code for the operation at `index`; undefined where the family does not fit. */
  readonly expand: (
    ops: readonly PlainOperation[],
    index: number,
    around: Surroundings,
  ) => Expansion | undefined;
};

export const reg = (r: number): Operand => ({ kind: 'reg', reg: r });
export const imm = (value: number): Operand => ({ kind: 'imm', imm: value | 0 });

const operand = (src: Operand | number) => (typeof src === 'number' ? reg(src) : src);

export const alu = (width: Width, op: AluOp, dst: number, src: Operand | number): Alu => ({
  kind: 'alu',
  width,
  op,
  dst,
  src: operand(src),
});
export const mov = (dst: number, src: Operand | number, width: Width = 64): Alu =>
  alu(width, 'mov', dst, src);
export const load = (size: Size, dst: number, src: number, off: number): PlainOperation => ({
  kind: 'load',
  size,
  signed: false,
  dst,
  src,
  off,
});
export const store = (size: Size, dst: number, off: number, src: Operand | number): PlainOperation => ({
  kind: 'store',
  size,
  dst,
  off,
  src: operand(src),
});

/** Register operand of a two-register operation that is not its own destination. */
export const otherOperand = (op: PlainOperation): number | undefined =>
  op.kind === 'alu' && op.src.kind === 'reg' && op.src.reg !== op.dst ? op.src.reg : undefined;

export const one = (...pieces: PlainOperation[]): Expansion => ({ consumed: 1, pieces });
export const two = (...pieces: PlainOperation[]): Expansion => ({ consumed: 2, pieces });
