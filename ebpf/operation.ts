/** eBPF operations as typed values, RFC 9669. */

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

/** The slot of the function whose address this loads when it stands at `slot`; undefined for anything else. */
export const addressedBy = (operation: Operation, slot: number): number | undefined =>
  operation.kind === 'ld_imm64' && operation.form === 'function'
    ? slot + 1 + Number(BigInt.asIntN(32, operation.imm))
    : undefined;
