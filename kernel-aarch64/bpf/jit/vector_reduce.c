/* Sums, products and extremes of a known number of elements: loads of 64 bytes a turn, then what is left. */

#include "bpf/jit/vector_emit.h"

#define SUM V16 /* and V17, which takes every other unit */
#define PRODUCT V18

struct reduction {
    struct jit *j;
    uint32_t id;
    enum a64_reg first, second;
    bool two;     /* buffers */
    bool live[2]; /* sums that hold something */
    uint32_t next; /* sum that the next unit goes to */
};

static bool is_fast_dot(const struct reduction *r) { return r->id == VL_DOT_I8 && r->j->environment->features & JIT_DOTPROD; }

/* Widens and adds into `sum`, or begins it. */
static void add_pairs(struct jit *j, enum a64_vector sum, enum a64_vector v, enum a64_element size, bool is_signed, bool live) {
    if (is_signed) {
        return emit(j, live ? a64_sadalp(sum, v, size, A64_LANES_FULL) : a64_saddlp(sum, v, size, A64_LANES_FULL));
    }
    emit(j, live ? a64_uadalp(sum, v, size, A64_LANES_FULL) : a64_uaddlp(sum, v, size, A64_LANES_FULL));
}

/* Products of 8 or 16 bits are exact in twice the width; two of them are not, so they are added one width up. */
static void add_products(struct reduction *r, enum a64_vector sum, enum a64_vector a, enum a64_vector b, bool live) {
    struct jit *j = r->j;
    enum a64_element size = r->id == VL_DOT_I8 ? A64_ELEMENT_B : A64_ELEMENT_H, wide = (enum a64_element)(size + 1);
    if (is_fast_dot(r)) {
        if (!live) { emit(j, a64_movi_zero(sum)); }
        return emit(j, a64_sdot_v(sum, a, b, A64_LANES_FULL));
    }
    emit(j, a64_smull_v(PRODUCT, a, b, size, A64_LANES_LOWER));
    emit(j, a64_smull_v(vector_after(PRODUCT, 1), a, b, size, A64_LANES_FULL));
    add_pairs(j, sum, PRODUCT, wide, true, live);
    add_pairs(j, sum, vector_after(PRODUCT, 1), wide, true, true);
}

static void add_unit(struct reduction *r, enum a64_vector a, enum a64_vector b) {
    uint32_t which = r->next;
    enum a64_vector sum = vector_after(SUM, which);
    bool live = r->live[which];
    switch (r->id) {
    case VL_SUM_U8: add_pairs(r->j, sum, a, A64_ELEMENT_B, false, live); break;
    case VL_SUM_I32: add_pairs(r->j, sum, a, A64_ELEMENT_S, true, live); break;
    case VL_DOT_I8:
    case VL_DOT_I16: add_products(r, sum, a, b, live); break;
    default: add_pairs(r->j, sum, a, A64_ELEMENT_H, false, live); break;
    }
    r->live[which] = true;
    r->next ^= 1;
}

static void add_loop(struct reduction *r, uint32_t turns) {
    struct jit *j = r->j;
    for (uint32_t i = 0; i < 2; i++) {
        emit(j, a64_movi_zero(vector_after(SUM, i)));
        r->live[i] = true;
    }
    uint32_t head = begin_turns(j, turns);
    emit_load_turn(j, V0, r->first);
    if (r->two) { emit_load_turn(j, V4, r->second); }
    for (uint32_t i = 0; i < 4; i++) { add_unit(r, vector_after(V0, i), vector_after(V4, i)); }
    end_turns(j, head);
}

static void load_unit(struct reduction *r, enum a64_vector v, enum a64_reg base, uint32_t at, uint32_t left) {
    if (left >= 2 * UNIT) { return emit_load_pair(r->j, v, base, (int32_t)at); }
    emit_load_q(r->j, v, base, (int32_t)at);
}

/* Units beside each other, two at a time, then what is less than one. */
static void add_units(struct reduction *r, uint32_t left, uint32_t before) {
    uint32_t at = 0;
    while (left >= UNIT) {
        uint32_t units = left >= 2 * UNIT ? 2 : 1;
        load_unit(r, V0, r->first, at, left);
        if (r->two) { load_unit(r, V4, r->second, at, left); }
        for (uint32_t i = 0; i < units; i++) { add_unit(r, vector_after(V0, i), vector_after(V4, i)); }
        at += units * UNIT;
        left -= units * UNIT;
    }
    if (left == 0) { return; }
    emit_load_rest(r->j, V0, r->first, (int32_t)at, left, before + at);
    if (r->two) { emit_load_rest(r->j, V4, r->second, (int32_t)at, left, before + at); }
    add_unit(r, V0, V4);
}

/* ---- the result in x0 ---- */

