#include "bpf/jit/field.h"
#include "bpf/jit/hoist.h"
#include "bpf/jit/operation.h"

/* dst = a <op> b with both in registers, or b folded as a shifted or extended operand. */
void operate(struct jit *j, uint32_t dst, enum alu_form form, uint32_t a, uint32_t b, bool is_wide) {
    enum a64_width width = width_of(is_wide);
    struct operand operand;
    bool zero = is_const(j, a) && j->values[a].imm == 0;
    if (!zero) { ensure(j, a, is_wide); }
    bool folds = try_operand(j, b, form, width, &operand);
    if (!folds) { ensure(j, b, is_wide); }
    uint32_t words = j->words;
    enum a64_reg rd = begin_define(j, dst);
    bool moved = !folds || j->words != words; /* the operand is another by now */
    if (moved && !try_operand(j, b, form, width, &operand)) { return; }
    if (zero && operand.kind == OPERAND_EXTENDED) { /* register 31 is SP in that form */
        emit_constant(j, SCRATCH, 0);
        emit_operation(j, form, rd, SCRATCH, &operand, width);
    } else {
        emit_operation(j, form, rd, zero ? XZR : reg_of(j, a), &operand, width);
    }
    define(j, dst, rd, result_bits(is_wide));
}

static bool is_field(const struct jit *j, uint32_t reg, enum alu_form form, bool is_wide) {
    struct operand ignored;
    return j->values[reg].kind == VALUE_FIELD && try_operand(j, reg, form, width_of(is_wide), &ignored);
}

/* The upper bits of one register and the lower bits of another, shifted to meet: `high` is a field moved up to the top,
 * `low` one moved down from it, and neither has what the other has. */
static bool meet(const struct value *high, const struct value *low, uint32_t size) {
    if (high->kind != VALUE_FIELD || low->kind != VALUE_FIELD || low->is_signed) { return false; }
    return low->from && (uint32_t)low->from + low->width == size && field_top(high) >= size && high->to == size - low->from;
}

/* Such two joined, as a rotation is written: one EXTR (DDI 0487 C6.2). */
static bool try_extract(struct jit *j, uint32_t dst, uint32_t src, bool is_wide) {
    uint32_t size = is_wide ? 64 : 32;
    const struct value *a = &j->values[dst], *b = &j->values[src];
    if (!meet(a, b, size) && !meet(b, a, size)) { return false; }
    enum a64_reg rd = begin_define(j, dst);
    const struct value *high = meet(a, b, size) ? a : b, *low = high == a ? b : a;
    if (!meet(high, low, size)) { return false; }
    emit(j, a64_extr(rd, (enum a64_reg)high->base, amount(low->from), (enum a64_reg)low->base, width_of(is_wide)));
    define(j, dst, rd, result_bits(is_wide));
    return true;
}

/* One bit, or another one that was just set where a condition holds: CSINC has both (DDI 0487 C6.2; CSET is one of 0 and 0). */
static bool try_choose_either(struct jit *j, uint32_t dst, uint32_t src) {
    uint32_t rd = j->values[dst].base, rn = j->values[src].base, *last = &j->out[j->words - 1];
    bool alone = (j->bits[dst] | j->bits[src]) == 1 && is_reg(j, dst) && is_reg(j, src) && rd == j->home[dst] && rd != rn && is_unread_elsewhere(j, dst);
    if (!alone || j->words <= j->barrier || j->words > j->capacity) { return false; }
    if ((*last & ~(15u << 12)) != a64_csinc((enum a64_reg)rd, XZR, (enum a64_cond)0, XZR, A64_WIDTH_X)) { return false; }
    *last ^= (XZR ^ rn) << 5;
    return true;
}

RARE static void operate_in_order(struct jit *j, uint32_t dst, enum alu_form form, uint32_t src, bool is_wide) {
    bool swap = false;
    if (form == FORM_ORR && try_choose_either(j, dst, src)) { return; }
    if (j->values[dst].kind == VALUE_FIELD) {
        if (form != FORM_AND && try_extract(j, dst, src, is_wide)) { return; }
        swap = is_field(j, dst, form, is_wide) && !is_field(j, src, form, is_wide);
    }
    operate(j, dst, form, swap ? src : dst, swap ? dst : src, is_wide);
}

/* Needs no frame. */
void operate_commutative(struct jit *j, uint32_t dst, enum alu_form form, uint32_t src, bool is_wide) {
    enum a64_reg rd;
    bool plain = is_reg(j, dst) && is_reg(j, src) && (j->bits[dst] | j->bits[src]) > 1 && try_place(j, dst, &rd);
    if (!plain) { return operate_in_order(j, dst, form, src, is_wide); }
    uint32_t word = shifted_word(form, rd, value_reg(j, dst), amount(0), value_reg(j, src), A64_SHIFT_LSL, width_of(is_wide));
    define(j, dst, rd, result_bits(is_wide));
    emit(j, word);
}

/* dst = dst <op> constant that no immediate form takes. */
void operate_constant(struct jit *j, uint32_t dst, enum alu_form form, uint64_t imm, bool is_wide) {
    ensure(j, dst, is_wide);
    enum a64_reg rd = begin_define(j, dst);
    struct operand operand = {.kind = OPERAND_SHIFTED, .reg = constant_reg(j, imm, SCRATCH)};
    emit_operation(j, form, rd, reg_of(j, dst), &operand, width_of(is_wide));
    define(j, dst, rd, result_bits(is_wide));
}
