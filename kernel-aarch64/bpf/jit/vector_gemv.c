/* int8 matrix times vector of known sizes: the vector stays in registers, the matrix is walked row by row, four rows a turn. */

#include "bpf/jit/vector_emit.h"

#define VECTOR V24 /* to V31 */
#define SUM V16    /* to V19: one row each */
#define PRODUCT V4 /* to V7 */

struct gemv {
    struct jit *j;
    uint32_t columns, units;
    bool fast;
};

/* The last unit of a row may overlap the one before: there the vector's is zero. */
static uint32_t unit_at(const struct gemv *g, uint32_t unit) {
    uint32_t at = unit * UNIT;
    return at + UNIT <= g->columns ? at : g->columns - UNIT;
}

static void load_vector(const struct gemv *g) {
    struct jit *j = g->j;
    for (uint32_t u = 0; u < g->units; u++) {
        enum a64_vector v = vector_after(VECTOR, u);
        uint32_t left = g->columns - u * UNIT;
        emit_load_q(j, v, X2, (int32_t)unit_at(g, u));
        if (left >= UNIT) { continue; }
        emit(j, a64_movi_zero(ZERO_VECTOR));
        emit(j, a64_ext(v, v, byte_index(UNIT - left), ZERO_VECTOR)); /* what is left, then zeros */
        emit(j, a64_ext(v, ZERO_VECTOR, byte_index(left), v));          /* zeros, then what is left */
    }
}

static void multiply(const struct gemv *g, enum a64_vector sum, enum a64_vector row, uint32_t unit) {
    struct jit *j = g->j;
    enum a64_vector v = vector_after(VECTOR, unit), high = vector_after(PRODUCT, 1);
    if (g->fast) {
        if (unit == 0) { emit(j, a64_movi_zero(sum)); }
        return emit(j, a64_sdot_v(sum, row, v, A64_LANES_FULL));
    }
    emit(j, a64_smull_v(PRODUCT, row, v, A64_ELEMENT_B, A64_LANES_LOWER));
    emit(j, a64_smull_v(high, row, v, A64_ELEMENT_B, A64_LANES_FULL));
    emit(j, unit == 0 ? a64_saddlp(sum, PRODUCT, A64_ELEMENT_H, A64_LANES_FULL) : a64_sadalp(sum, PRODUCT, A64_ELEMENT_H, A64_LANES_FULL));
    emit(j, a64_sadalp(sum, high, A64_ELEMENT_H, A64_LANES_FULL));
}

/* The products of row `row` from x1 on, into the sum. Rows that begin between units have their address computed once. */
static void add_row(const struct gemv *g, enum a64_vector sum, uint32_t row) {
    uint32_t from = row * g->columns;
    enum a64_reg base = X1;
    if (from % UNIT) {
        emit_add_imm(g->j, SCRATCH2, X1, from, A64_WIDTH_X);
        base = SCRATCH2;
        from = 0;
    }
    for (uint32_t u = 0; u < g->units;) {
        struct a64_paired pair;
        uint32_t at = from + unit_at(g, u);
        bool two = u + 1 < g->units && unit_at(g, u + 1) == unit_at(g, u) + UNIT && try_paired16(at, &pair);
        if (two) {
            emit_load_pair(g->j, V0, base, (int32_t)at);
        } else {
            emit_load_q(g->j, V0, base, (int32_t)at);
        }
        multiply(g, sum, V0, u++);
        if (two) { multiply(g, sum, V1, u++); }
    }
}

static void four_rows(const struct gemv *g) {
    struct jit *j = g->j;
    for (uint32_t row = 0; row < 4; row++) { add_row(g, vector_after(SUM, row), row); }
    emit(j, a64_addp_v(SUM, SUM, vector_after(SUM, 1), A64_ELEMENT_S, A64_LANES_FULL));
    emit(j, a64_addp_v(V18, V18, V19, A64_ELEMENT_S, A64_LANES_FULL));
    emit(j, a64_addp_v(SUM, SUM, V18, A64_ELEMENT_S, A64_LANES_FULL));
    emit(j, a64_str_q_post(SUM, X0, (struct a64_unscaled){16}));
    emit_add_imm(j, X1, X1, 4 * g->columns, A64_WIDTH_X);
}

static void one_row(const struct gemv *g) {
    struct jit *j = g->j;
    add_row(g, SUM, 0);
    emit(j, a64_addv(SUM, SUM, A64_ELEMENT_S, A64_LANES_FULL));
    emit(j, a64_str_s_post(SUM, X0, (struct a64_unscaled){4}));
    emit_add_imm(j, X1, X1, g->columns, A64_WIDTH_X);
}

void compile_vector_gemv(struct vector_code *code, uint32_t rows, uint32_t columns) {
    struct gemv g = {
        .j = code->j,
        .columns = columns,
        .units = (columns + UNIT - 1) / UNIT,
        .fast = code->j->environment->features & JIT_DOTPROD,
    };
    load_vector(&g);
    if (rows >= 4) {
        uint32_t head = begin_turns(code->j, rows / 4);
        four_rows(&g);
        end_turns(code->j, head);
    }
    if (rows % 4) {
        uint32_t head = begin_turns(code->j, rows % 4);
        one_row(&g);
        end_turns(code->j, head);
    }
}
