#include "bpf/jit/value.h"
#include "bpf/jit/hoist.h"

static uint32_t count_halves(uint64_t value, uint16_t half, uint32_t halves) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < halves; i++) { count += (uint16_t)(value >> (16 * i)) == half; }
    return count;
}

/* One MOVZ or MOVN, then MOVK for each half that it left wrong. */
static void emit_moves(struct jit *j, enum a64_reg rd, uint64_t value, enum a64_width width) {
    uint32_t halves = width == A64_WIDTH_X ? 4 : 2;
    bool inverted = count_halves(value, 0xffff, halves) > count_halves(value, 0, halves);
    uint16_t filler = inverted ? 0xffff : 0;
    bool first = true;
    for (uint32_t i = 0; i < halves; i++) {
        uint16_t half = (uint16_t)(value >> (16 * i));
        if (half == filler && !(first && i == halves - 1)) { continue; }
        if (!first) {
            emit(j, a64_movk(rd, wide(i, half), width));
        } else if (inverted) {
            emit(j, a64_movn(rd, wide(i, (uint16_t)~half), width));
        } else {
            emit(j, a64_movz(rd, wide(i, half), width));
        }
        first = false;
    }
}

static uint32_t move_count(uint64_t value, uint32_t halves) {
    uint32_t zeros = count_halves(value, 0, halves), ones = count_halves(value, 0xffff, halves);
    return halves - (zeros > ones ? zeros : ones);
}

void emit_constant(struct jit *j, enum a64_reg rd, uint64_t value) {
    struct a64_mask mask;
    if (value < 0x10000) { return emit(j, a64_movz(rd, wide(0, (uint16_t)value), A64_WIDTH_W)); }
    bool narrow = value >> 32 == 0;
    enum a64_width width = narrow ? A64_WIDTH_W : A64_WIDTH_X;
    if (move_count(value, narrow ? 2 : 4) > 1 && try_mask(value, width, &mask)) {
        return emit(j, a64_orr_imm(rd, XZR, mask, width));
    }
    emit_moves(j, rd, value, width);
}

void emit_add_imm(struct jit *j, enum a64_reg rd, enum a64_reg rn, uint64_t imm, enum a64_width width) {
    struct a64_arith arith;
    if (width == A64_WIDTH_W) { imm = (uint64_t)(int32_t)imm; }
    bool negative = (int64_t)imm < 0;
    uint64_t magnitude = negative ? -imm : imm;
    if (!try_arith(magnitude, &arith)) {
        if (magnitude >> 24) {
            enum a64_reg rm = constant_reg(j, width == A64_WIDTH_W ? (uint32_t)imm : imm, SCRATCH);
            /* DDI 0487 C6.2, ADD (extended register): the form whose Rn may be SP */
            if (rn == SP) { return emit(j, a64_add_ext(rd, rn, (struct a64_left){0}, A64_EXTEND_UXTX, rm, width)); }
            return emit(j, a64_add(rd, rn, amount(0), rm, A64_SHIFT_LSL, width));
        }
        arith = (struct a64_arith){1u << 12 | (uint32_t)(magnitude >> 12)};
        emit(j, negative ? a64_sub_imm(rd, rn, arith, width) : a64_add_imm(rd, rn, arith, width));
        rn = rd;
        arith = (struct a64_arith){(uint32_t)magnitude & 4095u};
    }
    emit(j, negative ? a64_sub_imm(rd, rn, arith, width) : a64_add_imm(rd, rn, arith, width));
}

static void emit_field(struct jit *j, enum a64_reg rd, const struct value *v) {
    enum a64_width width = v->narrow ? A64_WIDTH_W : A64_WIDTH_X;
    if (!v->is_signed && v->from + v->width <= 32 && v->to + v->width <= 32) { width = A64_WIDTH_W; }
    uint32_t size = width == A64_WIDTH_W ? 32 : 64;
    struct a64_field bits = v->to ? field(size - v->to, v->width - 1u) : field(v->from, v->from + v->width - 1u);
    enum a64_reg base = (enum a64_reg)v->base;
    emit(j, v->is_signed ? a64_sbfm(rd, base, bits, width) : a64_ubfm(rd, base, bits, width));
}

