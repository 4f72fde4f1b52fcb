#pragma once
/* Noted values and the registers they end up in. Functions named *_reg only read; those that may emit code say so. */

#include "bpf/jit/state.h"

/* Emits the shortest sequence that puts a constant into a register. */
void emit_constant(struct jit *j, enum a64_reg rd, uint64_t value);

/* Emits rd = the sum of a VALUE_SUM, its constant left out. */
void emit_plain_sum(struct jit *j, enum a64_reg rd, const struct value *v);

/* Emits rd = rn + imm; rd and rn may be SP when imm is below 2^24. */
void emit_add_imm(struct jit *j, enum a64_reg rd, enum a64_reg rn, uint64_t imm, enum a64_width width);

static inline bool is_reg(const struct jit *j, uint32_t reg) { return j->values[reg].kind == VALUE_COPY; }
static inline bool is_const(const struct jit *j, uint32_t reg) { return j->values[reg].kind == VALUE_CONST; }

/* Register that holds a value which is_reg(). */
static inline enum a64_reg value_reg(const struct jit *j, uint32_t reg) { return (enum a64_reg)j->values[reg].base; }

/* Computes the value of `reg` into any register. Emits. */
void write_value(struct jit *j, uint32_t reg, enum a64_reg into);

/* Puts a value that is pending into its own register and forgets what was noted. Emits. */
void settle_pending(struct jit *j, uint32_t reg);
static inline void settle(struct jit *j, uint32_t reg) {
    if (j->pending & REG_BIT(reg)) { settle_pending(j, reg); }
}

/* Puts a value that is pending into a register. Emits. */
void compute_pending(struct jit *j, uint32_t reg);

/* Makes is_reg() true, by writing the value to its home if need be. May emit. */
void compute_frame_pointer(struct jit *j);
void ensure_reg(struct jit *j, uint32_t reg);

/* Whether the low 32 bits of the base are those of the value. */
static inline bool low_word_is_base(const struct value *v) {
    return v->kind == VALUE_COPY || (v->kind == VALUE_FIELD && v->from == 0 && v->to == 0 && v->width >= 32);
}

/* Makes value_reg32() possible: a register whose low 32 bits are those of the value. May emit. */
static inline void ensure_reg32(struct jit *j, uint32_t reg) {
    if (!low_word_is_base(&j->values[reg])) { ensure_reg(j, reg); }
}
static inline enum a64_reg value_reg32(const struct jit *j, uint32_t reg) { return (enum a64_reg)j->values[reg].base; }

/* Whether the value of anybody but `except` may read a register. */
static inline bool may_be_read(const struct jit *j, enum a64_reg phys, uint32_t except) {
    return j->readers[phys] & j->pending & ~REG_BIT(except & 31);
}

/* Before `phys` changes: writes every value that is still needed (bits of `needed`) and reads it, `except` left out. */
void release_foreign(struct jit *j, enum a64_reg phys, uint32_t needed, uint32_t except, bool is_written);
static inline void release_phys(struct jit *j, enum a64_reg phys, uint32_t needed, uint32_t except) {
    if (may_be_read(j, phys, except)) { release_foreign(j, phys, needed, except, true); }
}

/* Whether anybody else may read the home of `reg`. */
static inline bool is_read_elsewhere(const struct jit *j, uint32_t reg) { return may_be_read(j, (enum a64_reg)j->home[reg], reg); }

static inline void set_home(struct jit *j, uint32_t reg, uint32_t home) {
    j->values[reg].shape = shape_copy(home);
    j->pending &= ~REG_BIT(reg);
}

/* Forgets the old value of a register that this slot overwrites unread: nobody has to keep it. */
void drop_unread(struct jit *j, uint32_t reg);

/* Prepares a definition of `reg` that is only noted: others that read its home are settled. Call before reading operands;
 * drop_unread() before it, when `reg` is not one of them. */
