/* Sums stay noted as long as they may become addresses, products as long as they may become multiply-adds. */

#include "bpf/jit/hoist.h"
#include "bpf/jit/operation.h"

static bool is_product(const struct jit *j, uint32_t reg, bool is_wide) {
    const struct value *v = &j->values[reg];
    return v->kind == VALUE_PRODUCT && !(is_wide && v->narrow);
}

/* A64, table C4-1: bit 27 set and bit 25 clear are loads and stores. */
static bool is_access(uint32_t word) { return (word & 0x0a000000u) == 0x08000000u; }

/* Behind an access to memory after a pause where the core has the erratum. */
static void emit_accumulate(struct jit *j, uint32_t word, enum a64_width width) {
    bool faulty = j->environment->features & JIT_ERRATUM_835769 && width == A64_WIDTH_X;
    if (SELDOM(faulty) && j->words - 1 < j->capacity && is_access(j->out[j->words - 1])) { emit(j, a64_nop()); }
    emit(j, word);
}

/* addend +- product of `product`, which is not needed otherwise. */
RARE static void multiply_add(struct jit *j, uint32_t dst, uint32_t addend, uint32_t product, bool subtract, bool is_wide) {
    ensure(j, addend, is_wide);
    enum a64_reg rd = begin_define(j, dst), ra = reg_of(j, addend);
    const struct value *v = &j->values[product];
    enum a64_reg rn = (enum a64_reg)v->base, rm = (enum a64_reg)v->index;
    enum a64_width width = width_of(is_wide);
    if (v->kind != VALUE_PRODUCT) { /* settled on the way */
        emit(j, subtract ? a64_sub(rd, ra, amount(0), rn, A64_SHIFT_LSL, width)
                         : a64_add(rd, ra, amount(0), rn, A64_SHIFT_LSL, width));
    } else {
        emit_accumulate(j, subtract ? a64_msub(rd, rn, ra, rm, width) : a64_madd(rd, rn, ra, rm, width), width);
    }
    define(j, dst, rd, result_bits(is_wide));
}

RARE static void add_to_noted(struct jit *j, uint32_t dst, uint64_t imm) {
    begin_note(j, dst);
    struct value *v = &j->values[dst];
    uint64_t sum = v->kind == VALUE_ADD_IMM || v->kind == VALUE_SUM ? v->imm + imm : imm;
    if (v->kind == VALUE_SUM && sum + 0xffffff <= 2 * 0xffffffull) {
        v->imm = sum;
        return note_shape(j, dst, v->shape, 64);
    }
    if ((v->kind != VALUE_COPY && v->kind != VALUE_ADD_IMM) || sum + 0xffffff > 2 * 0xffffffull) {
        ensure_reg(j, dst);
        sum = imm;
    }
    if (sum == 0 && v->base != SP) { return note_shape(j, dst, shape_copy(v->base), 64); }
    v->imm = sum;
    note_shape(j, dst, SHAPE(VALUE_ADD_IMM, v->base, NO_REG), 64);
}

RARE static void add_narrow(struct jit *j, uint32_t dst, uint64_t imm) {
    ensure_reg32(j, dst);
    enum a64_reg rd = begin_define(j, dst);
    emit_add_imm(j, rd, reg_of(j, dst), imm, A64_WIDTH_W);
    define(j, dst, rd, 32);
}

void add_constant(struct jit *j, uint32_t dst, uint64_t imm, bool is_wide) {
    if (SELDOM(j->slot == j->down_step) && j->slot) { return; } /* the test does that */
    if (!is_wide) { return add_narrow(j, dst, imm); }
    struct value *v = &j->values[dst];
    if (v->kind != VALUE_COPY || !imm || imm + 0xffffff > 2 * 0xffffffull || !is_unread_elsewhere(j, dst)) {
        return add_to_noted(j, dst, imm);
    }
    v->imm = imm;
    note_computed(j, dst, SHAPE(VALUE_ADD_IMM, v->base, NO_REG), 64);
}

/* How a value can be the index of a sum: as it is, shifted left, or cut to 32 bits. */
static inline bool try_index(const struct value *v, uint64_t *how) {
    *how = 0;
    if (v->kind == VALUE_COPY) { return true; }
    if (v->kind != VALUE_FIELD) { return false; }
    *how = SHAPE_TO(v->to);
    if (v->to && v->to + v->width >= 64) { return true; }
    *how |= SHAPE_NARROW(true);
    return v->from == 0 && v->to <= 4 && v->width == 32 && !v->is_signed;
}

/* Whether src rather than dst is the base of their sum: a field is the better index. */
static inline bool is_base(const struct jit *j, uint32_t dst, uint32_t src) {
    return j->values[dst].kind == VALUE_FIELD && j->values[src].kind != VALUE_FIELD;
}