static void emit_sum(struct jit *j, enum a64_reg rd, const struct value *v) {
    enum a64_reg base = (enum a64_reg)v->base, index = (enum a64_reg)v->index;
    if (v->narrow) {
        return emit(j, a64_add_ext(rd, base, (struct a64_left){v->left}, A64_EXTEND_UXTW, index, A64_WIDTH_X));
    }
    emit(j, a64_add(rd, base, amount(v->left), index, A64_SHIFT_LSL, A64_WIDTH_X));
}

void write_value(struct jit *j, uint32_t reg, enum a64_reg into) {
    const struct value *v = &j->values[reg];
    enum a64_reg base = (enum a64_reg)v->base, index = (enum a64_reg)v->index;
    enum a64_width width = v->narrow ? A64_WIDTH_W : A64_WIDTH_X;
    struct a64_mask mask;
    switch (v->kind) {
    case VALUE_COPY:
        if (base == into) { return; }
        return emit(j, a64_orr(into, XZR, amount(0), base, A64_SHIFT_LSL, A64_WIDTH_X));
    case VALUE_CONST: return emit_constant(j, into, v->imm);
    case VALUE_ADD_IMM: return emit_add_imm(j, into, base, v->imm, A64_WIDTH_X);
    case VALUE_FIELD: return emit_field(j, into, v);
    case VALUE_SUM: return emit_sum(j, into, v);
    case VALUE_PRODUCT: return emit(j, a64_madd(into, base, XZR, index, width));
    case VALUE_MASK: break;
    }
    if (try_mask(v->imm, A64_WIDTH_X, &mask)) { emit(j, a64_and_imm(into, base, mask, A64_WIDTH_X)); }
}

static bool reads(const struct value *v, enum a64_reg phys) {
    if (v->kind == VALUE_CONST) { return false; }
    return v->base == phys || ((v->kind == VALUE_SUM || v->kind == VALUE_PRODUCT) && v->index == phys);
}

static void set_home(struct jit *j, uint32_t reg, enum a64_reg phys) {
    j->values[reg] = (struct value){.kind = VALUE_COPY, .base = (uint8_t)phys};
    if (phys == j->home[reg]) {
        j->pending &= ~REG_BIT(reg);
    } else {
        j->pending |= REG_BIT(reg);
    }
}

void release_pending(struct jit *j, enum a64_reg phys, uint32_t pending) {
    for (uint32_t left = pending; left; left &= left - 1) {
        uint32_t reg = (uint32_t)__builtin_ctz(left);
        if (reads(&j->values[reg], phys)) { settle(j, reg); }
    }
}

void settle(struct jit *j, uint32_t reg) {
    if (!(j->pending & REG_BIT(reg))) { return; }
    enum a64_reg home = (enum a64_reg)j->home[reg];
    release_phys(j, home, j->live_in | j->live_out, reg);
    write_value(j, reg, home);
    set_home(j, reg, home);
}

/* r10 has no home: its address is computed for the one instruction that needs it whole. */
static void compute_frame_pointer(struct jit *j) {
    write_value(j, 10, SCRATCH2);
    j->values[10] = (struct value){.kind = VALUE_COPY, .base = SCRATCH2};
}

void ensure_reg(struct jit *j, uint32_t reg) {
    if (is_reg(j, reg)) { return; }
    if (reg == 10) { return compute_frame_pointer(j); }
    settle(j, reg);
}

/* A field that keeps the low 32 bits where they are reads them from its base. */
static bool low_word_is_base(const struct value *v) {
    return v->kind == VALUE_COPY || (v->kind == VALUE_FIELD && v->from == 0 && v->to == 0 && v->width >= 32);
}

void ensure_reg32(struct jit *j, uint32_t reg) {
    if (!low_word_is_base(&j->values[reg])) { ensure_reg(j, reg); }
}

enum a64_reg value_reg32(const struct jit *j, uint32_t reg) { return (enum a64_reg)j->values[reg].base; }

