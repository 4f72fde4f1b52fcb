/* Loops over what lies side by side: products added up, elements added up, copies; and nearly such, which the JIT must not take
 * for them. */

#include "maker.h"

struct bulk {
    uint32_t counter, address[2], value[2], total;
    uint32_t log2, turns, made;
    int32_t at[2];
    bool moves; /* the addresses go on by themselves */
};

uint32_t take(struct maker *m, uint32_t *taken) {
    for (uint32_t tries = 0; tries < 40; tries++) {
        uint32_t reg = target(m);
        if (*taken >> reg & 1) { continue; }
        *taken |= 1u << reg;
        return reg;
    }
    return 10;
}

static void make_address(struct maker *m, const struct bulk *b, uint32_t which) {
    uint32_t address = b->address[which];
    bool counts = chance(m, 97);
    emit(m, (chance(m, 97) ? ALU64(MOV) : ALU(MOV)) | (counts ? X : K), address, counts ? b->counter : 0, 0, 0);
    if (b->log2 || chance(m, 5)) { emit(m, (chance(m, 96) ? ALU64(LSH) : ALU(LSH)) | K, address, 0, 0, (int32_t)(chance(m, 95) ? b->log2 : below(m, 3))); }
    emit(m, ALU64(ADD) | X, address, m->memory, 0, 0);
}

static void load(struct maker *m, const struct bulk *b, uint32_t which, bool extends) {
    uint32_t value = b->value[which], bits = 8u << b->log2, reads = b->address[chance(m, 97) ? which : 0];
    bool wide = chance(m, 30);
    int32_t by = (int32_t)((wide ? 64 : 32) - bits);
    if (!b->moves) { make_address(m, b, which), reads = b->address[which]; }
    uint32_t mode = extends && chance(m, 30) ? BPF_MODE_MEMSX : BPF_MODE_MEM;
    emit(m, BPF_CLASS_LDX | mode | size_code(1u << b->log2), value, reads, b->at[which], 0);
    if (!extends || mode == BPF_MODE_MEMSX || chance(m, 3)) { return; }
    emit(m, (wide ? ALU64(LSH) : ALU(LSH)) | K, value, 0, 0, by);
    emit(m, (wide ? ALU64(ARSH) : ALU(ARSH)) | K, value, 0, 0, chance(m, 97) ? by : 1);
}

static void move_on(struct maker *m, const struct bulk *b) {
    int32_t step = 1 << b->log2;
    for (uint32_t i = 0; i < 2 && b->moves; i++) {
        if (chance(m, 97)) { emit(m, ALU64(ADD) | K, b->address[i], 0, 0, chance(m, 96) ? step : 2 * step); }
    }
}

static void make_turn(struct maker *m, const struct bulk *b) {
    uint32_t sum = chance(m, 97) ? ALU(ADD) : ALU64(ADD), x = b->value[0], y = b->value[1];
    if (b->made == 2) {
        load(m, b, 0, chance(m, 5));
        if (!b->moves) { make_address(m, b, 1); }
        emit(m, MEM(STX, size_code(1u << b->log2)), b->address[1], x, b->at[1], 0);
        return;
    }
    load(m, b, 0, b->made == 0);
    if (b->made == 0) {
        load(m, b, 1, true);
        emit(m, (chance(m, 80) ? ALU(MUL) : ALU64(MUL)) | X, x, chance(m, 97) ? y : x, 0, 0);
    }
    if (chance(m, 50)) {
        emit(m, sum | X, b->total, x, 0, 0);
    } else {
        emit(m, sum | X, x, b->total, 0, 0);
        emit(m, (chance(m, 60) ? ALU64(MOV) : ALU(MOV)) | X, b->total, x, 0, 0);
    }
}

void make_bulk(struct maker *m) {
    if (__builtin_popcount(m->reserved & 0x3ff) > 3) { return; }
    uint32_t taken = 0, kept = m->reserved;
    struct bulk b = {.log2 = below(m, 3), .made = below(m, 3), .moves = chance(m, 50)};
    b.counter = take(m, &taken);
    b.total = take(m, &taken);
    for (uint32_t i = 0; i < 2; i++) { b.address[i] = take(m, &taken), b.value[i] = take(m, &taken); }
    if (taken >> 10 || b.counter == 10 || b.total == 10 || b.address[1] == 10 || b.value[1] == 10) { return; }
    b.turns = 2 + below(m, (chance(m, 10) ? 300u : 130u) >> b.log2);
    uint32_t bytes = b.turns << b.log2;
    b.at[0] = (int32_t)below(m, 600 - bytes);
    b.at[1] = chance(m, 70) ? (int32_t)below(m, 600 - bytes) : b.at[0] + (int32_t)below(m, 40) - 20;
    if (b.at[1] < 0) { b.at[1] = 0; }
    if (chance(m, 50)) { emit(m, ALU64(MOV) | K, b.total, 0, 0, (int32_t)below(m, 3)); }
    for (uint32_t i = 0; i < 2 && b.moves; i++) {
        emit(m, ALU64(MOV) | X, b.address[i], m->memory, 0, 0);
        if (chance(m, 70)) { emit(m, ALU64(ADD) | K, b.address[i], 0, 0, b.at[i]), b.at[i] = 0; }
    }
    emit(m, (chance(m, 50) ? ALU64(MOV) : ALU(MOV)) | K, b.counter, 0, 0, 0);
    m->reserved |= taken;
    uint32_t top = m->count;
    make_turn(m, &b);
    if (chance(m, 5)) { make_alu(m); }
    move_on(m, &b);
    emit(m, (chance(m, 70) ? ALU64(ADD) : ALU(ADD)) | K, b.counter, 0, 0, 1);
    if (chance(m, 50)) {
        emit(m, JMP(JEQ) | K, b.counter, 0, 1, (int32_t)b.turns);
        emit(m, JMP(JA), 0, 0, (int32_t)top - (int32_t)m->count - 1, 0);
    } else {
        emit(m, JMP(JNE) | K, b.counter, 0, (int32_t)top - (int32_t)m->count - 1, (int32_t)b.turns);
    }
    m->reserved = kept;
    for (uint32_t i = 0; i < 2; i++) {
        if (b.moves && chance(m, 50)) { emit(m, MEM(STX, BPF_SIZE_B), b.address[i], b.total, -1 - b.at[i] - (int32_t)below(m, 2), 0); }
        emit_number(m, b.address[i]);
    }
}