/* RFC 1071 §2: folds what is in x0, of 32 bits unless it is `wide`. */
static void fold(struct jit *j, bool wide) {
    if (wide) {
        emit(j, a64_extr(SCRATCH, X0, amount(32), X0, A64_WIDTH_X));
        emit(j, a64_add(X0, X0, amount(0), SCRATCH, A64_SHIFT_LSL, A64_WIDTH_X));
        emit(j, a64_ubfm(X0, X0, field(32, 63), A64_WIDTH_X));
    }
    /* each half ends with the carry out of the other */
    emit(j, a64_extr(SCRATCH, X0, amount(16), X0, A64_WIDTH_W));
    emit(j, a64_add(X0, X0, amount(0), SCRATCH, A64_SHIFT_LSL, A64_WIDTH_W));
    emit(j, a64_ubfm(X0, X0, field(16, 31), A64_WIDTH_W));
}

/* As many bytes have a sum below 2^32. */
enum { NARROW_BYTES = 1 << 17 };

/* The seed, a number of 32 bits, is in x2. */
static void finish_checksum(struct reduction *r, const struct vector_code *code) {
    struct jit *j = r->j;
    bool is_known = is_const(j, 3), seeded = !is_known || (uint32_t)j->values[3].imm;
    if (seeded && is_known) { emit_constant(j, X2, (uint32_t)j->values[3].imm); }
    if (seeded) { emit(j, a64_add_ext(X0, X0, (struct a64_left){0}, A64_EXTEND_UXTW, X2, A64_WIDTH_X)); }
    fold(j, seeded || code->bytes > NARROW_BYTES);
}

/* FMOV of 32 bits clears the upper half, in which a sum of bytes, whose lanes have 16 bits, has nothing. */
static void move_out(const struct vector_code *code) {
    bool narrow = code->narrow || code->id == VL_SUM_U8;
    emit(code->j, narrow ? a64_fmov_w(code->result, V0) : a64_fmov_x(code->result, V0));
}

static void finish(struct reduction *r, const struct vector_code *code) {
    struct jit *j = r->j;
    enum a64_element size = A64_ELEMENT_S; /* of the sums */
    if (r->id == VL_SUM_U8) { size = A64_ELEMENT_H; }
    if (r->id == VL_SUM_I32 || r->id == VL_DOT_I16) { size = A64_ELEMENT_D; }
    if (r->live[1]) { emit(j, a64_add_v(SUM, SUM, vector_after(SUM, 1), size, A64_LANES_FULL)); }
    switch (r->id) {
    case VL_DOT_I8:
        emit(j, a64_addv(V0, SUM, A64_ELEMENT_S, A64_LANES_FULL));
        return emit(j, code->narrow ? a64_fmov_w(code->result, V0) : a64_smov_s(code->result, V0));
    case VL_SUM_I32:
    case VL_DOT_I16:
        emit(j, a64_addp_d(V0, SUM));
        return move_out(code);
    default:
        emit(j, a64_uaddlv(V0, SUM, size, A64_LANES_FULL));
        move_out(code);
        if (r->id == VL_CHECKSUM) { finish_checksum(r, code); }
    }
}

void compile_vector_reduction(struct vector_code *code) {
    struct reduction r = {.j = code->j, .id = code->id, .first = code->first, .second = code->second};
    r.two = code->id == VL_DOT_I8 || code->id == VL_DOT_I16;
    uint32_t turns = code->bytes > 4 * TURN ? code->bytes / TURN : 0;
    if (code->bytes == 0) { emit(code->j, a64_movi_zero(SUM)); }
    if (turns) { add_loop(&r, turns); }
    add_units(&r, code->bytes - turns * TURN, turns * TURN);
    finish(&r, code);
}

/* ---- extremes ---- */

struct extreme {
    struct jit *j;
    bool largest, is_signed, live;
    enum a64_element size;
};

static void take(struct extreme *x, enum a64_vector into, enum a64_vector a, enum a64_vector b) {
    if (x->is_signed) {
        return emit(x->j, x->largest ? a64_smax_v(into, a, b, x->size, A64_LANES_FULL) : a64_smin_v(into, a, b, x->size, A64_LANES_FULL));
    }
    emit(x->j, x->largest ? a64_umax_v(into, a, b, x->size, A64_LANES_FULL) : a64_umin_v(into, a, b, x->size, A64_LANES_FULL));
}

/* Below 16 bytes: two pieces that overlap, each repeated over the whole register. */
static void take_pieces(struct extreme *x, uint32_t bytes) {
    struct jit *j = x->j;
    uint32_t log2 = 31 - (uint32_t)__builtin_clz(bytes), piece = 1u << log2;
    emit(j, a64_ld1r(SUM, X0, (enum a64_element)log2, A64_LANES_FULL));
    if (bytes == piece) { return; }
    emit_add_imm(j, X0, X0, bytes - piece, A64_WIDTH_X);
    emit(j, a64_ld1r(V0, X0, (enum a64_element)log2, A64_LANES_FULL));
    take(x, SUM, SUM, V0);
}

