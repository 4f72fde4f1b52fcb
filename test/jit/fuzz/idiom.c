/* What clang writes where C has one operation: numbers put together from bytes, signed loads, rotations, loops that count. */

#include "maker.h"

/* Bytes at neighbouring places, or nearly, each shifted to its place and joined; other things happen between. */
void make_bytes(struct maker *m) {
    uint32_t count = chance(m, 40) ? 2 : chance(m, 70) ? 4 : 2 + below(m, 7), dst = target(m), part = target_but(m, dst);
    bool swapped = chance(m, 70), wide = count > 4 || chance(m, 30);
    int32_t at = (int32_t)below(m, 600);
    uint32_t class = wide ? BPF_CLASS_ALU64 : BPF_CLASS_ALU, order[8], base = m->memory;
    for (uint32_t i = 0; i < count; i++) { order[i] = i; }
    for (uint32_t i = count - 1; i > 0 && chance(m, 60); i--) {
        uint32_t other = below(m, i + 1), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    for (uint32_t n = 0; n < count; n++) {
        uint32_t i = order[n], place = swapped ? count - 1 - i : i, reg = n == 0 ? dst : part;
        if (chance(m, 6)) { place = below(m, wide ? 8 : 4); }
        emit(m, MEM(LDX, chance(m, 96) ? BPF_SIZE_B : BPF_SIZE_H), reg, base, at + (int32_t)(chance(m, 96) ? i : below(m, 12)), 0);
        if (chance(m, 12)) { make_alu(m); }
        if (place) { emit(m, class | BPF_ALU_LSH | K, reg, 0, 0, (int32_t)(8 * place & (wide ? 63 : 31))); }
        if (chance(m, 5)) { emit(m, MEM(ST, BPF_SIZE_B), base, 0, at + (int32_t)below(m, 8), random_imm(&m->random)); }
        if (n > 0) { emit(m, (chance(m, 95) ? class : BPF_CLASS_ALU64) | (chance(m, 92) ? BPF_ALU_OR : BPF_ALU_ADD) | X, dst, part, 0, 0); }
        if (chance(m, 8)) { emit(m, ALU64(MOV) | X, target_but(m, dst), dst, 0, 0); }
        maybe_label(m, 3);
    }
    if (chance(m, 30)) { emit(m, class | (chance(m, 50) ? BPF_ALU_RSH : chance(m, 50) ? BPF_ALU_LSH : BPF_ALU_ARSH) | K, dst, 0, 0, (int32_t)(chance(m, 50) ? 8 * below(m, wide ? 8 : 4) : below(m, wide ? 64 : 32))); }
    if (chance(m, 10)) { emit(m, MEM(LDX, BPF_SIZE_W), dst, base, at, 0); }
}

/* A byte or halfword loaded and extended with sign by two shifts. */
void make_signed_load(struct maker *m) {
    uint32_t dst = target(m), bytes = chance(m, 50) ? 1 : chance(m, 70) ? 2 : 4, reg = m->memory;
    bool wide = chance(m, 50);
    int32_t by = (wide ? 64 : 32) - 8 * (int32_t)bytes, at = (int32_t)below(m, 500);
    uint32_t class = wide ? BPF_CLASS_ALU64 : BPF_CLASS_ALU;
    if (chance(m, 40) && dst != m->memory) { /* through a sum, as arrays are indexed */
        emit(m, ALU64(MOV) | X, dst, number(m), 0, 0);
        emit(m, ALU64(AND) | K, dst, 0, 0, 0x7f);
        emit(m, ALU64(ADD) | X, dst, m->memory, 0, 0);
        reg = dst;
        at = chance(m, 60) ? 0 : at / 2;
    }
    emit(m, MEM(LDX, bytes == 1 ? BPF_SIZE_B : bytes == 2 ? BPF_SIZE_H : BPF_SIZE_W), dst, reg, at, 0);
    if (chance(m, 30)) { make_alu(m); }
    emit(m, class | BPF_ALU_LSH | K, dst, 0, 0, by);
    if (chance(m, 30)) { make_alu(m); }
    maybe_label(m, 3);
    if (chance(m, 8)) { by = (int32_t)below(m, wide ? 64 : 32); }
    emit(m, (chance(m, 95) ? class : BPF_CLASS_ALU64) | (chance(m, 90) ? BPF_ALU_ARSH : BPF_ALU_RSH) | K, dst, 0, 0, by);
}

/* Neighbouring places copied, or cleared, one after the other, as structures are; now and then over themselves. */
void make_copying(struct maker *m) {
    uint32_t size = below(m, 4), bytes = 1u << size, dst = target(m), count = 2 + below(m, 7), way = below(m, 5);
    int32_t from = (int32_t)below(m, 300), to = chance(m, 25) ? from + (int32_t)below(m, 24) - 8 : (int32_t)below(m, 500);
    if (to < 0) { to = 0; }
    for (uint32_t n = 0; n < count; n++) {
        int32_t at = (int32_t)(bytes * (way == 4 ? count - 1 - n : n));
        if (way == 0) {
            emit(m, MEM(ST, size_code(bytes)), m->memory, 0, to + at, chance(m, 95) ? 0 : random_imm(&m->random));
        } else {
            emit(m, MEM(LDX, size_code(bytes)), chance(m, 97) ? dst : target(m), m->memory, from + at, 0);
            emit(m, MEM(STX, size_code(bytes)), m->memory, dst, to + at, 0);
        }
        if (chance(m, 5)) { make_alu(m); }
        maybe_label(m, 3);
    }
}

/* Two shifts joined: a rotation, or the middle of two registers. */
void make_rotation(struct maker *m) {
    bool wide = chance(m, 40);
    uint32_t class = wide ? BPF_CLASS_ALU64 : BPF_CLASS_ALU, size = wide ? 64 : 32, by = below(m, size), high = target(m), low = target_but(m, high);
    uint32_t from = number(m), other = chance(m, 80) ? from : number(m), join = chance(m, 80) ? BPF_ALU_OR : chance(m, 50) ? BPF_ALU_ADD : BPF_ALU_XOR;
    emit(m, (chance(m, 60) ? ALU64(MOV) : ALU(MOV)) | X, low, from, 0, 0);
    if (other != low && chance(m, 70)) { emit(m, (chance(m, 60) ? ALU64(MOV) : ALU(MOV)) | X, high, other, 0, 0); }
    emit(m, class | (chance(m, 90) ? BPF_ALU_RSH : BPF_ALU_ARSH) | K, low, 0, 0, (int32_t)by);
    emit(m, class | BPF_ALU_LSH | K, high, 0, 0, (int32_t)((chance(m, 90) ? size - by : below(m, size)) & (size - 1)));
    maybe_label(m, 5);
    emit(m, (chance(m, 90) ? class : BPF_CLASS_ALU64) | join | X, chance(m, 50) ? high : low, chance(m, 50) ? low : high, 0, 0);
}

/* What C has ?: for, and && and || where a number is made of them: one or two values, each put over a jump. */
void make_choice(struct maker *m) {
    uint32_t dst[2] = {target(m), target(m)}, count = 1 + below(m, 2);
    for (uint32_t i = 0; i < count; i++) {
        if (chance(m, 80)) { emit(m, (chance(m, 60) ? ALU64(MOV) : ALU(MOV)) | K, dst[i], 0, 0, chance(m, 90) ? (int32_t)below(m, 2) : random_imm(&m->random)); }
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t over = emit_condition(m), class = chance(m, 60) ? BPF_CLASS_ALU64 : BPF_CLASS_ALU;
        bool moves = chance(m, 40);
        emit(m, class | BPF_ALU_MOV | (moves ? X : K), dst[i], moves ? number(m) : 0, 0, moves ? 0 : chance(m, 90) ? (int32_t)below(m, 2) : random_imm(&m->random));
        land(m, over);
        maybe_label(m, 5);
    }
    if (count == 2 && chance(m, 70)) { emit(m, ALU64(OR) | X, dst[0], dst[1], 0, 0); }
}

void make_body(struct maker *m, uint32_t counter, uint32_t scratch) {
    switch (below(m, 7)) {
    case 0: /* an element of an array, at the counter */
    case 1:
    case 2: {
        uint32_t size = chance(m, 50) ? BPF_SIZE_B : chance(m, 50) ? BPF_SIZE_H : BPF_SIZE_W;
        emit(m, ALU64(MOV) | X, scratch, m->memory, 0, 0);
        if (chance(m, 40)) {
            uint32_t scaled = target_but(m, scratch);
            emit(m, ALU64(MOV) | X, scaled, counter, 0, 0);
            emit(m, ALU64(LSH) | K, scaled, 0, 0, (int32_t)below(m, 3));
            emit(m, ALU64(ADD) | X, scratch, scaled, 0, 0);
        } else {
            emit(m, ALU64(ADD) | X, scratch, counter, 0, 0);
        }
        int32_t off = chance(m, 50) ? 0 : (int32_t)below(m, 60);
        if (chance(m, 30)) {
            emit(m, MEM(STX, size), scratch, chance(m, 80) ? counter : m->fuel < 10 ? m->fuel : counter, off, 0);
            return emit_number(m, scratch);
        }
        emit(m, MEM(LDX, size), scratch, scratch, off, 0);
        emit(m, (chance(m, 50) ? BPF_CLASS_ALU64 : BPF_CLASS_ALU) | (chance(m, 50) ? BPF_ALU_ADD : BPF_ALU_XOR) | X, target(m), scratch, 0, 0);
        return;
    }
    case 3: make_signed_load(m); return;
    case 4: emit(m, (chance(m, 50) ? ALU64(MOV) : ALU(MOV)) | X, target(m), number(m), 0, 0); return;
    default: make_alu(m);
    }
}

/* What clang ends loops with: what the next turn starts from, computed in one register and copied to another. */
static void make_next(struct maker *m, uint32_t next, uint32_t current) {
    static const uint8_t operations[] = {BPF_ALU_ADD, BPF_ALU_XOR, BPF_ALU_SUB, BPF_ALU_MUL, BPF_ALU_AND, BPF_ALU_RSH};
    uint32_t class = chance(m, 60) ? BPF_CLASS_ALU : BPF_CLASS_ALU64;
    if (chance(m, 40)) { emit(m, (chance(m, 50) ? ALU(RSH) : ALU64(ADD)) | K, current, 0, 0, (int32_t)below(m, 32)); }
    if (chance(m, 15)) { emit(m, class | BPF_ALU_MUL | K, current, 0, 0, random_imm(&m->random)); }
    emit(m, class | operations[below(m, sizeof(operations))] | X, next, current, 0, 0);
    if (chance(m, 20)) { make_alu(m); }
    emit(m, (chance(m, 60) ? ALU(MOV) : ALU64(MOV)) | X, current, next, 0, 0);
}

/* A loop of one block that counts from a constant to a constant, by steps. */
void make_counting(struct maker *m) {
    if (__builtin_popcount(m->reserved & 0x3ff) > 5) { return; }
    static const uint8_t steps[] = {1, 1, 1, 2, 3, 4, 8};
    uint32_t counter = target(m), scratch = target_but(m, counter), turns = chance(m, 30) ? 1 + below(m, 4) : 1 + below(m, 26), kept = m->reserved;
    int32_t step = steps[below(m, sizeof(steps))], first = chance(m, 60) ? 0 : (int32_t)below(m, 20);
    bool narrow = chance(m, 25), down = chance(m, 20);
    if (turns * (uint32_t)step + (uint32_t)first > 100) { turns = 1 + below(m, 10); }
    int32_t last = first + (int32_t)turns * step;
    emit(m, (chance(m, 50) ? ALU64(MOV) : ALU(MOV)) | K, counter, 0, 0, down ? last : first);
    uint32_t top = m->count, early = UINT32_MAX;
    bool wild = m->wild;
    m->wild = false;
    m->reserved |= 1u << counter;
    uint32_t labels = m->label_count;
    uint32_t next = target(m), current = target_but(m, next);
    bool carries = chance(m, 50) && next != counter && current != counter;
    if (carries) { emit(m, (chance(m, 50) ? ALU64(MOV) : ALU(MOV)) | X, next, number(m), 0, 0); }
    for (uint32_t n = 1 + below(m, 4); n-- > 0;) { make_body(m, counter, scratch); }
    if (carries && chance(m, 50)) { make_next(m, next, current), carries = false; }
    if (chance(m, 10)) { early = emit_condition(m); }
    emit(m, (narrow ? BPF_CLASS_ALU : BPF_CLASS_ALU64) | (chance(m, 85) ? BPF_ALU_ADD : BPF_ALU_SUB) | K, counter, 0, 0, 0);
    struct bpf_insn *add = &m->out->insns[m->count - 1 < MAX_PROGRAM_INSNS ? m->count - 1 : 0];
    bool subtracts = (add->opcode & 0xf0) == BPF_ALU_SUB;
    add->imm = down != subtracts ? -step : step;
    for (uint32_t n = below(m, 3); n-- > 0;) { make_body(m, counter, scratch); }
    if (carries) { make_next(m, next, current); }
    m->wild = wild;
    m->reserved = kept;
    m->label_count = labels < m->label_count ? labels : m->label_count;
    uint32_t class = chance(m, 60) ? BPF_CLASS_JMP : BPF_CLASS_JMP32, end = (uint32_t)(down ? first : last);
    bool test_with_equal = down || chance(m, 50);
    if (chance(m, 50)) {
        emit(m, class | (test_with_equal ? BPF_JMP_JEQ : BPF_JMP_JGE) | K, counter, 0, 1, (int32_t)end);
        emit(m, JMP(JA), 0, 0, (int32_t)top - (int32_t)m->count - 1, 0);
    } else {
        emit(m, class | (test_with_equal ? BPF_JMP_JNE : BPF_JMP_JLT) | K, counter, 0, (int32_t)top - (int32_t)m->count - 1, (int32_t)end);
    }
    if (early != UINT32_MAX) { land(m, early); }
}