void begin_note(struct jit *j, uint32_t reg);

/* Prepares a definition of `reg` that is computed now and returns the register to compute it in. As begin_note(); finish with
 * define(). */
enum a64_reg begin_define(struct jit *j, uint32_t reg);

/* Whether nothing needs to be written before `reg` changes. Then begin_note() does nothing and begin_define() has one answer,
 * unless it is r0. */
static inline bool is_unread_elsewhere(const struct jit *j, uint32_t reg) { return !is_read_elsewhere(j, reg); }

/* The register begin_define() would give, when that emits nothing. */
static inline bool try_place(const struct jit *j, uint32_t reg, enum a64_reg *phys) {
    *phys = (enum a64_reg)j->home[reg];
    if (is_read_elsewhere(j, reg)) { return false; }
    if (reg || j->live_out & REG_BIT(1) || j->known & SLOT_LOOP) { return true; }
    *phys = X0;
    return !may_be_read(j, X0, 0);
}

/* Notes a value other than a copy; `bits` as in struct jit. */
static inline void note_computed(struct jit *j, uint32_t reg, uint64_t shape, uint32_t bits) {
    j->values[reg].shape = shape;
    j->bits[reg] = (uint8_t)bits;
    j->pending |= REG_BIT(reg);
    uint32_t base = shape >> 8 & 31, index = shape >> 16 & 63;
    j->readers[base] |= (uint16_t)REG_BIT(reg); /* of a constant: XZR, which never changes */
    if (index != NO_REG) { j->readers[index] |= (uint16_t)REG_BIT(reg); }
}
static_assert((NO_REG & 31) == XZR);

static inline void note_shape(struct jit *j, uint32_t reg, uint64_t shape, uint32_t bits) {
    note_computed(j, reg, shape, bits);
    if (shape == shape_copy(j->home[reg])) { j->pending &= ~REG_BIT(reg); }
}

void define(struct jit *j, uint32_t reg, enum a64_reg phys, uint32_t bits);

static inline void note(struct jit *j, uint32_t reg, struct value value, uint32_t bits) {
    j->values[reg].imm = value.imm;
    note_shape(j, reg, value.shape, bits);
}

static inline void note_const(struct jit *j, uint32_t reg, uint64_t value) {
    j->values[reg] = (struct value){.shape = SHAPE(VALUE_CONST, NO_REG, NO_REG), .imm = value};
    j->bits[reg] = (uint8_t)(value ? 64 - (uint32_t)__builtin_clzll(value) : 0);
    j->pending |= REG_BIT(reg);
}

/* Gives a register another home: what it holds stays where it is. */
void move_home(struct jit *j, uint32_t reg, uint32_t home);

/* r10 as sp + a constant again, after an instruction that needed it in a register. */
void restore_frame_pointer(struct jit *j);

/* Takes every register for what is in its home; what was pending is lost. */
void forget_pending(struct jit *j);

/* At the head of a loop that carries a value in another home, or about to jump back there. May emit. */
void settle_carried(struct jit *j);

/* Everything in its home, as code that is jumped to finds it; r0 in x0 unless `r0_home`. */
void forget_all(struct jit *j, bool r0_home);

/* Whether a label expects r0 in x0. */
static inline bool expects_r0_in_x0(const struct jit *j, uint32_t label) {
    return (j->slots[label] & (1u << SLOT_LIVE_SHIFT | SLOT_R0_HOME)) == 1u << SLOT_LIVE_SHIFT;
}

/* Writes every value that a label needs to where the label expects it, `except` left out (register bits). May emit. */
void settle_needed(struct jit *j, uint32_t label, uint32_t needed);
static inline void settle_for_label(struct jit *j, uint32_t label, uint32_t except) {
    uint32_t needed = slot_live(j, label) & ~except;
    if (needed & (j->pending | j->carried.active | 1)) { settle_needed(j, label, needed); }
}
