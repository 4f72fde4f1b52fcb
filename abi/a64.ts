/**
 * The A64 instruction forms that the JIT emits, each declared once: Arm Architecture Reference Manual, DDI 0487, section C6.2,
 * under the title given. Generates the C encoders of kernel-aarch64/gen/abi_a64.h; the TypeScript encoder serves the tests.
 *
 * `bits` reads as the manual's diagram, bit 31 first: literal ones and zeros, or `field:width`; `field[hi:lo]:width` places a
 * part of a field that is split in two; a field named twice is written twice.
 */

export type Form = { readonly title: string; readonly bits: string };

const immediates = {
  add_imm: { title: 'ADD (immediate)', bits: 'sf:1 0 0 100010 arith:13 rn:5 rd:5' },
  adds_imm: { title: 'ADDS (immediate)', bits: 'sf:1 0 1 100010 arith:13 rn:5 rd:5' },
  sub_imm: { title: 'SUB (immediate)', bits: 'sf:1 1 0 100010 arith:13 rn:5 rd:5' },
  subs_imm: { title: 'SUBS (immediate)', bits: 'sf:1 1 1 100010 arith:13 rn:5 rd:5' },
  and_imm: { title: 'AND (immediate)', bits: 'sf:1 00 100100 mask:13 rn:5 rd:5' },
  orr_imm: { title: 'ORR (immediate)', bits: 'sf:1 01 100100 mask:13 rn:5 rd:5' },
  eor_imm: { title: 'EOR (immediate)', bits: 'sf:1 10 100100 mask:13 rn:5 rd:5' },
  ands_imm: { title: 'ANDS (immediate)', bits: 'sf:1 11 100100 mask:13 rn:5 rd:5' },
  movn: { title: 'MOVN', bits: 'sf:1 00 100101 wide:18 rd:5' },
  movz: { title: 'MOVZ', bits: 'sf:1 10 100101 wide:18 rd:5' },
  movk: { title: 'MOVK', bits: 'sf:1 11 100101 wide:18 rd:5' },
  sbfm: { title: 'SBFM', bits: 'sf:1 00 100110 sf:1 field:12 rn:5 rd:5' },
  bfm: { title: 'BFM', bits: 'sf:1 01 100110 sf:1 field:12 rn:5 rd:5' },
  ubfm: { title: 'UBFM', bits: 'sf:1 10 100110 sf:1 field:12 rn:5 rd:5' },
  extr: { title: 'EXTR', bits: 'sf:1 00 100111 sf:1 0 rm:5 amount:6 rn:5 rd:5' },
} as const satisfies Record<string, Form>;

