#include "bpf/jit/value.h"
#include "bpf/jit/bytes.h"
#include "bpf/jit/effect.h"
#include "bpf/jit/hoist.h"
#include "bpf/jit/pair.h"
#include "bpf/jit/sum.h"

/* Some two hundred places call it. */
[[clang::noinline]] void emit(struct jit *j, uint32_t word) {
    uint32_t at = j->words;
    j->words = at + 1;
    if (at < j->capacity) { j->out[at] = word; }
}

/* How long two registers may share their homes that are of no loop's next turn. */
#define MOST_SLOTS_SHARED 6u

static uint32_t count_halves(uint64_t value, uint16_t half, uint32_t halves) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < halves; i++) { count += (uint16_t)(value >> (16 * i)) == half; }
    return count;
}

/* One MOVZ or MOVN, then MOVK for each half that it left wrong. */
RARE static void emit_moves(struct jit *j, enum a64_reg rd, uint64_t value, enum a64_width width) {
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

RARE void emit_constant(struct jit *j, enum a64_reg rd, uint64_t value) {
    struct a64_mask mask;
    if (value < 0x10000) { return emit(j, a64_movz(rd, wide(0, (uint16_t)value), A64_WIDTH_W)); }
    bool narrow = value >> 32 == 0;
    enum a64_width width = narrow ? A64_WIDTH_W : A64_WIDTH_X;
    if (move_count(value, narrow ? 2 : 4) > 1 && try_mask(value, width, &mask)) {
        return emit(j, a64_orr_imm(rd, XZR, mask, width));
    }
    emit_moves(j, rd, value, width);
}

static void emit_arith(struct jit *j, enum a64_reg rd, enum a64_reg rn, bool negative, struct a64_arith arith, enum a64_width width) {
    emit(j, negative ? a64_sub_imm(rd, rn, arith, width) : a64_add_imm(rd, rn, arith, width));
}

/* A constant that no single instruction takes. */
RARE static void emit_add_long(struct jit *j, enum a64_reg rd, enum a64_reg rn, uint64_t imm, enum a64_width width) {
    bool negative = (int64_t)imm < 0;
    uint64_t magnitude = negative ? -imm : imm;
    if (magnitude >> 24) {
        enum a64_reg free = rd == rn || rd == SP ? SCRATCH : rd; /* rn may be what was moved aside */
        enum a64_reg rm = constant_reg(j, width == A64_WIDTH_W ? (uint32_t)imm : imm, free);
        /* DDI 0487 C6.2, ADD (extended register): the form whose Rn may be SP */
        if (rn == SP) { return emit(j, a64_add_ext(rd, rn, (struct a64_left){0}, A64_EXTEND_UXTX, rm, width)); }
        return emit(j, a64_add(rd, rn, amount(0), rm, A64_SHIFT_LSL, width));
    }
    emit_arith(j, rd, rn, negative, (struct a64_arith){1u << 12 | (uint32_t)(magnitude >> 12)}, width);
    emit_arith(j, rd, rd, negative, (struct a64_arith){(uint32_t)magnitude & 4095u}, width);
}

/* Needs no frame. */
RARE static void emit_add(struct jit *j, enum a64_reg rd, enum a64_reg rn, uint64_t imm, enum a64_width width) {
    struct a64_arith arith;
    bool negative = (int64_t)imm < 0;
    if (!try_arith(negative ? -imm : imm, &arith)) { return emit_add_long(j, rd, rn, imm, width); }
    emit_arith(j, rd, rn, negative, arith, width);
}

RARE static void count_along_or_add(struct jit *j, enum a64_reg rd, uint64_t imm) {
    if (!try_count_along(j, rd, (int64_t)imm)) { emit_add(j, rd, rd, imm, A64_WIDTH_X); }
}

/* Needs no frame. */
RARE void emit_add_imm(struct jit *j, enum a64_reg rd, enum a64_reg rn, uint64_t imm, enum a64_width width) {
    if (rd == rn && width == A64_WIDTH_X) { return count_along_or_add(j, rd, imm); }
    emit_add(j, rd, rn, width == A64_WIDTH_W ? (uint64_t)(int32_t)imm : imm, width);
}

static inline void emit_field(struct jit *j, enum a64_reg rd, const struct value *v) {
    enum a64_width width = v->narrow ? A64_WIDTH_W : A64_WIDTH_X;
    if (!v->is_signed && v->from + v->width <= 32 && v->to + v->width <= 32) { width = A64_WIDTH_W; }
    uint32_t size = width == A64_WIDTH_W ? 32 : 64;
    struct a64_field bits = v->to ? field(size - v->to, v->width - 1u) : field(v->from, v->from + v->width - 1u);
    enum a64_reg base = (enum a64_reg)v->base;
    emit(j, v->is_signed ? a64_sbfm(rd, base, bits, width) : a64_ubfm(rd, base, bits, width));
}

static inline void emit_short_sum(struct jit *j, enum a64_reg rd, const struct value *v) {
    enum a64_reg base = (enum a64_reg)v->base, index = (enum a64_reg)v->index;
    if (v->narrow) {
        return emit(j, a64_add_ext(rd, base, (struct a64_left){v->to}, A64_EXTEND_UXTW, index, A64_WIDTH_X));
    }
    emit(j, a64_add(rd, base, amount(v->to), index, A64_SHIFT_LSL, A64_WIDTH_X));
}

void emit_plain_sum(struct jit *j, enum a64_reg rd, const struct value *v) { emit_short_sum(j, rd, v); }

/* With a constant beside it. */
RARE static void emit_long_sum(struct jit *j, enum a64_reg rd, const struct value *v) {
    uint32_t shared = find_shared_sum(j, v);
    if (shared) { return emit_add_imm(j, rd, (enum a64_reg)j->home[shared], v->imm, A64_WIDTH_X); }
    emit_plain_sum(j, rd, v);
    emit_add_imm(j, rd, rd, v->imm, A64_WIDTH_X);
}

RARE static void emit_masked(struct jit *j, enum a64_reg rd, const struct value *v) {
    struct a64_mask mask;
    if (try_mask(v->imm, A64_WIDTH_X, &mask)) { emit(j, a64_and_imm(rd, (enum a64_reg)v->base, mask, A64_WIDTH_X)); }
}

/* Needs no frame. */
RARE void write_value(struct jit *j, uint32_t reg, enum a64_reg into) {
    const struct value *v = &j->values[reg];
    enum a64_reg base = (enum a64_reg)v->base;
    switch (v->kind) {
    case VALUE_COPY:
        if (base == into) { return; }
        return emit(j, a64_orr(into, XZR, amount(0), base, A64_SHIFT_LSL, A64_WIDTH_X));
    case VALUE_CONST: return emit_constant(j, into, v->imm);
    case VALUE_ADD_IMM: return emit_add_imm(j, into, base, v->imm, A64_WIDTH_X);
    case VALUE_FIELD: return emit_field(j, into, v);
    case VALUE_SUM: 
        if (SELDOM(v->imm)) { return emit_long_sum(j, into, v); }
        return emit_short_sum(j, into, v);
    case VALUE_PRODUCT: return emit(j, a64_madd(into, base, XZR, (enum a64_reg)v->index, v->narrow ? A64_WIDTH_W : A64_WIDTH_X));
    case VALUE_BYTES: return write_bytes(j, v, into);
    case VALUE_MASK: return emit_masked(j, into, v);
    }
}

static bool reads(const struct value *v, enum a64_reg phys) { return v->base == phys || v->index == phys; }

/* The register whose value may stay where it is though `reg` changes, as a bit: they share their homes for a while. */
static uint32_t sharer_of(const struct jit *j, uint32_t reg) {
    const struct carried *c = &j->carried;
    if (!c->active) { return 0; }
    return reg == c->from ? c->active : reg == c->to ? REG_BIT(c->from) : 0;
}

static bool is_read_by(const struct jit *j, enum a64_reg phys, uint32_t regs) {
    for (uint32_t left = j->pending & j->readers[phys] & regs; left; left &= left - 1) {
        if (reads(&j->values[__builtin_ctz(left)], phys)) { return true; }
    }
    return false;
}

/* Another one's home is wanted while `reg` is on its way to its own, and read by it: what it is goes aside until then. SCRATCH would
 * not do, which values take that are written in between; SCRATCH2 does when none is loaded. */
RARE static void move_aside(struct jit *j, uint32_t reg) {
    enum a64_reg aside = is_read_by(j, ASIDE, ~0u) ? SCRATCH2 : ASIDE;
    j->is_lost |= aside == SCRATCH2 && (j->loads || is_read_by(j, SCRATCH2, ~0u));
    write_value(j, reg, aside);
    j->values[reg].shape = shape_copy(aside);
    j->readers[aside] |= (uint16_t)REG_BIT(reg);
}

RARE void move_home(struct jit *j, uint32_t reg, uint32_t home) {
    j->home[reg] = (uint8_t)home;
    note_shape(j, reg, j->values[reg].shape, j->bits[reg]);
}

/* While the home of `reg` is read by others: it changes homes with a register that nobody needs, best with one that the next turn
 * starts from, which may change back. */
RARE static enum a64_reg exchanged_home(struct jit *j, uint32_t reg, uint32_t needed) {
    enum a64_reg home = (enum a64_reg)j->home[reg];
    uint32_t carried = slot_live(j, j->ahead.head);
    if (reg < 2 || reg >= 10 || !is_read_by(j, home, needed & ~REG_BIT(reg))) { return home; }
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t other = 2 + i % 8;
        enum a64_reg free = (enum a64_reg)j->home[other];
        if (other == reg || (needed | (i < 8 ? ~carried : carried)) >> other & 1 || is_read_by(j, free, needed)) { continue; }
        move_home(j, other, home);
        move_home(j, reg, free);
        return free;
    }
    return home;
}