static inline void note_sum(struct jit *j, uint32_t dst, uint32_t base, uint32_t index, uint64_t how) {
    j->values[dst].imm = 0;
    note_computed(j, dst, SHAPE(VALUE_SUM, value_reg(j, base), j->values[index].base) | how, 64);
}

/* A summand and the constant beside it. */
struct term {
    uint32_t reg;
    uint64_t how, imm; /* how: as an index; a base has none */
};

static bool try_term(const struct value *v, bool is_index, struct term *out) {
    *out = (struct term){.reg = v->base};
    if (v->kind == VALUE_ADD_IMM) {
        out->imm = v->imm;
        return v->base != SP;
    }
    if (is_index && v->kind == VALUE_SUM && v->base == XZR) {
        *out = (struct term){.reg = v->index, .how = SHAPE_TO(v->to), .imm = v->imm};
        return true;
    }
    return is_index ? try_index(v, &out->how) : v->kind == VALUE_COPY;
}

/* Notes the sum, constants joined; false when one of the two can't be part of it as it is. */
static bool try_note_sum(struct jit *j, uint32_t dst, uint32_t base, uint32_t index) {
    struct term a, b;
    if (!try_term(&j->values[base], false, &a) || !try_term(&j->values[index], true, &b)) { return false; }
    uint64_t imm = a.imm + b.imm;
    if (imm + 0xffffff > 2 * 0xffffffull) { return false; }
    j->values[dst].imm = imm;
    note_computed(j, dst, SHAPE(VALUE_SUM, a.reg, b.reg) | b.how, 64);
    return true;
}

static void add_sum(struct jit *j, uint32_t dst, uint32_t src) {
    bool swap = is_base(j, dst, src) || j->values[dst].kind == VALUE_SUM;
    uint32_t base = swap ? src : dst, index = swap ? dst : src;
    struct operand operand;
    struct term term;
    begin_note(j, dst);
    if (try_note_sum(j, dst, base, index)) { return; }
    if (!try_term(&j->values[base], false, &term)) { ensure_reg(j, base); }
    if (!try_term(&j->values[index], true, &term)) {
        bool folds = j->values[index].kind == VALUE_FIELD && try_operand(j, index, FORM_ADD, A64_WIDTH_X, &operand);
        if (folds) { return operate(j, dst, FORM_ADD, base, index, true); }
        ensure_reg(j, index);
    }
    if (try_note_sum(j, dst, base, index)) { return; }
    ensure_reg(j, base);
    ensure_reg(j, index);
    if (is_reg(j, base) && is_reg(j, index)) { note_sum(j, dst, base, index, 0); }
}

RARE static void add_general(struct jit *j, uint32_t dst, uint32_t src, bool is_wide) {
    bool src_dies = src != dst && !(j->live_out & REG_BIT(src));
    if (src_dies && is_product(j, src, is_wide)) { return multiply_add(j, dst, dst, src, false, is_wide); }
    if (src != dst && is_product(j, dst, is_wide)) { return multiply_add(j, dst, src, dst, false, is_wide); }
    if (is_wide && src != 10) { return add_sum(j, dst, src); }
    operate_commutative(j, dst, FORM_ADD, src, is_wide);
}

/* A register and an index; others that read the home of dst are written first. */
[[clang::noinline]] static void add_simple(struct jit *j, uint32_t dst, uint32_t src) {
    uint32_t base = is_base(j, dst, src) ? src : dst;
    uint64_t how;
    begin_note(j, dst);
    uint32_t index = base == src ? dst : src;
    if (!is_reg(j, base) || !try_index(&j->values[index], &how)) { return add_general(j, dst, src, true); }
    note_sum(j, dst, base, index, how);
}

/* Sums stay noted: they may become addresses. */
void add_register(struct jit *j, uint32_t dst, uint32_t src, bool is_wide) {
    bool swap = is_base(j, dst, src);
    uint32_t base = swap ? src : dst, index = swap ? dst : src;
    uint64_t how;
    bool simple = is_wide && src != 10 && is_reg(j, base);
    if (!is_wide && is_reg(j, dst) && is_reg(j, src)) { return operate_commutative(j, dst, FORM_ADD, src, false); }
    if (!simple || !try_index(&j->values[index], &how)) { return add_general(j, dst, src, is_wide); }
    if (!is_unread_elsewhere(j, dst)) { return add_simple(j, dst, src); }
    note_sum(j, dst, base, index, how);
}

RARE void subtract_register(struct jit *j, uint32_t dst, uint32_t src, bool is_wide) {
    bool src_dies = src != dst && !(j->live_out & REG_BIT(src));
    if (src_dies && is_product(j, src, is_wide)) { return multiply_add(j, dst, dst, src, true, is_wide); }
    operate(j, dst, FORM_SUB, dst, src, is_wide);
}