const registers = {
  add: { title: 'ADD (shifted register)', bits: 'sf:1 0 0 01011 shift:2 0 rm:5 amount:6 rn:5 rd:5' },
  sub: { title: 'SUB (shifted register)', bits: 'sf:1 1 0 01011 shift:2 0 rm:5 amount:6 rn:5 rd:5' },
  subs: { title: 'SUBS (shifted register)', bits: 'sf:1 1 1 01011 shift:2 0 rm:5 amount:6 rn:5 rd:5' },
  add_ext: { title: 'ADD (extended register)', bits: 'sf:1 0 0 01011 00 1 rm:5 option:3 left:3 rn:5 rd:5' },
  sub_ext: { title: 'SUB (extended register)', bits: 'sf:1 1 0 01011 00 1 rm:5 option:3 left:3 rn:5 rd:5' },
  subs_ext: { title: 'SUBS (extended register)', bits: 'sf:1 1 1 01011 00 1 rm:5 option:3 left:3 rn:5 rd:5' },
  and: { title: 'AND (shifted register)', bits: 'sf:1 00 01010 shift:2 0 rm:5 amount:6 rn:5 rd:5' },
  bic: { title: 'BIC (shifted register)', bits: 'sf:1 00 01010 shift:2 1 rm:5 amount:6 rn:5 rd:5' },
  orr: { title: 'ORR (shifted register)', bits: 'sf:1 01 01010 shift:2 0 rm:5 amount:6 rn:5 rd:5' },
  orn: { title: 'ORN (shifted register)', bits: 'sf:1 01 01010 shift:2 1 rm:5 amount:6 rn:5 rd:5' },
  eor: { title: 'EOR (shifted register)', bits: 'sf:1 10 01010 shift:2 0 rm:5 amount:6 rn:5 rd:5' },
  eon: { title: 'EON (shifted register)', bits: 'sf:1 10 01010 shift:2 1 rm:5 amount:6 rn:5 rd:5' },
  ands: { title: 'ANDS (shifted register)', bits: 'sf:1 11 01010 shift:2 0 rm:5 amount:6 rn:5 rd:5' },
  madd: { title: 'MADD', bits: 'sf:1 00 11011 000 rm:5 0 ra:5 rn:5 rd:5' },
  msub: { title: 'MSUB', bits: 'sf:1 00 11011 000 rm:5 1 ra:5 rn:5 rd:5' },
  umaddl: { title: 'UMADDL', bits: '1 00 11011 101 rm:5 0 ra:5 rn:5 rd:5' },
  smaddl: { title: 'SMADDL', bits: '1 00 11011 001 rm:5 0 ra:5 rn:5 rd:5' },
  umulh: { title: 'UMULH', bits: '1 00 11011 110 rm:5 0 11111 rn:5 rd:5' },
  udiv: { title: 'UDIV', bits: 'sf:1 0 0 11010110 rm:5 000010 rn:5 rd:5' },
  sdiv: { title: 'SDIV', bits: 'sf:1 0 0 11010110 rm:5 000011 rn:5 rd:5' },
  lslv: { title: 'LSLV', bits: 'sf:1 0 0 11010110 rm:5 001000 rn:5 rd:5' },
  lsrv: { title: 'LSRV', bits: 'sf:1 0 0 11010110 rm:5 001001 rn:5 rd:5' },
  asrv: { title: 'ASRV', bits: 'sf:1 0 0 11010110 rm:5 001010 rn:5 rd:5' },
  rev16: { title: 'REV16', bits: 'sf:1 1 0 11010110 00000 000001 rn:5 rd:5' },
  rev_w: { title: 'REV', bits: '0 1 0 11010110 00000 000010 rn:5 rd:5' },
  rev_x: { title: 'REV', bits: '1 1 0 11010110 00000 000011 rn:5 rd:5' },
  csel: { title: 'CSEL', bits: 'sf:1 0 0 11010100 rm:5 cond:4 00 rn:5 rd:5' },
  csinc: { title: 'CSINC', bits: 'sf:1 0 0 11010100 rm:5 cond:4 01 rn:5 rd:5' },
  csinv: { title: 'CSINV', bits: 'sf:1 1 0 11010100 rm:5 cond:4 00 rn:5 rd:5' },
  csneg: { title: 'CSNEG', bits: 'sf:1 1 0 11010100 rm:5 cond:4 01 rn:5 rd:5' },
} as const satisfies Record<string, Form>;

const branches = {
  b: { title: 'B', bits: '000101 target26:26' },
  bl: { title: 'BL', bits: '100101 target26:26' },
  adr: { title: 'ADR', bits: '0 00 10000 target19:19 rd:5' },
  b_cond: { title: 'B.cond', bits: '01010100 target19:19 0 cond:4' },
  cbz: { title: 'CBZ', bits: 'sf:1 011010 0 target19:19 rt:5' },
  cbnz: { title: 'CBNZ', bits: 'sf:1 011010 1 target19:19 rt:5' },
  tbz: { title: 'TBZ', bits: 'bit[5:5]:1 011011 0 bit[4:0]:5 target14:14 rt:5' },
  tbnz: { title: 'TBNZ', bits: 'bit[5:5]:1 011011 1 bit[4:0]:5 target14:14 rt:5' },
  blr: { title: 'BLR', bits: '1101011000111111000000 rn:5 00000' },
  ret: { title: 'RET', bits: '1101011001011111000000 rn:5 00000' },
  nop: { title: 'NOP', bits: '11010101000000110010000000011111' },
  bti_c: { title: 'BTI', bits: '11010101000000110010010001011111' },
  csdb: { title: 'CSDB', bits: '11010101000000110010001010011111' },
  dmb_ish: { title: 'DMB', bits: '11010101000000110011101110111111' },
  dsb_nsh: { title: 'DSB', bits: '11010101000000110011011110011111' },
  isb: { title: 'ISB', bits: '11010101000000110011111111011111' },
} as const satisfies Record<string, Form>;

