/* Shapes in which one condition of the JIT alone stands between right code and wrong: each was once taken out, and no program that was
 * made by chance told. */

#include "maker.h"

/* Just computed, copied and put on the stack: the copy is what is wanted afterwards. */
static void make_kept(struct maker *m) {
    uint32_t dst = target(m), copy = target_but(m, dst);
    make_alu(m);
    emit(m, (chance(m, 50) ? ALU64(ADD) : ALU64(XOR)) | X, dst, number(m), 0, 0);
    emit(m, (chance(m, 80) ? ALU64(MOV) : ALU(MOV)) | X, copy, dst, 0, 0);
    if (chance(m, 30)) { emit(m, ALU64(ADD) | K, copy, 0, 0, (int32_t)below(m, 9)); }
    emit(m, MEM(STX, number_size(m)), 10, dst, NUMBERS_AT + 8 * (int32_t)below(m, STACK_SLOTS), 0);
    if (chance(m, 50)) { make_alu(m); }
    if (chance(m, 50)) { emit_number(m, dst); }
    emit(m, ALU64(ADD) | X, target_but(m, copy), copy, 0, 0);
}

/* A choice between a number of 64 bits and a small one, cut afterwards. */
static void make_cut_choice(struct maker *m) {
    uint32_t dst = target(m), cut = target_but(m, dst);
    emit(m, MEM(LDX, chance(m, 70) ? BPF_SIZE_DW : BPF_SIZE_W), dst, m->memory, 8 * (int32_t)below(m, 60), 0);
    uint32_t over = emit_condition(m);
    emit(m, (chance(m, 50) ? ALU64(MOV) : ALU(MOV)) | (chance(m, 60) ? K : X), dst, 0, 0, 0);
    struct bpf_insn *move = &m->out->insns[m->count - 1 < MAX_PROGRAM_INSNS ? m->count - 1 : 0];
    if (move->opcode & X) {
        move->regs |= (uint8_t)(number(m) << 4);
    } else {
        move->imm = (int32_t)below(m, 2);
    }
    land(m, over);
    if (chance(m, 60)) {
        emit(m, ALU(MOV) | X, cut, dst, 0, 0);
    } else {
        emit(m, ALU64(MOV) | X, cut, dst, 0, 0);
        emit(m, ALU(ADD) | K, cut, 0, 0, (int32_t)below(m, 2));
    }
    emit(m, ALU64(ADD) | X, target_but(m, cut), cut, 0, 0);
}

/* Neighbours in memory, of which a jump comes between. */
static void make_parted(struct maker *m) {
    uint32_t bytes = chance(m, 50) ? 8 : 4, first = target(m), second = target_but(m, first), stores = chance(m, 40);
    int32_t at = (int32_t)(bytes * below(m, 60));
    uint32_t over = emit_condition(m);
    if (chance(m, 50)) { make_alu(m); }
    if (stores) {
        emit(m, MEM(STX, size_code(bytes)), m->memory, number(m), at, 0);
    } else {
        emit(m, MEM(LDX, size_code(bytes)), first, m->memory, at, 0);
    }
    land(m, over);
    at += chance(m, 70) ? (int32_t)bytes : at ? -(int32_t)bytes : 0;
    if (stores) {
        emit(m, MEM(STX, size_code(bytes)), m->memory, number(m), at, 0);
    } else {
        emit(m, MEM(LDX, size_code(bytes)), second, m->memory, at, 0);
    }
}

/* A place copied, and its neighbour, of which a jump comes between; nobody wants what was copied. */
static void make_parted_copy(struct maker *m) {
    uint32_t bytes = 1u << below(m, 3), value = target(m), over = UINT32_MAX;
    int32_t from = 8 * (int32_t)below(m, 30), to = 320 + 8 * (int32_t)below(m, 30);
    if (chance(m, 70)) { over = emit_condition(m); }
    for (int32_t i = 0; i < 2; i++) {
        int32_t at = (int32_t)bytes * i;
        emit(m, MEM(LDX, size_code(bytes)), value, m->memory, from + at, 0);
        if (i == 1 && over != UINT32_MAX && chance(m, 30)) { land(m, over), over = UINT32_MAX; }
        emit(m, MEM(STX, size_code(bytes)), m->memory, value, to + at, 0);
        if (i == 0 && over != UINT32_MAX && chance(m, 80)) { land(m, over), over = UINT32_MAX; }
    }
    if (over != UINT32_MAX) { land(m, over); }
    emit_number(m, value);
}

/* A pointer loaded over the one that it is loaded through, which had to be computed, and then what lies beside. */
static void make_chased(struct maker *m) {
    if (m->whole) { return; }
    uint32_t reg = target(m), other = target_but(m, reg), kept = m->reserved;
    int32_t off = 8 * (int32_t)below(m, 8);
    emit(m, MEM(STX, BPF_SIZE_DW), 10, m->memory, POINTER_AT, 0);
    emit(m, ALU64(MOV) | X, reg, 10, 0, 0);
    emit(m, ALU64(ADD) | K, reg, 0, 0, POINTER_AT - off);
    m->reserved |= 1u << reg;
    m->pointer = reg;
    uint32_t over = emit_condition(m);
    emit(m, ALU64(ADD) | K, other, 0, 0, 3);
    land(m, over);
    emit(m, MEM(LDX, BPF_SIZE_DW), reg, reg, off, 0);
    emit(m, MEM(LDX, BPF_SIZE_DW), other, reg, off + (chance(m, 80) ? 8 : 0), 0);
    m->reserved = kept;
    m->pointer = 10;
    emit_number(m, reg);
}

/* A loop of nothing much with a load behind it, to which, or behind which, a jump from before it comes. */
static void make_load_behind(struct maker *m) {
    uint32_t first = target(m), second = target_but(m, first), behind = chance(m, 40) ? emit_condition(m) : UINT32_MAX;
    uint32_t test = emit_condition(m), load = emit(m, JMP(JA), 0, 0, 0, 0), head = m->count, out = emit(m, JMP(JA), 0, 0, 0, 0);
    land(m, test);
    uint32_t back = emit_condition(m);
    if (back < MAX_PROGRAM_INSNS) { m->out->insns[back].off = (int16_t)((int32_t)head - (int32_t)back - 1); }
    land(m, load);
    emit(m, MEM(LDX, chance(m, 50) ? BPF_SIZE_DW : BPF_SIZE_W), first, m->memory, 4 * (int32_t)below(m, 100), 0);
    if (behind != UINT32_MAX) { land(m, behind); }
    if (chance(m, 70)) { emit(m, MEM(LDX, BPF_SIZE_W), second, m->memory, 4 * (int32_t)below(m, 100), 0); }
    emit(m, ALU64(XOR) | X, second, first, 0, 0);
    land(m, out);
    emit(m, ALU64(ADD) | X, target(m), second, 0, 0);
}

void make_aimed(struct maker *m) {
    switch (below(m, 9)) {
    case 0: return make_kept(m);
    case 1: return make_cut_choice(m);
    case 2: return make_parted(m);
    case 3: return make_parted_copy(m);
    case 4: return make_chased(m);
    case 5: return make_load_behind(m);
    default: return make_aimed_loop(m);
    }
}