/* A whole number of units, but for the last one, which overlaps the one before. */
static void take_units(struct extreme *x, uint32_t left) {
    for (uint32_t at = 0; left > 0; x->live = true) {
        uint32_t units = left >= 2 * UNIT ? 2 : 1, bytes = left < UNIT ? left : units * UNIT;
        enum a64_vector first = x->live ? V0 : SUM;
        if (units == 2) {
            emit_load_pair(x->j, V0, X0, (int32_t)at);
            take(x, x->live ? V0 : SUM, V0, V1);
        } else {
            emit_load_q(x->j, first, X0, (int32_t)(at + bytes) - UNIT);
        }
        if (x->live) { take(x, SUM, SUM, V0); }
        at += bytes;
        left -= bytes;
    }
}

static void take_loop(struct extreme *x, uint32_t turns) {
    struct jit *j = x->j;
    emit_load_q(j, SUM, X0, 0);
    uint32_t head = begin_turns(j, turns);
    emit_load_turn(j, V0, X0);
    take(x, V0, V0, V1);
    take(x, V2, V2, V3);
    take(x, SUM, SUM, V0);
    take(x, SUM, SUM, V2);
    end_turns(j, head);
    x->live = true;
}

static void finish_extreme(struct extreme *x) {
    struct jit *j = x->j;
    if (x->is_signed) {
        emit(j, x->largest ? a64_smaxv(V0, SUM, x->size, A64_LANES_FULL) : a64_sminv(V0, SUM, x->size, A64_LANES_FULL));
        return emit(j, a64_smov_s(X0, V0));
    }
    emit(j, x->largest ? a64_umaxv(V0, SUM, x->size, A64_LANES_FULL) : a64_uminv(V0, SUM, x->size, A64_LANES_FULL));
    emit(j, a64_fmov_w(X0, V0));
}

void compile_vector_extreme(struct vector_code *code) {
    bool largest = code->id >= VL_MAX_U8;
    uint32_t type = code->id - (largest ? VL_MAX_U8 : VL_MIN_U8); /* u8, u16, i32 */
    struct extreme x = {.j = code->j, .largest = largest, .is_signed = type == 2, .size = (enum a64_element)type};
    if (code->bytes < UNIT) {
        take_pieces(&x, code->bytes);
    } else {
        uint32_t turns = code->bytes > 4 * TURN ? code->bytes / TURN : 0;
        if (turns) { take_loop(&x, turns); }
        take_units(&x, code->bytes - turns * TURN);
    }
    finish_extreme(&x);
}

/* ---- CRC-32 ---- */

/* DDI 0487 C6.2, CRC32B to CRC32X; `crc` in x2. */
static void crc_pair(struct jit *j, const struct a64_paired offset, bool moves) {
    const struct a64_paired two = {2};
    emit(j, moves ? a64_ldp_post(X10, X0, X11, two) : a64_ldp(X10, X0, X11, offset, A64_WIDTH_X));
    emit(j, a64_crc32x(X2, X2, X10));
    emit(j, a64_crc32x(X2, X2, X11));
}

static void crc_piece(struct jit *j, int64_t at, enum a64_size size) {
    struct a64_scaled offset;
    if (!try_scaled(at, size, &offset)) { return; }
    emit(j, a64_ldr_scaled(X10, X0, offset, size));
    switch (size) {
    case A64_SIZE_D: return emit(j, a64_crc32x(X2, X2, X10));
    case A64_SIZE_S: return emit(j, a64_crc32w(X2, X2, X10));
    case A64_SIZE_H: return emit(j, a64_crc32h(X2, X2, X10));
    default: return emit(j, a64_crc32b(X2, X2, X10));
    }
}

void compile_vector_crc32(struct vector_code *code) {
    struct jit *j = code->j;
    uint32_t turns = code->bytes > 4 * TURN ? code->bytes / TURN : 0, left = code->bytes - turns * TURN, at = 0;
    if (is_const(j, 3)) {
        emit_constant(j, X2, (uint32_t)~j->values[3].imm);
    } else {
        emit(j, a64_orn(X2, XZR, amount(0), X2, A64_SHIFT_LSL, A64_WIDTH_W));
    }
    if (turns) {
        uint32_t head = begin_turns(j, turns);
        for (uint32_t i = 0; i < 4; i++) { crc_pair(j, (struct a64_paired){0}, true); }
        end_turns(j, head);
    }
    struct a64_paired offset;
    for (; left - at >= UNIT && try_paired(at, A64_WIDTH_X, &offset); at += UNIT) { crc_pair(j, offset, false); }
    for (uint32_t log2 = 4; log2-- > 0;) {
        if ((left - at) >> log2 == 0) { continue; }
        crc_piece(j, at, (enum a64_size)log2);
        at += 1u << log2;
    }
    emit(j, a64_orn(X0, XZR, amount(0), X2, A64_SHIFT_LSL, A64_WIDTH_W));
}