/** `size` is log2 of the bytes accessed. */
const memory = {
  str_scaled: { title: 'STR (immediate), unsigned offset', bits: 'size:2 111001 00 scaled:12 rn:5 rt:5' },
  ldr_scaled: { title: 'LDR (immediate), unsigned offset', bits: 'size:2 111001 01 scaled:12 rn:5 rt:5' },
  ldrs_scaled: { title: 'LDRSB, LDRSH, LDRSW (immediate)', bits: 'size:2 111001 10 scaled:12 rn:5 rt:5' },
  ldrs_w_scaled: { title: 'LDRSB, LDRSH (immediate), 32 bits', bits: 'size:2 111001 11 scaled:12 rn:5 rt:5' },
  stur: { title: 'STUR', bits: 'size:2 111000 00 0 unscaled:9 00 rn:5 rt:5' },
  ldur: { title: 'LDUR', bits: 'size:2 111000 01 0 unscaled:9 00 rn:5 rt:5' },
  ldurs: { title: 'LDURSB, LDURSH, LDURSW', bits: 'size:2 111000 10 0 unscaled:9 00 rn:5 rt:5' },
  ldurs_w: { title: 'LDURSB, LDURSH, 32 bits', bits: 'size:2 111000 11 0 unscaled:9 00 rn:5 rt:5' },
  str_reg: { title: 'STR (register)', bits: 'size:2 111000 00 1 rm:5 option:3 scale:1 10 rn:5 rt:5' },
  ldr_reg: { title: 'LDR (register)', bits: 'size:2 111000 01 1 rm:5 option:3 scale:1 10 rn:5 rt:5' },
  ldrs_reg: {
    title: 'LDRSB, LDRSH, LDRSW (register)',
    bits: 'size:2 111000 10 1 rm:5 option:3 scale:1 10 rn:5 rt:5',
  },
  ldrs_w_reg: {
    title: 'LDRSB, LDRSH (register), 32 bits',
    bits: 'size:2 111000 11 1 rm:5 option:3 scale:1 10 rn:5 rt:5',
  },
  str_pre: { title: 'STR (immediate), pre-index', bits: '11 111000 00 0 unscaled:9 11 rn:5 rt:5' },
  ldr_post: { title: 'LDR (immediate), post-index', bits: '11 111000 01 0 unscaled:9 01 rn:5 rt:5' },
  stp: { title: 'STP, signed offset', bits: 'sf:1 0 101 0 010 0 paired:7 rt2:5 rn:5 rt:5' },
  ldp: { title: 'LDP, signed offset', bits: 'sf:1 0 101 0 010 1 paired:7 rt2:5 rn:5 rt:5' },
  stp_pre: { title: 'STP, pre-index', bits: '1 0 101 0 011 0 paired:7 rt2:5 rn:5 rt:5' },
  ldp_post: { title: 'LDP, post-index', bits: '1 0 101 0 001 1 paired:7 rt2:5 rn:5 rt:5' },
} as const satisfies Record<string, Form>;

/** Exclusives (ARMv8.0) and LSE (FEAT_LSE); size is 2 for 32 bits, 3 for 64. */
const atomics = {
  ldxr: { title: 'LDXR', bits: 'size:2 001000 010 11111 0 11111 rn:5 rt:5' },
  ldar: { title: 'LDAR', bits: 'size:2 001000 110 11111 1 11111 rn:5 rt:5' },
  stlr: { title: 'STLR', bits: 'size:2 001000 100 11111 1 11111 rn:5 rt:5' },
  ldaxr: { title: 'LDAXR', bits: 'size:2 001000 010 11111 1 11111 rn:5 rt:5' },
  stxr: { title: 'STXR', bits: 'size:2 001000 000 rs:5 0 11111 rn:5 rt:5' },
  stlxr: { title: 'STLXR', bits: 'size:2 001000 000 rs:5 1 11111 rn:5 rt:5' },
  ldadd: { title: 'LDADD', bits: 'size:2 111000 00 1 rs:5 0 000 00 rn:5 rt:5' },
  ldclr: { title: 'LDCLR', bits: 'size:2 111000 00 1 rs:5 0 001 00 rn:5 rt:5' },
  ldeor: { title: 'LDEOR', bits: 'size:2 111000 00 1 rs:5 0 010 00 rn:5 rt:5' },
  ldset: { title: 'LDSET', bits: 'size:2 111000 00 1 rs:5 0 011 00 rn:5 rt:5' },
  ldaddal: { title: 'LDADDAL', bits: 'size:2 111000 11 1 rs:5 0 000 00 rn:5 rt:5' },
  ldclral: { title: 'LDCLRAL', bits: 'size:2 111000 11 1 rs:5 0 001 00 rn:5 rt:5' },
  ldeoral: { title: 'LDEORAL', bits: 'size:2 111000 11 1 rs:5 0 010 00 rn:5 rt:5' },
  ldsetal: { title: 'LDSETAL', bits: 'size:2 111000 11 1 rs:5 0 011 00 rn:5 rt:5' },
  swpal: { title: 'SWPAL', bits: 'size:2 111000 11 1 rs:5 1 000 00 rn:5 rt:5' },
  casal: { title: 'CASAL', bits: 'size:2 001000 1 1 1 rs:5 1 11111 rn:5 rt:5' },
} as const satisfies Record<string, Form>;

