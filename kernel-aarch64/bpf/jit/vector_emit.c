#include "bpf/jit/vector_emit.h"

/* Offsets mostly fit one of the forms: buffers that become code without a loop are small. */
static void emit_q(struct jit *j, bool load, enum a64_vector vt, enum a64_reg base, int32_t offset) {
    struct a64_scaled scaled;
    struct a64_unscaled unscaled;
    if (try_scaled16(offset, &scaled)) { return emit(j, load ? a64_ldr_q(vt, base, scaled) : a64_str_q(vt, base, scaled)); }
    if (!try_unscaled(offset, &unscaled)) {
        emit_add_imm(j, SCRATCH2, base, (uint64_t)(int64_t)offset, A64_WIDTH_X);
        base = SCRATCH2;
        unscaled = (struct a64_unscaled){0};
    }
    emit(j, load ? a64_ldur_q(vt, base, unscaled) : a64_stur_q(vt, base, unscaled));
}

void emit_load_q(struct jit *j, enum a64_vector vt, enum a64_reg base, int32_t offset) { emit_q(j, true, vt, base, offset); }
void emit_store_q(struct jit *j, enum a64_vector vt, enum a64_reg base, int32_t offset) { emit_q(j, false, vt, base, offset); }

void emit_load_pair(struct jit *j, enum a64_vector vt, enum a64_reg base, int32_t offset) {
    struct a64_paired paired;
    if (try_paired16(offset, &paired)) { emit(j, a64_ldp_q(vt, base, vector_after(vt, 1), paired)); }
}

void emit_store_pair(struct jit *j, enum a64_vector vt, enum a64_reg base, int32_t offset) {
    struct a64_paired paired;
    if (try_paired16(offset, &paired)) { emit(j, a64_stp_q(vt, base, vector_after(vt, 1), paired)); }
}

void emit_load_turn(struct jit *j, enum a64_vector vt, enum a64_reg base) {
    const struct a64_paired two = {2};
    emit(j, a64_ldp_q_post(vt, base, vector_after(vt, 1), two));
    emit(j, a64_ldp_q_post(vector_after(vt, 2), base, vector_after(vt, 3), two));
}

void emit_store_turn(struct jit *j, enum a64_vector vt, enum a64_reg base) {
    const struct a64_paired two = {2};
    emit(j, a64_stp_q_post(vt, base, vt, two));
    emit(j, a64_stp_q_post(vt, base, vt, two));
}

static void emit_piece(struct jit *j, bool load, enum a64_vector vt, enum a64_reg base, int32_t offset, enum a64_size size) {
    struct a64_scaled scaled;
    struct a64_unscaled unscaled;
    if (try_scaled(offset, size, &scaled)) {
        return emit(j, load ? a64_ldr_v(vt, base, scaled, size) : a64_str_v(vt, base, scaled, size));
    }
    if (!try_unscaled(offset, &unscaled)) {
        emit_add_imm(j, SCRATCH2, base, (uint64_t)(int64_t)offset, A64_WIDTH_X);
        base = SCRATCH2;
        unscaled = (struct a64_unscaled){0};
    }
    emit(j, load ? a64_ldur_v(vt, base, unscaled, size) : a64_stur_v(vt, base, unscaled, size));
}

void emit_load_piece(struct jit *j, enum a64_vector vt, enum a64_reg base, int32_t offset, enum a64_size size) {
    emit_piece(j, true, vt, base, offset, size);
}

void emit_store_piece(struct jit *j, enum a64_vector vt, enum a64_reg base, int32_t offset, enum a64_size size) {
    emit_piece(j, false, vt, base, offset, size);
}

/* Two pieces of `whole` bytes that overlap: of the second only what the first has not, put behind it. */
static void emit_overlapped(struct jit *j, enum a64_vector vt, enum a64_reg base, int32_t offset, uint32_t left, uint32_t whole) {
    enum a64_size size = whole == 8 ? A64_SIZE_D : A64_SIZE_S;
    struct a64_right right;
    emit_load_piece(j, vt, base, offset, size);
    if (left == whole) { return; }
    emit_load_piece(j, SPARE_VECTOR, base, offset + (int32_t)(left - whole), size);
    if (try_right(8 * (2 * whole - left), &right)) { emit(j, a64_ushr_d(SPARE_VECTOR, SPARE_VECTOR, right)); }
    emit(j, whole == 8 ? a64_ins_d1(vt, SPARE_VECTOR) : a64_ins_s1(vt, SPARE_VECTOR));
}

void emit_load_rest(struct jit *j, enum a64_vector vt, enum a64_reg base, int32_t offset, uint32_t left, uint32_t before) {
    bool piece = (left & (left - 1)) == 0;
    if (!piece && left + before >= UNIT) {
        emit_load_q(j, vt, base, offset + (int32_t)left - UNIT);
        emit(j, a64_movi_zero(ZERO_VECTOR));
        return emit(j, a64_ext(vt, vt, byte_index(UNIT - left), ZERO_VECTOR));
    }
    if (left >= 4) { return emit_overlapped(j, vt, base, offset, left, left >= 8 ? 8 : 4); }
    emit_load_piece(j, vt, base, offset, left == 1 ? A64_SIZE_B : A64_SIZE_H);
    if (left != 3) { return; }
    emit_load_piece(j, SPARE_VECTOR, base, offset + 2, A64_SIZE_B);
    emit(j, a64_ins_h1(vt, SPARE_VECTOR));
}

uint32_t begin_turns(struct jit *j, uint32_t turns) {
    emit_constant(j, TURNS, turns);
    j->barrier = j->words;
    return j->words;
}

void end_turns(struct jit *j, uint32_t head) {
    struct a64_target19 back;
    emit(j, a64_subs_imm(TURNS, TURNS, (struct a64_arith){1}, A64_WIDTH_W));
    if (try_target19((int64_t)head - j->words, &back)) { emit(j, a64_b_cond(A64_COND_NE, back)); }
    j->barrier = j->words;
}