void release_foreign(struct jit *j, enum a64_reg phys, uint32_t needed, uint32_t except, bool is_written) {
    uint32_t still_read = 0;
    if (SELDOM(j->exchanges) && !is_written) { phys = exchanged_home(j, except, needed); }
    uint32_t stays = ~needed | REG_BIT(except & 31u) | (is_written ? 0 : sharer_of(j, except));
    for (uint32_t left = j->pending & j->readers[phys]; left; left &= left - 1) {
        uint32_t reg = (uint32_t)__builtin_ctz(left);
        if (!reads(&j->values[reg], phys)) { continue; }
        if (reg >= FIRST_SUM && is_written) {
            j->pending &= ~REG_BIT(reg); /* is of no use any more */
            continue;
        }
        if (SELDOM(j->settling >> reg & 1) && reg != except) {
            move_aside(j, reg);
        } else if (!(stays >> reg & 1)) {
            settle(j, reg);
        } else {
            still_read |= REG_BIT(reg);
        }
    }
    j->readers[phys] = (uint16_t)still_read;
}

void settle_pending(struct jit *j, uint32_t reg) {
    enum a64_reg home = (enum a64_reg)j->home[reg];
    j->settling |= REG_BIT(reg);
    release_phys(j, home, live_before(j) | j->live_out, reg);
    j->settling &= ~REG_BIT(reg);
    write_value(j, reg, home);
    set_home(j, reg, home);
}

