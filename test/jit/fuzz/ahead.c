/* Loops that count up to what a register holds, a constant, or both, as clang leaves loops whose number of turns nobody knows: tested
 * where a turn begins, where it ends or twice, with what the next turn starts from handed round between registers. */

#include "maker.h"

struct counting {
    uint32_t counter, now, limit; /* `now`: a copy that the tests may look at */
    int32_t step, most;
    bool narrow, copies;
    bool is_open; /* the limit is any number of 64 bits: a constant ends the loop for sure */
};

/* Low words that would do, and more above them. */
static void make_open_bounds(struct maker *m, struct counting *c) {
    emit(m, MEM(LDX, BPF_SIZE_DW), c->limit, m->memory, 8 * (int32_t)below(m, 60), 0);
    if (chance(m, 70)) {
        emit(m, ALU64(RSH) | K, c->limit, 0, 0, 32 + (int32_t)below(m, 31));
        emit(m, ALU64(LSH) | K, c->limit, 0, 0, 32);
        emit(m, ALU64(OR) | K, c->limit, 0, 0, 1 + (int32_t)below(m, 40));
    }
    emit(m, (chance(m, 50) ? ALU64(MOV) : ALU(MOV)) | K, c->counter, 0, 0, (int32_t)below(m, 8));
}

/* Where it begins and what it counts to: small numbers mostly, at times near the end of 32 bits. */
static void make_bounds(struct maker *m, struct counting *c) {
    uint32_t size = chance(m, 60) ? BPF_SIZE_B : BPF_SIZE_H, high = chance(m, c->step > 1 ? 20 : 8);
    if (c->is_open) { return make_open_bounds(m, c); }
    emit(m, MEM(LDX, size), c->limit, m->memory, (int32_t)below(m, 200), 0);
    emit(m, (chance(m, 60) ? ALU(AND) : ALU64(AND)) | K, c->limit, 0, 0, chance(m, 50) ? 15 : 63);
    if (high) { emit(m, ALU(OR) | K, c->limit, 0, 0, chance(m, 50) ? -64 : -16); }
    if (chance(m, 70)) {
        emit(m, (chance(m, 50) ? ALU64(MOV) : ALU(MOV)) | K, c->counter, 0, 0, high ? -64 : chance(m, 60) ? 0 : (int32_t)below(m, 8));
    } else {
        emit(m, MEM(LDX, BPF_SIZE_B), c->counter, m->memory, (int32_t)below(m, 200), 0);
        emit(m, ALU(AND) | K, c->counter, 0, 0, 7);
    }
    if (high && chance(m, 50)) { emit(m, ALU(MOV) | X, c->counter, c->counter, 0, 0); }
}

/* A test that the loop is left by; returns the jump. */
static uint32_t leave(struct maker *m, const struct counting *c, uint32_t reg) {
    uint32_t class = chance(m, c->narrow ? 90 : 30) ? BPF_CLASS_JMP32 : BPF_CLASS_JMP;
    if (chance(m, 30)) { return emit(m, class | (chance(m, 70) ? BPF_JMP_JGE : BPF_JMP_JGT) | K, reg, 0, 0, c->most); }
    if (chance(m, 20)) { return emit(m, class | (chance(m, 50) ? BPF_JMP_JLE : BPF_JMP_JLT) | X, c->limit, reg, 0, 0); }
    return emit(m, class | (chance(m, 70) ? BPF_JMP_JGE : chance(m, 50) ? BPF_JMP_JGT : BPF_JMP_JEQ) | X, reg, c->limit, 0, 0);
}

static void go_back(struct maker *m, const struct counting *c, uint32_t reg, uint32_t top) {
    uint32_t class = chance(m, c->narrow ? 90 : 30) ? BPF_CLASS_JMP32 : BPF_CLASS_JMP;
    int32_t off = (int32_t)top - (int32_t)m->count - 1;
    if (c->is_open || chance(m, 40)) {
        emit(m, class | (chance(m, 70) ? BPF_JMP_JLT : BPF_JMP_JLE) | K, reg, 0, off, c->most);
    } else if (chance(m, 20)) {
        emit(m, class | (chance(m, 70) ? BPF_JMP_JGT : BPF_JMP_JGE) | X, c->limit, reg, off, 0);
    } else {
        emit(m, class | (chance(m, 80) ? BPF_JMP_JLT : BPF_JMP_JLE) | X, reg, c->limit, off, 0);
    }
}