/* x * (2^n + 1) is one addition. */
RARE static void multiply_by_sum(struct jit *j, uint32_t dst, uint32_t shift, bool is_wide) {
    ensure(j, dst, is_wide);
    enum a64_reg rd = begin_define(j, dst), rn = reg_of(j, dst);
    emit(j, a64_add(rd, rn, amount(shift), rn, A64_SHIFT_LSL, width_of(is_wide)));
    define(j, dst, rd, result_bits(is_wide));
}

/* A product that may become a multiply-add, once begin_note() has moved what it may move. */
static void note_product(struct jit *j, uint32_t dst, enum a64_reg by, bool is_wide) {
    note_shape(j, dst, SHAPE(VALUE_PRODUCT, reg_of(j, dst), by) | SHAPE_NARROW(!is_wide), result_bits(is_wide));
}

/* Whether the next instruction adds the register to another and nobody else needs it. */
static bool is_added_next(const struct jit *j, uint32_t reg) {
    uint32_t next = j->slot + 1;
    struct insn insn = insn_at(j, next);
    bool adds = (opcode_of(insn) | 3u) == (BPF_CLASS_ALU64 | BPF_ALU_ADD | BPF_SRC_X) && src_of(insn) == reg && dst_of(insn) != reg;
    return adds && !(j->slots[next] & (SLOT_TARGET | SLOT_ENTRY) || slot_live(j, next + 1) >> reg & 1);
}

RARE void multiply_constant(struct jit *j, uint32_t dst, uint64_t imm, bool is_wide) {
    if (imm == 0) {
        begin_note(j, dst);
        return note_const(j, dst, 0);
    }
    if (is_power_of_two(imm)) { return derive_shift_left(j, dst, log2_of(imm), is_wide); }
    if (is_power_of_two(imm - 1)) { return multiply_by_sum(j, dst, log2_of(imm - 1), is_wide); }
    ensure(j, dst, is_wide);
    enum a64_reg hoisted = hoisted_reg(j, imm);
    if (hoisted != SCRATCH && is_added_next(j, dst)) {
        begin_note(j, dst);
        return note_product(j, dst, hoisted, is_wide);
    }
    enum a64_reg rd = begin_define(j, dst);
    enum a64_reg rm = constant_reg(j, imm, SCRATCH);
    emit(j, a64_madd(rd, reg_of(j, dst), XZR, rm, width_of(is_wide)));
    define(j, dst, rd, result_bits(is_wide));
}

RARE void multiply_register(struct jit *j, uint32_t dst, uint32_t src, bool is_wide) {
    ensure(j, dst, is_wide);
    ensure(j, src, is_wide);
    begin_note(j, dst);
    note_product(j, dst, reg_of(j, src), is_wide);
}

/* §4.1 division by zero: UDIV and SDIV give 0, so the quotient is 0 and MSUB leaves the dividend; SDIV of the most negative
 * number by -1 gives that number again (DDI 0487 C6.2, UDIV and SDIV): all as RFC 9669 wants it. */
RARE static void emit_divide(struct jit *j, struct insn insn, enum a64_reg rd, enum a64_reg rn, enum a64_reg rm) {
    enum a64_width width = width_of(is_wide_class(insn));
    bool modulo = operation_of(insn) == BPF_ALU_MOD, is_signed = off_of(insn) == 1;
    enum a64_reg quotient = modulo ? SCRATCH : rd;
    emit(j, is_signed ? a64_sdiv(quotient, rn, rm, width) : a64_udiv(quotient, rn, rm, width));
    if (modulo) { emit(j, a64_msub(rd, SCRATCH, rn, rm, width)); }
    define(j, dst_of(insn), rd, result_bits(is_wide_class(insn)));
}

RARE void divide_register(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn), src = src_of(insn);
    ensure(j, dst, is_wide_class(insn));
    ensure(j, src, is_wide_class(insn));
    enum a64_reg rd = begin_define(j, dst), rn = reg_of(j, dst);
    emit_divide(j, insn, rd, rn, reg_of(j, src));
}

RARE void divide_constant(struct jit *j, struct insn insn, uint64_t imm) {
    uint32_t dst = dst_of(insn);
    bool modulo = operation_of(insn) == BPF_ALU_MOD, is_wide = is_wide_class(insn);
    if (is_power_of_two(imm) && off_of(insn) != 1) {
        if (modulo) { return derive_low(j, dst, dst, log2_of(imm)); }
        return derive_shift_right(j, dst, log2_of(imm), is_wide);
    }
    ensure(j, dst, is_wide);
    enum a64_reg rd = begin_define(j, dst), rn = reg_of(j, dst);
    emit_divide(j, insn, rd, rn, constant_reg(j, imm, SCRATCH2));
}