[[clang::noinline]] void ensure_reg(struct jit *j, uint32_t reg) {
    if (is_reg(j, reg)) { return; }
    if (reg == 10) { return compute_frame_pointer(j); }
    compute_pending(j, reg);
}

[[clang::noinline]] void define(struct jit *j, uint32_t reg, enum a64_reg phys, uint32_t bits) {
    j->bits[reg] = (uint8_t)bits;
    if (phys == j->home[reg]) { return set_home(j, reg, phys); }
    j->values[reg].shape = shape_copy(phys);
    j->pending |= REG_BIT(reg);
    j->readers[phys] |= (uint16_t)REG_BIT(reg);
}

[[clang::noinline]] void drop_unread(struct jit *j, uint32_t reg) {
    if (!(j->known >> (SLOT_LIVE_SHIFT + reg) & 1)) { set_home(j, reg, j->home[reg]); }
}

[[clang::noinline]] void begin_note(struct jit *j, uint32_t reg) {
    /* r1's home is x0, where r0 may still be: it is moved when x0 is really written, often it is dead by then. */
    if (reg != 1 && is_read_elsewhere(j, reg)) { release_foreign(j, (enum a64_reg)j->home[reg], j->live_out, reg, false); }
}

/* Whether nobody needs either of two registers any more when the straight code ends that comes. */
static bool die_soon(const struct jit *j, uint32_t both) {
    for (uint32_t slot = j->slot + 1; slot <= j->slot + MOST_SLOTS_SHARED && slot < j->program->count; slot++) {
        if (!(slot_live(j, slot) & both)) { return true; }
        if (effects[opcode_of(insn_at(j, slot))] & EFFECT_IS_SPECIAL || j->slots[slot] & (SLOT_TARGET | SLOT_ENTRY)) { return false; }
    }
    return false;
}

