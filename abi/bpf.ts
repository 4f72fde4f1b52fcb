/** The eBPF instruction set, RFC 9669: field values by name. Generates the C constants and drives assembler and disassembler. */

/** §3: instruction classes, opcode bits 0..2. */
export const classes = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, jmp32: 6, alu64: 7 } as const;

/** §4.1: ALU operations, opcode bits 4..7. */
export const aluOps = {
  add: 0x00,
  sub: 0x10,
  mul: 0x20,
  div: 0x30,
  or: 0x40,
  and: 0x50,
  lsh: 0x60,
  rsh: 0x70,
  neg: 0x80,
  mod: 0x90,
  xor: 0xa0,
  mov: 0xb0,
  arsh: 0xc0,
  end: 0xd0,
} as const;

/** §4.3: jump operations, opcode bits 4..7. */
export const jumpOps = {
  ja: 0x00,
  jeq: 0x10,
  jgt: 0x20,
  jge: 0x30,
  jset: 0x40,
  jne: 0x50,
  jsgt: 0x60,
  jsge: 0x70,
  call: 0x80,
  exit: 0x90,
  jlt: 0xa0,
  jle: 0xb0,
  jslt: 0xc0,
  jsle: 0xd0,
} as const;

/** §4: source operand, opcode bit 3. */
export const sources = { k: 0x00, x: 0x08 } as const;

/** §5: access sizes, opcode bits 3..4. */
export const sizes = { w: 0x00, h: 0x08, b: 0x10, dw: 0x18 } as const;

/** §5: modes, opcode bits 5..7. */
export const modes = { imm: 0x00, abs: 0x20, ind: 0x40, mem: 0x60, memsx: 0x80, atomic: 0xc0 } as const;

/** §5.3: atomic operations, in imm; `fetch` is a modifier. */
export const atomicOps = {
  add: 0x00,
  or: 0x40,
  and: 0x50,
  xor: 0xa0,
  fetch: 0x01,
  xchg: 0xe1,
  cmpxchg: 0xf1,
} as const;

/** §4.3.1 and §5.4: meaning of src_reg in call and in ld_imm64 (Linux's BPF_PSEUDO_*). */
export const pseudo = {
  call_helper: 0,
  call_local: 1,
  imm64_number: 0,
  imm64_map: 1,
  imm64_map_value: 2,
  imm64_function: 4,
} as const;

/** Size in bytes of one instruction slot. */
export const INSN_BYTES = 8;
/** Size in bytes of a stack frame. */
export const STACK_BYTES = 512;
/** Deepest nesting of local calls, the main function included. */
export const MAX_CALL_FRAMES = 8;
