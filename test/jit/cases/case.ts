/** Conformance cases of RFC 9669: a program, the memory it starts with, and what must come out, by a model in BigInt. */

export type Case = {
  readonly name: string;
  /** Instructions, hex. r1 is the address of the memory, r2 its length. */
  readonly code: string;
  /** Memory before, hex. */
  readonly mem: string;
  readonly r0: bigint;
  /** Memory after, hex; as before when it is left out. */
  readonly memAfter?: string;
};

const hexByte = (value: number) => (value & 255).toString(16).padStart(2, '0');

/** `size` bytes of a value, little-endian, as hex. */
export const hexOf = (value: bigint, size = 8): string =>
  Array.from({ length: size }, (_, i) => hexByte(Number((value >> BigInt(8 * i)) & 255n))).join('');

/** One instruction slot, as hex. */
export const insn = (opcode: number, dst = 0, src = 0, off = 0, imm = 0): string =>
  hexByte(opcode) + hexByte(dst | (src << 4)) + hexOf(BigInt(off), 2) + hexOf(BigInt(imm), 4);

export const EXIT = insn(0x95);
/** dst = *(u64 *)(src + off) */
export const load64 = (dst: number, src: number, off = 0) => insn(0x79, dst, src, off);
/** dst = imm, sign-extended */
export const movImm = (dst: number, imm: number) => insn(0xb7, dst, 0, 0, imm);

export const MASK32 = 0xffffffffn;
export const u64 = (value: bigint) => BigInt.asUintN(64, value);
export const i64 = (value: bigint) => BigInt.asIntN(64, value);
export const u32 = (value: bigint) => BigInt.asUintN(32, value);
export const i32 = (value: bigint) => BigInt.asIntN(32, value);

/** Values at which arithmetic goes wrong when it does. */
export const EDGES = [
  0n,
  1n,
  2n,
  0x7fn,
  0x80n,
  0xffn,
  0x8000n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x1122334455667788n,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0xffffffff80000000n,
  0xfffffffffffffff9n,
  0xffffffffffffffffn,
] as const;

/** Constants of every kind that A64 encodes differently. */
export const IMMEDIATES = [
  0, 1, 2, 3, 7, 8, 31, 63, 100, 0xff, 0xff0, 0xfff, 0x1000, 0xfff000, 0xffffff, 0x1000001, 0x12345678,
  0x55555555, 0x7fffffff, -1, -2, -8, -4095, -4096, -0x1000000, -0x12345678, -0x80000000,
] as const;
