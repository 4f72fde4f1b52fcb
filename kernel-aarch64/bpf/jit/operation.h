#pragma once
/* Pieces of the ALU part of selection (RFC 9669 §4.1). `is_wide` says 64 bits, else 32 with the upper half zero. */

#include "bpf/jit/operand.h"

static inline bool is_wide_class(struct insn insn) { return insn.bits & 1; } /* BPF_CLASS_ALU64, not BPF_CLASS_ALU */
static inline enum a64_width width_of(bool is_wide) { return is_wide ? A64_WIDTH_X : A64_WIDTH_W; }
static inline uint32_t result_bits(bool is_wide) { return is_wide ? 64 : 32; }
static inline bool is_power_of_two(uint64_t value) { return value && !(value & (value - 1)); }
static inline uint32_t log2_of(uint64_t value) { return (uint32_t)__builtin_ctzll(value); }

/* Makes reg_of() possible: the operand in a register, at the width of the operation. May emit. */
static inline void ensure(struct jit *j, uint32_t reg, bool is_wide) {
    if (is_wide) { return ensure_reg(j, reg); }
    ensure_reg32(j, reg);
}
static inline enum a64_reg reg_of(const struct jit *j, uint32_t reg) { return value_reg32(j, reg); }

/* derive.c: sets dst to a field of a register (field.h), which is noted, not computed. */
void derive_shift_left(struct jit *j, uint32_t dst, uint32_t by, bool is_wide);
void derive_shift_right(struct jit *j, uint32_t dst, uint32_t by, bool is_wide);
void derive_shift_right_signed(struct jit *j, uint32_t dst, uint32_t by, bool is_wide);
void derive_low(struct jit *j, uint32_t dst, uint32_t src, uint32_t bits); /* zero above the low bits */
void derive_signed(struct jit *j, uint32_t dst, uint32_t src, uint32_t bits, bool is_wide);
void derive_negated_bit(struct jit *j, uint32_t dst, bool is_wide);

/* Sets dst to the value of src: noted. */
void copy_value(struct jit *j, uint32_t dst, uint32_t src);

/* operate.c: dst = a <op> b, computed; b is folded as a shifted or extended operand when it can be. */
void operate(struct jit *j, uint32_t dst, enum alu_form form, uint32_t a, uint32_t b, bool is_wide);
void operate_commutative(struct jit *j, uint32_t dst, enum alu_form form, uint32_t src, bool is_wide);
/* dst = dst <op> constant that no immediate form takes. */
void operate_constant(struct jit *j, uint32_t dst, enum alu_form form, uint64_t imm, bool is_wide);

/* arithmetic.c and logical.c: dst = dst <op> constant (cut to 32 bits for a 32-bit operation), or register. */
void add_constant(struct jit *j, uint32_t dst, uint64_t imm, bool is_wide);
void add_register(struct jit *j, uint32_t dst, uint32_t src, bool is_wide);
void subtract_register(struct jit *j, uint32_t dst, uint32_t src, bool is_wide);
void multiply_constant(struct jit *j, uint32_t dst, uint64_t imm, bool is_wide);
void multiply_register(struct jit *j, uint32_t dst, uint32_t src, bool is_wide);
void divide_constant(struct jit *j, struct insn insn, uint64_t imm);
void divide_register(struct jit *j, struct insn insn);
void and_constant(struct jit *j, uint32_t dst, uint64_t imm, bool is_wide);
void or_constant(struct jit *j, uint32_t dst, uint64_t imm, bool is_wide);
void xor_constant(struct jit *j, uint32_t dst, uint64_t imm, bool is_wide);
