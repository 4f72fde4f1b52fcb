#include "bpf/jit/operand.h"

/* DDI 0487 C3.4.8 (shifted register): the field is all that a shift of the whole register leaves. */
static bool try_shifted(const struct value *v, enum a64_width width, struct operand *out) {
    uint32_t size = width == A64_WIDTH_W ? 32 : 64;
    if (v->to) {
        out->shift = A64_SHIFT_LSL;
        out->amount = v->to;
        return v->to < size && v->to + v->width >= size;
    }
    out->shift = v->is_signed ? A64_SHIFT_ASR : A64_SHIFT_LSR;
    out->amount = v->from;
    if (width == A64_WIDTH_W && v->from == 0 && v->width >= 32) {
        out->shift = A64_SHIFT_LSL;
        return true;
    }
    return v->from < size && (uint32_t)v->from + v->width == size && !(v->narrow && width == A64_WIDTH_X && v->is_signed);
}

/* DDI 0487 C3.4.9 (extended register). */
static bool try_extended(const struct value *v, enum a64_width width, struct operand *out) {
    if (v->from || v->to > 4 || (v->narrow && v->is_signed && width == A64_WIDTH_X)) { return false; }
    uint32_t base = v->is_signed ? A64_EXTEND_SXTB : A64_EXTEND_UXTB;
    out->kind = OPERAND_EXTENDED;
    out->amount = v->to;
    switch (v->width) {
    case 8: out->extend = (enum a64_extend)base; return true;
    case 16: out->extend = (enum a64_extend)(base + 1); return true;
    case 32: out->extend = (enum a64_extend)(base + 2); return true;
    default: return false;
    }
}

bool try_operand(const struct jit *j, uint32_t reg, enum alu_form form, enum a64_width width, struct operand *out) {
    const struct value *v = &j->values[reg];
    *out = (struct operand){.kind = OPERAND_SHIFTED, .reg = (enum a64_reg)v->base, .shift = A64_SHIFT_LSL};
    if (v->kind == VALUE_COPY) { return true; }
    if (v->kind != VALUE_FIELD) { return false; }
    if (try_shifted(v, width, out)) { return true; }
    bool arithmetic = form == FORM_ADD || form == FORM_SUB || form == FORM_SUBS;
    return arithmetic && try_extended(v, width, out);
}

static void emit_extended(struct jit *j, enum alu_form form, enum a64_reg rd, enum a64_reg rn,
                          const struct operand *o, enum a64_width width) {
    struct a64_left left;
    if (!try_left(o->amount, &left)) { return; }
    switch (form) {
    case FORM_ADD: return emit(j, a64_add_ext(rd, rn, left, o->extend, o->reg, width));
    case FORM_SUB: return emit(j, a64_sub_ext(rd, rn, left, o->extend, o->reg, width));
    default: return emit(j, a64_subs_ext(rd, rn, left, o->extend, o->reg, width));
    }
}

void emit_operation(struct jit *j, enum alu_form form, enum a64_reg rd, enum a64_reg rn, const struct operand *o,
                    enum a64_width width) {
    if (o->kind == OPERAND_EXTENDED) { return emit_extended(j, form, rd, rn, o, width); }
    emit(j, shifted_word(form, rd, rn, amount(o->amount), o->reg, o->shift, width));
}
