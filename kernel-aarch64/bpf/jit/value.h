#pragma once
/* Noted values and the registers they end up in. Functions named *_reg only read; those that may emit code say so. */

#include "bpf/jit/state.h"

/* Emits the shortest sequence that puts a constant into a register. */
void emit_constant(struct jit *j, enum a64_reg rd, uint64_t value);

/* Emits rd = rn + imm; rd and rn may be SP when imm is below 2^24. */
void emit_add_imm(struct jit *j, enum a64_reg rd, enum a64_reg rn, uint64_t imm, enum a64_width width);

static inline bool is_reg(const struct jit *j, uint32_t reg) { return j->values[reg].kind == VALUE_COPY; }
static inline bool is_const(const struct jit *j, uint32_t reg) { return j->values[reg].kind == VALUE_CONST; }

/* Register that holds a value which is_reg(). */
static inline enum a64_reg value_reg(const struct jit *j, uint32_t reg) { return (enum a64_reg)j->values[reg].base; }

/* Makes is_reg() true, by writing the value to its home if need be. May emit. */
void ensure_reg(struct jit *j, uint32_t reg);

/* Makes value_reg32() possible: a register whose low 32 bits are those of the value. May emit. */
void ensure_reg32(struct jit *j, uint32_t reg);
enum a64_reg value_reg32(const struct jit *j, uint32_t reg);

/* Computes the value of `reg` into any register. Emits. */
void write_value(struct jit *j, uint32_t reg, enum a64_reg into);

/* Puts a value into its own register and forgets what was noted. May emit. */
void settle(struct jit *j, uint32_t reg);

/* Before `phys` changes: writes every value that is still needed (bits of `needed`) and reads it, `except` left out. */
void release_pending(struct jit *j, enum a64_reg phys, uint32_t pending);
static inline void release_phys(struct jit *j, enum a64_reg phys, uint32_t needed, uint32_t except) {
    uint32_t pending = j->pending & needed & ~REG_BIT(except);
    if (pending) { release_pending(j, phys, pending); }
}

/* Forgets the old value of a register that this slot overwrites unread: nobody has to keep it. */
void drop_unread(struct jit *j, uint32_t reg);

/* Prepares a definition of `reg` that is only noted: others that read its home are settled. Call before reading operands. */
void begin_note(struct jit *j, uint32_t reg);

/* Prepares a definition of `reg` that is computed now and returns the register to compute it in. Call before reading operands
 * and finish with define(). */
enum a64_reg begin_define(struct jit *j, uint32_t reg);
void define(struct jit *j, uint32_t reg, enum a64_reg phys, uint32_t bits);

/* Notes a value; `bits` as in struct jit. */
void note(struct jit *j, uint32_t reg, struct value value, uint32_t bits);
void note_const(struct jit *j, uint32_t reg, uint64_t value);

/* r10 as sp + a constant again, after an instruction that needed it in a register. */
void restore_frame_pointer(struct jit *j);

/* Takes every register for what is in its home; what was pending is lost. */
void forget_pending(struct jit *j);

/* Everything in its home, as code that is jumped to finds it; r0 in x0 unless `r0_home`. */
void forget_all(struct jit *j, bool r0_home);

/* Writes every value that a label needs to where the label expects it, `except` left out (register bits). May emit. */
void settle_for_label(struct jit *j, uint32_t label, uint32_t except);

/* Whether a label expects r0 in x0. */
static inline bool expects_r0_in_x0(const struct jit *j, uint32_t label) {
    return slot_live(j, label) & 1 && !(j->slots[label] & SLOT_R0_HOME);
}