/* What a turn hands on: each register gets another's value, one of them after something was made of it. */
static void hand_round(struct maker *m, const uint32_t *regs, uint32_t count) {
    static const uint8_t operations[] = {BPF_ALU_ADD, BPF_ALU_ADD, BPF_ALU_ADD, BPF_ALU_XOR, BPF_ALU_SUB, BPF_ALU_MUL, BPF_ALU_AND};
    uint32_t class = chance(m, 70) ? BPF_CLASS_ALU64 : BPF_CLASS_ALU;
    if (chance(m, 70)) { emit(m, (chance(m, 80) ? ALU64(MOV) : ALU(MOV)) | X, regs[0], regs[1], 0, 0); }
    if (chance(m, 30)) { emit(m, (chance(m, 80) ? ALU64(MOV) : ALU(MOV)) | X, regs[1], regs[0], 0, 0); }
    emit(m, class | operations[below(m, sizeof(operations))] | X, regs[below(m, count)], regs[below(m, count)], 0, 0);
    if (chance(m, 20)) { make_alu(m); }
    for (uint32_t i = 2; i < count; i++) {
        if (chance(m, 80)) { emit(m, (chance(m, 80) ? ALU64(MOV) : ALU(MOV)) | X, regs[i], regs[chance(m, 70) ? i - 2 : below(m, count)], 0, 0); }
    }
}

static void count_on(struct maker *m, const struct counting *c) {
    bool narrow = c->narrow || chance(m, 10);
    int32_t detour = chance(m, 90) ? 0 : 1 + (int32_t)below(m, 4);
    if (c->copies) { emit(m, (narrow ? ALU(MOV) : ALU64(MOV)) | X, c->counter, c->now, 0, 0); }
    if (detour) {
        emit(m, (narrow ? ALU(ADD) : ALU64(ADD)) | K, c->counter, 0, 0, -detour);
        emit(m, ALU64(ADD) | X, target(m), c->counter, 0, 0);
    }
    emit(m, (narrow ? ALU(ADD) : ALU64(ADD)) | K, c->counter, 0, 0, c->step + detour);
}

static void make_turn(struct maker *m, const struct counting *c, const uint32_t *regs, uint32_t count, uint32_t out[2]) {
    uint32_t tested = c->copies ? c->now : c->counter, scratch = target(m);
    if (c->copies) { emit(m, (c->narrow ? ALU(MOV) : ALU64(MOV)) | X, c->now, c->counter, 0, 0); }
    if (chance(m, 40)) { hand_round(m, regs, count); }
    if (chance(m, 50)) { out[0] = leave(m, c, tested); }
    if (chance(m, 40)) { make_body(m, tested, scratch); }
    bool first = chance(m, 50);
    if (first) { count_on(m, c); }
    if (chance(m, 70)) { hand_round(m, regs, count); }
    if (chance(m, 5)) { out[1] = emit_condition(m); }
    if (!first) { count_on(m, c); }
    if (chance(m, 20)) { make_alu(m); }
}

void make_ahead(struct maker *m) {
    if (__builtin_popcount(m->reserved & 0x3ff) > 4) { return; }
    static const int32_t steps[] = {1, 1, 1, 1, 2, 3, 8, -1};
    uint32_t taken = m->reserved | 1u << m->memory, kept = m->reserved, labels = m->label_count, regs[4], count = 2 + below(m, 3);
    struct counting c = {.counter = take(m, &taken), .limit = take(m, &taken), .step = steps[below(m, sizeof(steps) / sizeof(*steps))], .narrow = chance(m, 70)};
    c.now = take(m, &taken);
    c.copies = chance(m, 40);
    c.is_open = c.step > 0 && chance(m, 15);
    c.most = chance(m, 90) ? 16 + (int32_t)below(m, 60) : (int32_t)below(m, 8);
    for (uint32_t i = 0; i < count; i++) { regs[i] = chance(m, 95) ? take(m, &taken) : number(m); }
    bool wild = m->wild, full = regs[0] == 10 || regs[1] == 10 || m->pointer != 10;
    while (count > 2 && regs[count - 1] == 10) { count--; }
    if (full || c.now == 10) { return; }
    for (uint32_t i = 0; i < count; i++) {
        if (m->reserved >> regs[i] & 1 || regs[i] == 10) { return; }
        if (chance(m, 60)) { emit_number(m, regs[i]); }
    }
    make_bounds(m, &c);
    m->reserved |= 1u << c.counter | 1u << c.now | (chance(m, 95) ? 1u << c.limit : 0);
    m->wild = false;
    uint32_t top = m->count, out[3] = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
    if (c.copies && chance(m, 50)) { emit(m, ALU(MOV) | X, c.now, c.counter, 0, 0); }
    make_turn(m, &c, regs, count, out);
    uint32_t tested = c.copies && chance(m, 60) ? c.now : c.counter;
    if (!c.is_open && chance(m, 30)) {
        out[2] = leave(m, &c, tested);
        emit(m, JMP(JA), 0, 0, (int32_t)top - (int32_t)m->count - 1, 0);
    } else {
        go_back(m, &c, tested, top);
    }
    for (uint32_t i = 0; i < 3; i++) {
        if (out[i] != UINT32_MAX) { land(m, out[i]); }
    }
    if (chance(m, 40)) { emit_number(m, c.counter); }
    m->wild = wild;
    m->reserved = kept;
    m->label_count = labels < m->label_count ? labels : m->label_count;
}
