#pragma once
/* The second operand of an ALU instruction: a register, shifted or extended on the way. */

#include "bpf/jit/value.h"

enum operand_kind : uint8_t { OPERAND_SHIFTED, OPERAND_EXTENDED };

struct operand {
    enum operand_kind kind;
    enum a64_reg reg;
    enum a64_shift shift;
    enum a64_extend extend;
    uint32_t amount;
};

/* The forms of DDI 0487 C6.2 that take an operand, by name. */
enum alu_form : uint8_t { FORM_ADD, FORM_SUB, FORM_SUBS, FORM_AND, FORM_ORR, FORM_EOR, FORM_ANDS };

/* A form with a register operand, shifted. All of them have their operands in the same places. */
static inline uint32_t shifted_word(enum alu_form form, enum a64_reg rd, enum a64_reg rn, struct a64_amount by,
                                    enum a64_reg rm, enum a64_shift shift, enum a64_width width) {
    switch (form) {
    case FORM_ADD: return a64_add(rd, rn, by, rm, shift, width);
    case FORM_SUB: return a64_sub(rd, rn, by, rm, shift, width);
    case FORM_SUBS: return a64_subs(rd, rn, by, rm, shift, width);
    case FORM_AND: return a64_and(rd, rn, by, rm, shift, width);
    case FORM_ORR: return a64_orr(rd, rn, by, rm, shift, width);
    case FORM_EOR: return a64_eor(rd, rn, by, rm, shift, width);
    default: return a64_ands(rd, rn, by, rm, shift, width);
    }
}

/* Whether the value can be an operand as it is; a plain register always can. Extended ones only for add, sub and compare. */
[[nodiscard]] bool try_operand(const struct jit *j, uint32_t reg, enum alu_form form, enum a64_width width,
                               struct operand *out);

void emit_operation(struct jit *j, enum alu_form form, enum a64_reg rd, enum a64_reg rn, const struct operand *operand,
                    enum a64_width width);