void drop_unread(struct jit *j, uint32_t reg) {
    if (!(j->live_in & REG_BIT(reg))) { set_home(j, reg, (enum a64_reg)j->home[reg]); }
}

void begin_note(struct jit *j, uint32_t reg) {
    drop_unread(j, reg);
    /* r1's home is x0, where r0 may still be: it is moved when x0 is really written, often it is dead by then. */
    if (reg != 1) { release_phys(j, (enum a64_reg)j->home[reg], j->live_out, reg); }
}

/* r0 is best computed in x0, where the caller expects it, if r1 leaves it free. */
static enum a64_reg place_of(const struct jit *j, uint32_t reg) {
    if (reg != 0 || j->live_out & REG_BIT(1) || j->slots[j->slot] & SLOT_LOOP) { return (enum a64_reg)j->home[reg]; }
    for (uint32_t left = j->pending & j->live_out & ~1u; left; left &= left - 1) {
        if (reads(&j->values[__builtin_ctz(left)], X0)) { return (enum a64_reg)j->home[reg]; }
    }
    return X0;
}

enum a64_reg begin_define(struct jit *j, uint32_t reg) {
    drop_unread(j, reg);
    enum a64_reg phys = place_of(j, reg);
    release_phys(j, phys, j->live_out, reg);
    if (phys != j->home[reg]) { release_phys(j, (enum a64_reg)j->home[reg], j->live_out, reg); }
    return phys;
}

void define(struct jit *j, uint32_t reg, enum a64_reg phys, uint32_t bits) {
    set_home(j, reg, phys);
    j->bits[reg] = (uint8_t)bits;
}

void note(struct jit *j, uint32_t reg, struct value value, uint32_t bits) {
    if (value.kind == VALUE_COPY && value.base == j->home[reg]) { return define(j, reg, (enum a64_reg)value.base, bits); }
    j->values[reg] = value;
    j->pending |= REG_BIT(reg);
    j->bits[reg] = (uint8_t)bits;
}

void note_const(struct jit *j, uint32_t reg, uint64_t value) {
    uint32_t bits = value ? 64 - (uint32_t)__builtin_clzll(value) : 0;
    note(j, reg, (struct value){.kind = VALUE_CONST, .imm = value}, bits);
}

void restore_frame_pointer(struct jit *j) {
    if (is_reg(j, 10)) { release_phys(j, SCRATCH2, j->live_out, 10); }
    j->values[10] = (struct value){.kind = VALUE_ADD_IMM, .base = SP, .imm = j->function.frame_bytes};
}

void forget_pending(struct jit *j) {
    for (uint32_t left = j->pending; left; left &= left - 1) {
        uint32_t reg = (uint32_t)__builtin_ctz(left);
        j->values[reg] = (struct value){.kind = VALUE_COPY, .base = j->home[reg]};
    }
    j->pending = 0;
}

void forget_all(struct jit *j, bool r0_home) {
    forget_pending(j);
    for (uint32_t reg = 0; reg < 10; reg++) { j->bits[reg] = 64; }
    if (!r0_home) { set_home(j, 0, X0); }
    restore_frame_pointer(j);
}

/* r0 in x0: nothing that is needed reads x0 any more, or the label would expect it in x7. */
static void settle_r0_in_x0(struct jit *j) {
    if (is_reg(j, 0) && value_reg(j, 0) == X0) { return; }
    release_phys(j, X0, j->live_in | j->live_out, 0);
    write_value(j, 0, X0);
    set_home(j, 0, X0);
}

void settle_for_label(struct jit *j, uint32_t label, uint32_t except) {
    uint32_t needed = slot_live(j, label) & ~except;
    bool r0_in_x0 = needed & 1 && expects_r0_in_x0(j, label);
    for (uint32_t left = j->pending & needed & ~(r0_in_x0 ? 1u : 0u); left; left &= left - 1) {
        settle(j, (uint32_t)__builtin_ctz(left));
    }
    if (r0_in_x0) { settle_r0_in_x0(j); }
}