/* An address that reads the home of `reg`, and is used once more after `reg` was loaded from it: `reg` may go to its home. */
static void share_with_address(struct jit *j, uint32_t reg, uint32_t needed) {
    uint32_t reader = NO_REG;
    for (uint32_t left = j->pending & j->readers[j->home[reg]] & needed & ~REG_BIT(reg); left; left &= left - 1) {
        uint32_t other = (uint32_t)__builtin_ctz(left);
        if (!reads(&j->values[other], j->home[reg])) { continue; }
        if (reader != NO_REG || other < 2 || j->values[other].kind != VALUE_SUM) { return; }
        reader = other;
    }
    if (reader == NO_REG || reg < 2 || !die_soon(j, REG_BIT(reg) | REG_BIT(reader))) { return; }
    j->carried = (struct carried){.active = REG_BIT(reader), .head = UINT32_MAX, .copy = UINT32_MAX, .to = (uint8_t)reader, .from = (uint8_t)reg};
}

/* The home of the register whose value is in the home of `reg` and still needed, when that is free in exchange; else NO_REG. */
RARE static uint32_t home_in_exchange(struct jit *j, uint32_t reg, uint32_t needed) {
    const struct carried *c = &j->carried;
    if (j->settling) { return NO_REG; }
    if (!c->active || (c->head == UINT32_MAX && !(j->pending & needed & c->active))) { share_with_address(j, reg, needed); }
    if (!c->active || reg != c->from || !(needed & j->pending & c->active)) { return NO_REG; }
    enum a64_reg phys = (enum a64_reg)j->home[c->to], home = (enum a64_reg)j->home[reg];
    if (!reads(&j->values[c->to], home) || reads(&j->values[c->to], phys)) { return NO_REG; }
    release_phys(j, phys, live_before(j) | j->live_out, reg);
    return j->pending & c->active && reads(&j->values[c->to], home) ? (uint32_t)phys : NO_REG;
}

void compute_pending(struct jit *j, uint32_t reg) {
    if (SELDOM(j->exchanges)) { (void)exchanged_home(j, reg, live_before(j) | j->live_out); }
    uint32_t phys = is_read_elsewhere(j, reg) ? home_in_exchange(j, reg, live_before(j) | j->live_out) : NO_REG;
    if (phys == NO_REG) { return settle_pending(j, reg); }
    write_value(j, reg, (enum a64_reg)phys);
    define(j, reg, (enum a64_reg)phys, j->bits[reg]);
}

/* r10 has no home: its address is computed for the one instruction that needs it whole. */
RARE void compute_frame_pointer(struct jit *j) {
    write_value(j, 10, SCRATCH2);
    j->values[10].shape = shape_copy(SCRATCH2);
    j->loads |= REG_BIT(10); /* until the next instruction */
}

