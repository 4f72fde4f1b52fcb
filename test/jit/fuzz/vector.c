/* Calls of vector helpers: on the memory or on the stack, with counts that are known or only bounded. */

#include "maker.h"

struct vector {
    uint32_t id;
    uint32_t result;
    bool overlaps;
    uint32_t count;
    struct vector_argument arguments[5];
};

#define ROW(name, id, result, overlaps, call, row, block, count, ...) {id, result, overlaps, count, {__VA_ARGS__}},
static const struct vector vectors[VECTOR_COUNT] = {VECTOR_TABLE(ROW)};

static bool is_count(const struct vector_argument *a) { return a->kind == VECTOR_COUNT0 || a->kind == VECTOR_COUNT1; }
static bool is_buffer(const struct vector_argument *a) { return a->kind >= VECTOR_IN; }

static uint32_t bytes_of(const struct vector_argument *a, const uint32_t most[6]) {
    uint32_t elements = 256;
    if (a->rule == RULE_COUNT) { elements = most[a->first]; }
    if (a->rule == RULE_PRODUCT) { elements = most[a->first] * most[a->second]; }
    if (a->rule == RULE_WINDOW) { elements = most[a->first] + most[a->second] - 1; }
    return elements * a->bytes;
}

/* A count of at most `limit`: a constant, or a number cut to fewer bits. */
static void make_count(struct maker *m, uint32_t reg, const struct vector_argument *a, uint32_t limit, uint32_t *most) {
    uint32_t least = a->kind == VECTOR_COUNT1;
    if (chance(m, 60)) {
        *most = least + below(m, limit - least + 1);
        emit(m, ALU64(MOV) | K, reg, 0, 0, (int32_t)*most);
        return;
    }
    uint32_t mask = limit | limit >> 1;
    mask |= mask >> 2;
    mask |= mask >> 4;
    mask |= mask >> 8;
    mask >>= 1; /* below the limit */
    *most = mask | least;
    emit(m, (chance(m, 50) ? ALU64(MOV) : ALU(MOV)) | X, reg, number(m), 0, 0);
    emit(m, ALU64(AND) | K, reg, 0, 0, (int32_t)mask);
    if (least) { emit(m, ALU64(OR) | K, reg, 0, 0, 1); }
}

/* In halves of what there is, so that what is written mostly lies apart from what is read. */
static void make_buffer(struct maker *m, uint32_t reg, const struct vector *v, const struct vector_argument *a, uint32_t bytes) {
    bool stack = bytes <= 4 * STACK_SLOTS && chance(m, 30);
    uint32_t base = stack ? 10 : m->memory, room = stack ? 8 * STACK_SLOTS : 640, low = 0;
    if (!v->overlaps || chance(m, 50)) {
        room /= 2;
        low = a->kind == VECTOR_IN ? 0 : room;
    }
    if (bytes > room) {
        room = stack ? 8 * STACK_SLOTS : m->memory_size;
        low = 0;
    }
    uint32_t at = low + (bytes < room ? below(m, room - bytes + 1) : 0);
    emit(m, ALU64(MOV) | X, reg, base, 0, 0);
    emit(m, ALU64(ADD) | K, reg, 0, 0, (int32_t)at + (stack ? NUMBERS_AT : 0));
}

/* At times as many as the memory holds. */
static uint32_t most_elements(struct maker *m, const struct vector *v) {
    uint32_t widest = 1;
    if (v->id == VL_GEMV_I8 || v->id == VL_FIR_I16) { return 17; }
    if (chance(m, 85)) { return chance(m, 70) ? 40 : 75; }
    for (uint32_t r = 1; r <= v->count; r++) { widest = v->arguments[r - 1].bytes > widest ? v->arguments[r - 1].bytes : widest; }
    return 600 / widest;
}

void make_vector(struct maker *m) {
    const struct vector *v = &vectors[below(m, VECTOR_COUNT)];
    uint32_t most[6] = {};
    for (uint32_t r = 1; r <= v->count; r++) {
        const struct vector_argument *a = &v->arguments[r - 1];
        if (a->kind == VECTOR_NUMBER) { emit_number(m, r); }
        if (is_count(a)) { make_count(m, r, a, most_elements(m, v), &most[r]); }
    }
    for (uint32_t r = 1; r <= v->count; r++) {
        const struct vector_argument *a = &v->arguments[r - 1];
        if (is_buffer(a)) { make_buffer(m, r, v, a, bytes_of(a, most)); }
    }
    emit(m, JMP(CALL), 0, 0, 0, (int32_t)v->id);
    restore_scratch(m);
    if (v->result == RESULT_NOTHING) { emit_number(m, 0); }
}
