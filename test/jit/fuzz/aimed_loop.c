/* Loops of that kind (aimed.c). */

#include "maker.h"

/* Jumps back, however far the body is. */
static void go_back(struct maker *m, uint32_t op, uint32_t dst, uint32_t src, int32_t imm, uint32_t top) {
    uint32_t class = chance(m, 50) ? BPF_CLASS_JMP : BPF_CLASS_JMP32;
    int32_t off = (int32_t)top - (int32_t)m->count - 1;
    if (chance(m, 70)) {
        emit(m, class | op, dst, src, off, imm);
    } else { /* as clang writes it: over a jump */
        emit(m, class | (op ^ (BPF_JMP_JLT ^ BPF_JMP_JGE)), dst, src, 1, imm);
        emit(m, JMP(JA), 0, 0, off - 1, 0);
    }
}

static void make_limit(struct maker *m, uint32_t limit, int32_t mask) {
    emit(m, MEM(LDX, chance(m, 80) ? BPF_SIZE_B : BPF_SIZE_W), limit, m->memory, 4 * (int32_t)below(m, 100), 0);
    emit(m, (chance(m, 50) ? ALU(AND) : ALU64(AND)) | K, limit, 0, 0, mask);
}

struct loop {
    uint32_t counter, limit, other;
};

static bool take_all(struct maker *m, struct loop *l) {
    uint32_t taken = m->reserved | 1u << m->memory;
    l->counter = take(m, &taken);
    l->limit = take(m, &taken);
    l->other = take(m, &taken);
    if (l->counter == 10 || l->limit == 10 || l->other == 10 || m->pointer != 10) { return false; }
    m->reserved |= 1u << l->counter | 1u << l->limit | 1u << l->other;
    return true;
}

static void clear(struct maker *m, uint32_t reg) { emit(m, (chance(m, 50) ? ALU64(MOV) : ALU(MOV)) | K, reg, 0, 0, 0); }

static void count(struct maker *m, uint32_t reg) { emit(m, (chance(m, 60) ? ALU64(ADD) : ALU(ADD)) | K, reg, 0, 0, 1); }

/* Counts only in some turns; another number ends it. */
static void make_some_turns(struct maker *m, const struct loop *l) {
    make_limit(m, l->limit, 15);
    clear(m, l->counter);
    clear(m, l->other);
    uint32_t top = m->count, out = UINT32_MAX, over;
    if (chance(m, 50)) { make_alu(m); }
    bool early = chance(m, 50);
    if (early) { count(m, l->other), out = emit(m, JMP(JGE) | K, l->other, 0, 0, 20); }
    over = emit_condition(m);
    count(m, l->counter);
    land(m, over);
    if (chance(m, 70)) { make_alu(m); }
    if (!early) { count(m, l->other), out = emit(m, JMP(JGE) | K, l->other, 0, 0, 20); }
    go_back(m, BPF_JMP_JLT | X, l->counter, l->limit, 0, top);
    land(m, out);
}

/* A search by a pointer: how far it came is wanted only where it found something. */
static void make_search(struct maker *m, const struct loop *l) {
    make_limit(m, l->limit, 31);
    emit(m, ALU64(MOV) | X, l->other, m->memory, 0, 0);
    clear(m, l->counter);
    uint32_t top = m->count, found, value = target(m);
    emit(m, MEM(LDX, BPF_SIZE_B), value, l->other, 0, 0);
    emit(m, ALU64(ADD) | K, l->other, 0, 0, 1 + (int32_t)below(m, 8));
    found = emit(m, (chance(m, 50) ? BPF_CLASS_JMP : BPF_CLASS_JMP32) | (chance(m, 50) ? BPF_JMP_JEQ : BPF_JMP_JGT) | K, value, 0, 0, (int32_t)below(m, 256));
    count(m, l->counter);
    go_back(m, BPF_JMP_JLT | X, l->counter, l->limit, 0, top);
    emit_number(m, l->counter);
    land(m, found);
    emit(m, ALU64(ADD) | X, target(m), l->counter, 0, 0);
    emit_number(m, l->other);
}

/* A loop in another, both counting up to the same. */
static void make_nested(struct maker *m, const struct loop *l) {
    make_limit(m, l->limit, 7);
    clear(m, l->counter);
    uint32_t outer = m->count;
    if (chance(m, 30)) { make_alu(m); }
    clear(m, l->other);
    uint32_t inner = m->count;
    if (chance(m, 50)) { make_alu(m); }
    count(m, l->other);
    go_back(m, BPF_JMP_JLT | X, l->other, l->limit, 0, inner);
    if (chance(m, 50)) { emit(m, ALU64(MOV) | X, l->other, l->limit, 0, 0), make_alu(m); }
    if (chance(m, 30)) { emit(m, ALU64(ADD) | X, target(m), l->other, 0, 0); }
    count(m, l->counter);
    go_back(m, BPF_JMP_JLT | X, l->counter, l->limit, 0, outer);
}

/* From one of two numbers, known each. */
static void make_two_starts(struct maker *m, const struct loop *l) {
    emit(m, ALU64(MOV) | K, l->counter, 0, 0, (int32_t)below(m, 8));
    if (chance(m, 50)) { emit_number(m, l->other); }
    uint32_t into = emit_condition(m);
    emit(m, ALU64(MOV) | K, l->counter, 0, 0, (int32_t)below(m, 8));
    if (chance(m, 50)) { emit_number(m, l->other); }
    land(m, into);
    uint32_t top = m->count;
    make_body(m, l->counter, target(m));
    if (chance(m, 40)) { emit(m, ALU64(ADD) | X, l->other, l->counter, 0, 0); }
    count(m, l->counter);
    go_back(m, BPF_JMP_JLT | K, l->counter, 0, 8 + (int32_t)below(m, 12), top);
}

void make_aimed_loop(struct maker *m) {
    struct loop l;
    uint32_t kept = m->reserved, labels = m->label_count;
    bool wild = m->wild;
    if (__builtin_popcount(m->reserved & 0x3ff) > 4 || !take_all(m, &l)) { m->reserved = kept; return; }
    m->wild = false;
    switch (below(m, 4)) {
    case 0: make_some_turns(m, &l); break;
    case 1: make_search(m, &l); break;
    case 2: make_nested(m, &l); break;
    default: make_two_starts(m, &l); break;
    }
    m->wild = wild;
    m->reserved = kept;
    m->label_count = labels < m->label_count ? labels : m->label_count;
    for (uint32_t i = 0; i < 3; i++) {
        if (chance(m, 50)) { emit_number(m, (const uint32_t[]){l.counter, l.limit, l.other}[i]); }
    }
}