/**
 * Vectors (DDI 0487, C7.2): registers `v…`, `esize` is log2 of the element's bytes, `lanes` whether 8 or 16 bytes take part; of
 * the forms that widen, the upper 8 bytes of their sources. Offsets of `q` forms are in units of 16 bytes.
 */
const vectorMemory = {
  ldr_v: { title: 'LDR (immediate, SIMD&FP), unsigned offset', bits: 'size:2 111101 01 scaled:12 rn:5 vt:5' },
  str_v: { title: 'STR (immediate, SIMD&FP), unsigned offset', bits: 'size:2 111101 00 scaled:12 rn:5 vt:5' },
  ldr_q: { title: 'LDR (immediate, SIMD&FP), unsigned offset', bits: '00 111101 11 scaled:12 rn:5 vt:5' },
  str_q: { title: 'STR (immediate, SIMD&FP), unsigned offset', bits: '00 111101 10 scaled:12 rn:5 vt:5' },
  ldur_v: { title: 'LDUR (SIMD&FP)', bits: 'size:2 111100 01 0 unscaled:9 00 rn:5 vt:5' },
  stur_v: { title: 'STUR (SIMD&FP)', bits: 'size:2 111100 00 0 unscaled:9 00 rn:5 vt:5' },
  ldur_q: { title: 'LDUR (SIMD&FP)', bits: '00 111100 11 0 unscaled:9 00 rn:5 vt:5' },
  stur_q: { title: 'STUR (SIMD&FP)', bits: '00 111100 10 0 unscaled:9 00 rn:5 vt:5' },
  str_s_post: {
    title: 'STR (immediate, SIMD&FP), post-index',
    bits: '10 111100 00 0 unscaled:9 01 rn:5 vt:5',
  },
  str_q_post: {
    title: 'STR (immediate, SIMD&FP), post-index',
    bits: '00 111100 10 0 unscaled:9 01 rn:5 vt:5',
  },
  ldr_q_post: {
    title: 'LDR (immediate, SIMD&FP), post-index',
    bits: '00 111100 11 0 unscaled:9 01 rn:5 vt:5',
  },
  ldp_q: { title: 'LDP (SIMD&FP), signed offset', bits: '10 101 1 010 1 paired:7 vt2:5 rn:5 vt:5' },
  stp_q: { title: 'STP (SIMD&FP), signed offset', bits: '10 101 1 010 0 paired:7 vt2:5 rn:5 vt:5' },
  ldp_q_post: { title: 'LDP (SIMD&FP), post-index', bits: '10 101 1 001 1 paired:7 vt2:5 rn:5 vt:5' },
  stp_q_post: { title: 'STP (SIMD&FP), post-index', bits: '10 101 1 001 0 paired:7 vt2:5 rn:5 vt:5' },
  ld1r: { title: 'LD1R', bits: '0 lanes:1 0011010 1 0 00000 110 0 esize:2 rn:5 vt:5' },
} as const satisfies Record<string, Form>;

