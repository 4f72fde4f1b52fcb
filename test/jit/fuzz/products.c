/* Filters as clang unrolls them: numbers of 16 bits on the stack, and a loop that multiplies elements that lie side by side by them
 * and adds up what that gives; and nearly such, which the JIT must not take for them. */

#include "maker.h"

enum { MOST_FACTORS = 16, KEPT = 2, KEPT_AT = KEY_AT - 8 * KEPT, FACTORS_AT = KEPT_AT - 8 * MOST_FACTORS };
static_assert(FACTORS_AT >= -512);

struct products {
    uint32_t counter, base, element, product, sum; /* registers */
    uint32_t count, turns, odd; /* `odd`: percent of what is not as it is to be */
    uint32_t disturbed; /* the product behind which one thing is not as it is to be; above all of them: none */
    int32_t at;
    bool kept[KEPT];
};

static void extend(struct maker *m, const struct products *p, uint32_t reg) {
    bool wide = chance(m, p->odd);
    emit(m, (wide ? ALU64(LSH) : ALU(LSH)) | K, reg, 0, 0, wide ? 48 : 16);
    emit(m, (wide ? ALU64(ARSH) : chance(m, p->odd) ? ALU(RSH) : ALU(ARSH)) | K, reg, 0, 0, wide ? 48 : chance(m, p->odd) ? 8 : 16);
}

static void load_element(struct maker *m, const struct products *p, uint32_t reg, uint32_t from, int32_t at) {
    bool extended = chance(m, 30);
    emit(m, BPF_CLASS_LDX | (extended ? BPF_MODE_MEMSX : BPF_MODE_MEM) | (chance(m, p->odd) ? BPF_SIZE_B : BPF_SIZE_H), reg, from, at, 0);
    if (!extended) { extend(m, p, reg); }
}

static int32_t factor_at(const struct products *p, uint32_t i) { return FACTORS_AT + 8 * (int32_t)((i * 5 + p->count) % MOST_FACTORS); }

static void store_factors(struct maker *m, const struct products *p) {
    for (uint32_t i = 0; i < MOST_FACTORS; i++) {
        load_element(m, p, p->element, m->memory, 2 * (int32_t)below(m, 300));
        if (chance(m, p->odd)) { emit_number(m, p->element); }
        if (chance(m, p->odd)) { maybe_label(m, 30); }
        emit(m, MEM(STX, chance(m, p->odd) ? BPF_SIZE_DW : BPF_SIZE_W), 10, p->element, factor_at(p, i), 0);
    }
    for (uint32_t i = 0; i < KEPT; i++) { emit(m, MEM(ST, BPF_SIZE_W), 10, 0, KEPT_AT + 8 * (int32_t)i, 7); }
}

/* What clang does for want of registers. */
static void keep(struct maker *m, struct products *p) {
    uint32_t which = below(m, KEPT);
    if (p->kept[which]) { return; }
    p->kept[which] = true;
    emit(m, MEM(STX, BPF_SIZE_W), 10, p->sum, KEPT_AT + 8 * (int32_t)which, 0);
    if (chance(m, 50)) { emit(m, ALU64(MOV) | K, p->sum, 0, 0, 5); }
    emit(m, MEM(LDX, BPF_SIZE_W), p->sum, 10, KEPT_AT + 8 * (int32_t)which, 0);
}

static void disturb(struct maker *m, const struct products *p) {
    switch (below(m, 6)) {
    case 5:
        emit(m, MEM(STX, BPF_SIZE_W), 10, p->sum, factor_at(p, below(m, p->count)), 0);
        emit(m, MEM(LDX, BPF_SIZE_W), p->sum, 10, factor_at(p, below(m, p->count)), 0);
        break;
    case 0: emit(m, MEM(STX, BPF_SIZE_H), m->memory, p->counter, p->at + (int32_t)below(m, 64), 0); break;
    case 1: emit(m, ALU64(ADD) | K, p->base, 0, 0, 2); break;
    case 2: emit(m, MEM(STX, BPF_SIZE_W), 10, p->counter, factor_at(p, below(m, p->count)), 0); break;
    case 3: emit(m, ALU(ADD) | X, target(m), p->product, 0, 0); break;
    default: make_alu(m);
    }
}

