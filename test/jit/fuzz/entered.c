/* Loops that are entered behind their head, as clang turns loops whose first turn is known to begin: what a turn leaves for the next
 * one is copied at the head, in several registers at once at times, and several jumps lead back there. */

#include "maker.h"

static void make_copy(struct maker *m, uint32_t to, uint32_t from) {
    emit(m, (chance(m, 50) ? ALU64(MOV) : ALU(MOV)) | X, to, from, 0, 0);
}

/* A turn's last value: loaded, or at times computed. */
static void make_value(struct maker *m, uint32_t dst, uint32_t at) {
    uint32_t size = chance(m, 70) ? BPF_SIZE_W : chance(m, 50) ? BPF_SIZE_DW : BPF_SIZE_H;
    if (chance(m, 10)) { return emit_number(m, dst); }
    emit(m, MEM(LDX, size), dst, at, chance(m, 60) ? 0 : 8 * (int32_t)below(m, 4), 0);
}

/* The way on where the value is not taken as it is: the two are stored, and the next turn starts from one of them, or another. */
static void make_exchange(struct maker *m, uint32_t left, uint32_t right, uint32_t at) {
    if (chance(m, 60)) { emit(m, MEM(STX, BPF_SIZE_W), at, left, 0, 0); }
    if (chance(m, 60)) { emit(m, MEM(STX, BPF_SIZE_W), at, right, 4, 0); }
    if (chance(m, 20)) { make_alu(m); }
    if (chance(m, 80)) { return make_copy(m, right, chance(m, 80) ? left : number(m)); }
    if (chance(m, 50)) { emit_number(m, right); }
}

/* One or two branches that lead straight back to the head, or over a jump that does. */
static void make_ways_back(struct maker *m, uint32_t top, uint32_t left, uint32_t right, uint32_t along) {
    uint32_t op = chance(m, 50) ? BPF_JMP_JLE : chance(m, 50) ? BPF_JMP_JSGT : chance(m, 50) ? BPF_JMP_JEQ : BPF_JMP_JSET;
    for (uint32_t ways = 1 + below(m, 2); ways > 0; ways--) {
        bool constant = chance(m, 40), straight = chance(m, 70);
        uint32_t class = chance(m, 50) ? BPF_CLASS_JMP : BPF_CLASS_JMP32, with = constant ? K : X, tested = chance(m, 70) ? left : right;
        uint32_t over = emit(m, class | op | with, tested, constant ? 0 : right, (int32_t)top - (int32_t)m->count - 1, constant ? (int32_t)below(m, 4) : 0);
        if (!straight) {
            if (chance(m, 50)) { make_exchange(m, left, right, along); }
            emit(m, JMP(JA), 0, 0, (int32_t)top - (int32_t)m->count - 1, 0);
            land(m, over);
        }
        make_exchange(m, left, right, along);
    }
    emit(m, JMP(JA), 0, 0, (int32_t)top - (int32_t)m->count - 1, 0);
}

/* The head, up to the test that the loop is left by; returns the jump that leaves it. */
static uint32_t make_head(struct maker *m, uint32_t counter, uint32_t left, uint32_t right, uint32_t along) {
    int32_t step = chance(m, 50) ? 4 : chance(m, 50) ? 8 : 2, turns = 1 + (int32_t)below(m, 20);
    bool early = chance(m, 60);
    uint32_t class = chance(m, 60) ? BPF_CLASS_JMP : BPF_CLASS_JMP32;
    emit(m, ALU64(ADD) | K, counter, 0, 0, 1);
    if (early) { emit(m, ALU64(ADD) | K, along, 0, 0, step); }
    if (chance(m, 20)) { make_alu(m); }
    make_copy(m, left, right);
    if (chance(m, 20)) { make_alu(m); }
    if (!early) { emit(m, ALU64(ADD) | K, along, 0, 0, step); }
    if (chance(m, 50)) { return emit(m, class | BPF_JMP_JGE | K, counter, 0, 0, turns); }
    emit(m, class | BPF_JMP_JLT | K, counter, 0, 1, turns);
    return emit(m, JMP(JA), 0, 0, 0, 0);
}

void make_entered(struct maker *m) {
    uint32_t taken = m->reserved | 1u << m->memory, kept = m->reserved, labels = m->label_count;
    uint32_t counter = take(m, &taken), left = take(m, &taken), right = take(m, &taken), along = take(m, &taken);
    bool wild = m->wild;
    if (along == 10 || m->pointer != 10) { return; }
    m->reserved |= 1u << along | 1u << counter;
    m->wild = false;
    emit(m, ALU64(MOV) | X, along, m->memory, 0, 0);
    if (chance(m, 50)) { emit(m, ALU64(ADD) | K, along, 0, 0, 4 * (int32_t)below(m, 20)); }
    if (chance(m, 70)) { emit_number(m, left); }
    emit(m, (chance(m, 50) ? ALU64(MOV) : ALU(MOV)) | K, counter, 0, 0, 0);
    uint32_t into = emit(m, JMP(JA), 0, 0, 0, 0), top = m->count, out = make_head(m, counter, left, right, along);
    if (chance(m, 90)) { land(m, into); } /* else it begins at the head */
    make_value(m, right, along);
    if (chance(m, 30)) { make_alu(m); }
    make_ways_back(m, top, left, right, along);
    land(m, out);
    m->wild = wild;
    m->reserved = kept;
    m->label_count = labels < m->label_count ? labels : m->label_count;
    emit_number(m, along);
}