/* r0 is best computed in x0, where the caller expects it, if r1 leaves it free. */
static enum a64_reg place_of_r0(const struct jit *j) {
    if (j->live_out & REG_BIT(1) || j->known & SLOT_LOOP) { return (enum a64_reg)j->home[0]; }
    return is_read_by(j, X0, j->live_out & ~1u) ? (enum a64_reg)j->home[0] : X0;
}

/* Somebody reads the home. */
static enum a64_reg begin_define_read(struct jit *j, uint32_t reg) {
    enum a64_reg home = SELDOM(j->exchanges) ? exchanged_home(j, reg, j->live_out) : (enum a64_reg)j->home[reg];
    uint32_t phys = home_in_exchange(j, reg, j->live_out);
    if (phys != NO_REG) { return (enum a64_reg)phys; }
    release_phys(j, home, j->live_out, reg);
    return home;
}

static enum a64_reg begin_define_r0(struct jit *j) {
    enum a64_reg phys = place_of_r0(j);
    if (phys == j->home[0]) { return begin_define_read(j, 0); }
    release_phys(j, phys, j->live_out, 0);
    release_phys(j, (enum a64_reg)j->home[0], j->live_out, 0);
    return phys;
}

/* Needs no frame. */
[[clang::noinline]] enum a64_reg begin_define(struct jit *j, uint32_t reg) {
    if (reg == 0) { return begin_define_r0(j); }
    return is_read_elsewhere(j, reg) ? begin_define_read(j, reg) : (enum a64_reg)j->home[reg];
}

void restore_frame_pointer(struct jit *j) {
    if (is_reg(j, 10)) { release_phys(j, SCRATCH2, live_before(j) | j->live_out, 10); }
    j->values[10] = (struct value){.shape = SHAPE(VALUE_ADD_IMM, SP, NO_REG), .imm = j->function.frame_bytes};
}

void forget_pending(struct jit *j) {
    for (uint32_t left = j->pending; left; left &= left - 1) {
        uint32_t reg = (uint32_t)__builtin_ctz(left);
        j->values[reg].shape = shape_copy(j->home[reg]);
    }
    j->pending = 0;
    j->loads = 0;
    __builtin_memset(j->readers, 0, sizeof(j->readers));
}

void forget_all(struct jit *j, bool r0_home) {
    forget_pending(j);
    j->bits_words[0] = j->bits_words[1] = 0x4040404040404040; /* 64 each */
    if (!r0_home) { define(j, 0, X0, 64); }
    restore_frame_pointer(j);
}

/* r0 in x0: nothing that is needed reads x0 any more, or the label would expect it in x7. */
RARE static void settle_r0_in_x0(struct jit *j) {
    if (is_reg(j, 0) && value_reg(j, 0) == X0) { return; }
    release_phys(j, X0, live_before(j) | j->live_out, 0);
    write_value(j, 0, X0);
    define(j, 0, X0, j->bits[0]);
}

RARE void settle_carried(struct jit *j) {
    struct carried *c = &j->carried;
    enum a64_reg phys = (enum a64_reg)j->home[c->from];
    if (!is_reg(j, c->to) || value_reg(j, c->to) != phys) {
        release_phys(j, phys, live_before(j) | j->live_out, c->to);
        write_value(j, c->to, phys);
        note_shape(j, c->to, shape_copy(phys), 64);
    }
    if (j->slots[c->head] & SLOT_EMITTED && j->slot >= c->last) { c->active = 0; } /* that was the jump back */
}

void settle_needed(struct jit *j, uint32_t label, uint32_t needed) {
    if (SELDOM(j->carried.active) && j->carried.last && j->slot > j->carried.last) { j->carried.active = 0; }
    bool carries = j->carried.active && label == j->carried.head;
    if (carries) { needed &= ~j->carried.active; }
    bool r0_in_x0 = needed & 1 && expects_r0_in_x0(j, label);
    for (uint32_t left = j->pending & needed & ~(r0_in_x0 ? 1u : 0u); left; left &= left - 1) {
        settle(j, (uint32_t)__builtin_ctz(left));
    }
    if (r0_in_x0) { settle_r0_in_x0(j); }
    if (carries) { settle_carried(j); }
}
