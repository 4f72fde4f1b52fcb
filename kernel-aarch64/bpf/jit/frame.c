/* Frames: saved registers at the bottom, the eBPF stack above them, r10 at the top. A function that needs neither has none. */

#include "bpf/jit/select.h"
#include "bpf/jit/value.h"

/* Whether the first save or the last restore moves the stack pointer too (DDI 0487 C1.3.3, pre- and post-index). */
static bool moves_sp(const struct function *f) {
    return f->saved_count > 0 && f->frame_bytes <= (f->saved_count == 1 ? 256u : 512u);
}

static void emit_first_save(struct jit *j) {
    const struct function *f = &j->function;
    enum a64_reg first = (enum a64_reg)f->saved[0], second = (enum a64_reg)f->saved[1];
    int64_t down = -(int64_t)f->frame_bytes;
    struct a64_unscaled single;
    struct a64_paired pair;
    if (f->saved_count == 1 && try_unscaled(down, &single)) { return emit(j, a64_str_pre(first, SP, single)); }
    if (f->saved_count > 1 && try_paired(down, A64_WIDTH_X, &pair)) {
        emit(j, a64_stp_pre(first, SP, second, pair));
    }
}

/* Saves or restores the register, or the pair, at index `i` of the list. */
static void emit_saved(struct jit *j, uint32_t i, bool restore) {
    const struct function *f = &j->function;
    enum a64_reg first = (enum a64_reg)f->saved[i], second = (enum a64_reg)f->saved[(i + 1) % SAVED_LIMIT];
    struct a64_scaled single;
    struct a64_paired pair;
    if (i + 1 == f->saved_count) {
        if (!try_scaled(8 * i, A64_SIZE_D, &single)) { return; }
        return emit(j, restore ? a64_ldr_scaled(first, SP, single, A64_SIZE_D)
                               : a64_str_scaled(first, SP, single, A64_SIZE_D));
    }
    if (!try_paired(8 * i, A64_WIDTH_X, &pair)) { return; }
    emit(j, restore ? a64_ldp(first, SP, second, pair, A64_WIDTH_X) : a64_stp(first, SP, second, pair, A64_WIDTH_X));
}

void emit_prologue(struct jit *j, bool landing_pad) {
    const struct function *f = &j->function;
    if (landing_pad) { emit(j, a64_bti_c()); }
    if (f->frame_bytes == 0) { return; }
    bool merged = moves_sp(f);
    if (merged) {
        emit_first_save(j);
    } else {
        emit_add_imm(j, SP, SP, -(uint64_t)f->frame_bytes, A64_WIDTH_X);
    }
    for (uint32_t i = merged ? 2 : 0; i < f->saved_count; i += 2) { emit_saved(j, i, false); }
}

static void emit_last_restore(struct jit *j) {
    const struct function *f = &j->function;
    enum a64_reg first = (enum a64_reg)f->saved[0], second = (enum a64_reg)f->saved[1];
    struct a64_unscaled single;
    struct a64_paired pair;
    if (f->saved_count == 1 && try_unscaled(f->frame_bytes, &single)) {
        return emit(j, a64_ldr_post(first, SP, single));
    }
    if (f->saved_count > 1 && try_paired(f->frame_bytes, A64_WIDTH_X, &pair)) {
        return emit(j, a64_ldp_post(first, SP, second, pair));
    }
    emit_saved(j, 0, true);
    emit_add_imm(j, SP, SP, f->frame_bytes, A64_WIDTH_X);
}

void emit_return(struct jit *j) {
    const struct function *f = &j->function;
    for (uint32_t i = 2; i < f->saved_count; i += 2) { emit_saved(j, i, true); }
    if (f->saved_count) {
        emit_last_restore(j);
    } else if (f->frame_bytes) {
        emit_add_imm(j, SP, SP, f->frame_bytes, A64_WIDTH_X);
    }
    emit(j, a64_ret(X30));
}