const vectorArithmetic = {
  add_v: { title: 'ADD (vector)', bits: '0 lanes:1 0 01110 esize:2 1 vm:5 10000 1 vn:5 vd:5' },
  addp_v: { title: 'ADDP (vector)', bits: '0 lanes:1 0 01110 esize:2 1 vm:5 10111 1 vn:5 vd:5' },
  eor_v: { title: 'EOR (vector)', bits: '0 lanes:1 1 01110 00 1 vm:5 00011 1 vn:5 vd:5' },
  umax_v: { title: 'UMAX', bits: '0 lanes:1 1 01110 esize:2 1 vm:5 01100 1 vn:5 vd:5' },
  umin_v: { title: 'UMIN', bits: '0 lanes:1 1 01110 esize:2 1 vm:5 01101 1 vn:5 vd:5' },
  smax_v: { title: 'SMAX', bits: '0 lanes:1 0 01110 esize:2 1 vm:5 01100 1 vn:5 vd:5' },
  smin_v: { title: 'SMIN', bits: '0 lanes:1 0 01110 esize:2 1 vm:5 01101 1 vn:5 vd:5' },
  sdot_v: { title: 'SDOT (vector)', bits: '0 lanes:1 0 01110 10 0 vm:5 100101 vn:5 vd:5' },
  smull_v: { title: 'SMULL, SMULL2 (vector)', bits: '0 lanes:1 0 01110 esize:2 1 vm:5 110000 vn:5 vd:5' },
  smlal_v: { title: 'SMLAL, SMLAL2 (vector)', bits: '0 lanes:1 0 01110 esize:2 1 vm:5 100000 vn:5 vd:5' },
  uaddlp: { title: 'UADDLP', bits: '0 lanes:1 1 01110 esize:2 10000 00010 10 vn:5 vd:5' },
  uadalp: { title: 'UADALP', bits: '0 lanes:1 1 01110 esize:2 10000 00110 10 vn:5 vd:5' },
  saddlp: { title: 'SADDLP', bits: '0 lanes:1 0 01110 esize:2 10000 00010 10 vn:5 vd:5' },
  sadalp: { title: 'SADALP', bits: '0 lanes:1 0 01110 esize:2 10000 00110 10 vn:5 vd:5' },
  uaddlv: { title: 'UADDLV', bits: '0 lanes:1 1 01110 esize:2 11000 00011 10 vn:5 vd:5' },
  addv: { title: 'ADDV', bits: '0 lanes:1 0 01110 esize:2 11000 11011 10 vn:5 vd:5' },
  umaxv: { title: 'UMAXV', bits: '0 lanes:1 1 01110 esize:2 11000 01010 10 vn:5 vd:5' },
  uminv: { title: 'UMINV', bits: '0 lanes:1 1 01110 esize:2 11000 11010 10 vn:5 vd:5' },
  smaxv: { title: 'SMAXV', bits: '0 lanes:1 0 01110 esize:2 11000 01010 10 vn:5 vd:5' },
  sminv: { title: 'SMINV', bits: '0 lanes:1 0 01110 esize:2 11000 11010 10 vn:5 vd:5' },
  addp_d: { title: 'ADDP (scalar)', bits: '01 0 11110 11 11000 11011 10 vn:5 vd:5' },
  ushr_d: { title: 'USHR (scalar)', bits: '01 1 111110 right:7 00000 1 vn:5 vd:5' },
  ext: { title: 'EXT', bits: '0 1 1 01110 00 0 vm:5 0 index:4 0 vn:5 vd:5' },
  movi_zero: { title: 'MOVI, 64-bit', bits: '0 1 1 01111 00000 000 1110 0 1 00000 vd:5' },
  movi_byte: { title: 'MOVI, 8-bit', bits: '0 1 0 01111 00000 byte[7:5]:3 1110 0 1 byte[4:0]:5 vd:5' },
  dup_byte: { title: 'DUP (general)', bits: '0 1 0 01110 000 00001 0 0001 1 rn:5 vd:5' },
  ins_h: { title: 'INS (general), 16 bits', bits: '0 1 0 01110 000 lane:3 10 0 0011 1 rn:5 vd:5' },
  ins_h1: { title: 'INS (element): H[1] from H[0]', bits: '0 1 1 01110 000 00110 0 0000 1 vn:5 vd:5' },
  ins_s1: { title: 'INS (element): S[1] from S[0]', bits: '0 1 1 01110 000 01100 0 0000 1 vn:5 vd:5' },
  ins_d1: { title: 'INS (element): D[1] from D[0]', bits: '0 1 1 01110 000 11000 0 0000 1 vn:5 vd:5' },
  fmov_w: { title: 'FMOV (general), single to 32 bits', bits: '0 0 0 11110 00 1 00 110 000000 vn:5 rd:5' },
  fmov_x: { title: 'FMOV (general), double to 64 bits', bits: '1 0 0 11110 01 1 00 110 000000 vn:5 rd:5' },
  smov_s: { title: 'SMOV: S[0] to 64 bits', bits: '0 1 0 01110 000 00100 0 0101 1 vn:5 rd:5' },
  crc32b: { title: 'CRC32B', bits: '0 0 0 11010110 rm:5 010 0 00 rn:5 rd:5' },
  crc32h: { title: 'CRC32H', bits: '0 0 0 11010110 rm:5 010 0 01 rn:5 rd:5' },
  crc32w: { title: 'CRC32W', bits: '0 0 0 11010110 rm:5 010 0 10 rn:5 rd:5' },
  crc32x: { title: 'CRC32X', bits: '1 0 0 11010110 rm:5 010 0 11 rn:5 rd:5' },
} as const satisfies Record<string, Form>;