static void make_product(struct maker *m, struct products *p, uint32_t i, bool first) {
    uint32_t to = first ? p->sum : p->product;
    load_element(m, p, p->element, p->base, p->at + 2 * (int32_t)(chance(m, p->odd) ? below(m, p->count) : i));
    emit(m, MEM(LDX, BPF_SIZE_W), to, 10, factor_at(p, chance(m, 3 * p->odd) ? below(m, MOST_FACTORS) : i), 0);
    emit(m, (chance(m, p->odd) ? ALU64(MUL) : ALU(MUL)) | X, to, p->element, 0, 0);
    if (chance(m, p->odd) || i == p->disturbed) { disturb(m, p); }
    if (first) { return; }
    bool turned = chance(m, 30);
    emit(m, (chance(m, p->odd) ? ALU64(ADD) : ALU(ADD)) | X, turned ? to : p->sum, turned ? p->sum : to, 0, 0);
    if (turned) { p->product = p->sum, p->sum = to; }
    if (chance(m, 10)) { keep(m, p); }
}

static void make_turn(struct maker *m, struct products *p) {
    bool backwards = chance(m, 30);
    uint32_t turned = chance(m, 50) ? below(m, p->count) : 0; /* which one comes first */
    emit(m, ALU64(MOV) | X, p->base, m->memory, 0, 0);
    emit(m, ALU64(ADD) | X, p->base, p->counter, 0, 0);
    for (uint32_t n = 0; n < p->count; n++) {
        uint32_t i = (n + turned) % p->count;
        make_product(m, p, backwards ? p->count - 1 - i : i, n == 0);
    }
    if (chance(m, 20)) { emit(m, ALU(ADD) | X, p->sum, p->counter, 0, 0); }
    emit(m, ALU64(MOV) | X, p->base, m->memory, 0, 0);
    emit(m, ALU64(ADD) | X, p->base, p->counter, 0, 0);
    emit(m, MEM(STX, BPF_SIZE_W), p->base, p->sum, (int32_t)below(m, 500), 0);
    if (chance(m, p->odd)) { emit(m, ALU(ADD) | X, target(m), p->product, 0, 0); }
}

static bool take_all(struct maker *m, struct products *p, uint32_t *taken) {
    uint32_t *regs[] = {&p->counter, &p->base, &p->element, &p->product, &p->sum};
    for (uint32_t i = 0; i < 5; i++) {
        *regs[i] = take(m, taken);
        if (*regs[i] == 10) { return false; }
    }
    return true;
}

void make_products(struct maker *m) {
    struct products p = {.turns = 1 + below(m, 9), .odd = chance(m, 60) ? 0 : 2};
    uint32_t taken = 0, kept = m->reserved;
    if (__builtin_popcount(kept & 0x3ff) > 4 || !take_all(m, &p, &taken)) { return; }
    p.count = chance(m, 80) ? 8 + 4 * below(m, 3) : 6 + below(m, 11);
    p.at = (int32_t)below(m, 500);
    p.disturbed = chance(m, 20) ? below(m, p.count) : p.count;
    m->reserved |= taken;
    store_factors(m, &p);
    emit(m, ALU64(MOV) | K, p.counter, 0, 0, 0);
    uint32_t top = m->count;
    make_turn(m, &p);
    emit(m, ALU64(ADD) | K, p.counter, 0, 0, 2);
    emit(m, JMP(JNE) | K, p.counter, 0, (int32_t)top - (int32_t)m->count - 1, 2 * (int32_t)p.turns);
    m->reserved = kept;
    if (chance(m, 10)) { emit(m, MEM(LDX, BPF_SIZE_W), p.product, 10, KEPT_AT + 8 * (int32_t)below(m, KEPT), 0); }
    emit_number(m, p.base);
}
