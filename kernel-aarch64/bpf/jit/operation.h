#pragma once
/* Pieces of the ALU part of selection (RFC 9669 §4.1). `is_wide` says 64 bits, else 32 with the upper half zero. */

#include "bpf/jit/operand.h"

/* Right operand: a constant (already cut to 32 bits for a 32-bit operation) or a register. */
struct source {
    bool is_const;
    uint32_t reg;
    uint64_t imm;
};

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

/* derive.c: operations whose result is a field of a register (field.h). */
typedef bool (*field_operation)(struct value *f, uint32_t by, bool is_wide);
bool shift_left(struct value *f, uint32_t by, bool is_wide);
bool shift_right(struct value *f, uint32_t by, bool is_wide);
bool shift_right_signed(struct value *f, uint32_t by, bool is_wide);
bool keep_low(struct value *f, uint32_t bits, bool is_wide);
bool sign_extend(struct value *f, uint32_t bits, bool is_wide);
bool negate_bit(struct value *f, uint32_t unused, bool is_wide);

/* Sets dst to such an operation on the value of src (which may be dst): noted, not computed. */
void derive_field(struct jit *j, uint32_t dst, uint32_t src, field_operation apply, uint32_t by, bool is_wide);

/* Sets dst to the value of src: noted. */
void copy_value(struct jit *j, uint32_t dst, uint32_t src);

/* operate.c: dst = a <op> b, computed; b is folded as a shifted or extended operand when it can be. */
void operate(struct jit *j, uint32_t dst, enum alu_form form, uint32_t a, uint32_t b, bool is_wide);
void operate_commutative(struct jit *j, uint32_t dst, enum alu_form form, uint32_t src, bool is_wide);
/* dst = dst <op> constant that no immediate form takes. */
void operate_constant(struct jit *j, uint32_t dst, enum alu_form form, uint64_t imm, bool is_wide);

/* arithmetic.c and logical.c */
void compile_add(struct jit *j, uint32_t dst, const struct source *s, bool is_wide);
void compile_sub(struct jit *j, uint32_t dst, const struct source *s, bool is_wide);
void compile_mul(struct jit *j, uint32_t dst, const struct source *s, bool is_wide);
void compile_divmod(struct jit *j, struct insn insn, const struct source *s, bool is_wide);
void compile_logical(struct jit *j, uint32_t dst, uint32_t op, const struct source *s, bool is_wide);