export const forms = {
  ...immediates,
  ...registers,
  ...branches,
  ...memory,
  ...atomics,
  ...vectorMemory,
  ...vectorArithmetic,
} as const;
export type FormName = keyof typeof forms;

/** Operand fields that name a choice; the C encoders take them as enums, so nothing else fits. */
export const choices = {
  sf: { type: 'a64_width', values: ['w', 'x'] },
  shift: { type: 'a64_shift', values: ['lsl', 'lsr', 'asr'] },
  option: { type: 'a64_extend', values: ['uxtb', 'uxth', 'uxtw', 'uxtx', 'sxtb', 'sxth', 'sxtw', 'sxtx'] },
  size: { type: 'a64_size', values: ['b', 'h', 's', 'd'] },
  esize: { type: 'a64_element', values: ['b', 'h', 's', 'd'] },
  lanes: { type: 'a64_lanes', values: ['lower', 'full'] },
  scale: { type: 'a64_scale', values: ['unscaled', 'scaled'] },
  cond: {
    type: 'a64_cond',
    values: ['eq', 'ne', 'hs', 'lo', 'mi', 'pl', 'vs', 'vc', 'hi', 'ls', 'ge', 'lt', 'gt', 'le', 'al', 'nv'],
  },
} as const satisfies Record<string, { type: string; values: readonly string[] }>;

/** Immediate fields; in C each has its own type, which only the constructors of bpf/jit/immediate.h make. */
export const immediateFields = {
  arith: 'sh:imm12 of ADD and SUB: 12 bits, or 12 bits shifted left by 12',
  mask: 'N:immr:imms, a bitmask immediate (DDI 0487, shared/functions: DecodeBitMasks)',
  wide: 'hw:imm16 of MOVZ, MOVN and MOVK',
  field: 'immr:imms of SBFM, BFM and UBFM',
  amount: 'shift of a register operand, 0..63',
  left: 'left shift of an extended register, 0..4',
  scaled: 'unsigned offset in units of the access size, 0..4095',
  unscaled: 'signed offset in bytes, -256..255',
  paired: 'signed offset of a pair in units of the register size, -64..63',
  target26: 'signed distance in words, 26 bits',
  target19: 'signed distance in words, 19 bits',
  target14: 'signed distance in words, 14 bits',
  bit: 'bit number, 0..63',
  right: 'right shift of 64 bits, 1..64, as 128 less the shift',
  index: 'number of a byte, 0..15',
  lane: 'number of a halfword, 0..7',
  byte: '8 bits',
} as const;

export type Placement = {
  readonly field?: string;
  readonly fromBit: number;
  readonly toBit: number;
  readonly width: number;
};
export type Layout = { readonly fixed: number; readonly placements: readonly Placement[] };

const token = /^(?:([01]+)|([a-z]\w*)(?:\[(\d+):(\d+)\])?:(\d+))$/;

/** Fixed bits and where each field goes. Throws when a form is not 32 bits wide. */
export const layout = (form: Form): Layout => {
  let bit = 32;
  let fixed = 0;
  const placements: Placement[] = [];
  for (const part of form.bits.split(' ')) {
    const [, literal, field, , low, size] = token.exec(part) ?? [];
    const width = literal?.length ?? Number(size);
    bit -= width;
    if (literal) fixed += Number.parseInt(literal, 2) * 2 ** bit;
    else placements.push({ field: field!, fromBit: Number(low ?? 0), toBit: bit, width });
  }
  if (bit !== 0) throw new Error(`A64 form "${form.title}" is ${32 - bit} bits wide, not 32: ${form.bits}`);
  return { fixed, placements };
};

/** Names of the operand fields of a form, from the lowest bit up, as the C encoder takes them. */
export const operands = (form: Form): string[] => [
  ...new Set(
    layout(form)
      .placements.map((p) => p.field!)
      .reverse(),
  ),
];

/** Encodes a form from raw field values (already masked to their width). */
export const encode = (name: FormName, fields: Record<string, number>): number => {
  const { fixed, placements } = layout(forms[name]);
  const place = (word: number, p: Placement) =>
    word + (Math.floor(fields[p.field!]! / 2 ** p.fromBit) % 2 ** p.width) * 2 ** p.toBit;
  return placements.reduce(place, fixed);
};
