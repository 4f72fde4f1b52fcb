/* What programs of other platforms have and the board's do not: addresses of functions that helpers call, legacy packet loads by a
 * helper, and arenas. An arena's addresses are 32 bits behind a base, which is in x28 from where a function is entered that others
 * call on; their upper halves are zero, but in what users are to see. */

#include "bpf/jit/access.h"
#include "bpf/jit/branch.h"
#include "bpf/jit/bytes.h"
#include "bpf/jit/field.h"
#include "bpf/jit/hoist.h"
#include "bpf/jit/select.h"
#include "bpf/jit/sum.h"

#if OTHER_PLATFORMS

#define ARENA_BASE X28
#define ARENA_MAP_TYPE 33u /* BPF_MAP_TYPE_ARENA */

bool has_arena(const struct jit *j) {
    for (uint32_t i = 0; i < j->program->map_count; i++) {
        if (j->program->maps[i].type == ARENA_MAP_TYPE) { return true; }
    }
    return false;
}

void enter_arena(struct jit *j, uint32_t entry) {
    if (has_arena(j) && begins_called(j, entry)) { emit_constant(j, ARENA_BASE, j->environment->arena_addr); }
}

void compile_function_address(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn);
    drop_unread(j, dst);
    enum a64_reg rd = begin_define(j, dst);
    emit_branch(j, a64_adr(rd, (struct a64_target19){0}), function_loaded(j, j->slot));
    define(j, dst, rd, 64);
}

/* As the program has it for users: what is null stays null. */
void compile_cast_to_user(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn), src = src_of(insn);
    struct a64_target19 over;
    ensure_reg32(j, src);
    drop_unread(j, dst);
    enum a64_reg rd = begin_define(j, dst);
    ensure_reg32(j, src);
    emit(j, a64_orr(rd, XZR, amount(0), value_reg32(j, src), A64_SHIFT_LSL, A64_WIDTH_W));
    if (try_target19(2, &over)) { emit(j, a64_cbz(rd, over, A64_WIDTH_X)); }
    emit(j, a64_movk(rd, wide(2, (uint16_t)(j->environment->arena_high >> 32)), A64_WIDTH_X));
    j->barrier = j->words;
    define(j, dst, rd, 64);
}

enum a64_reg arena_register(struct jit *j, uint32_t reg, int64_t off) {
    emit(j, a64_add_ext(SCRATCH, ARENA_BASE, (struct a64_left){0}, A64_EXTEND_UXTW, value_reg32(j, reg), A64_WIDTH_X));
    if (off) { emit_add_imm(j, SCRATCH, SCRATCH, (uint64_t)off, A64_WIDTH_X); }
    return SCRATCH;
}

struct address arena_address(struct jit *j, uint32_t reg, int16_t off, enum a64_size size) {
    struct address a = {.kind = ADDRESS_INDEX, .base = ARENA_BASE, .index = value_reg32(j, reg), .option = A64_EXTEND_UXTW};
    if (off == 0) { return a; }
    bool scaled = try_scaled(off, size, &a.scaled), folds = scaled || try_unscaled(off, &a.unscaled);
    a.base = arena_register(j, reg, folds ? 0 : off);
    if (!folds) { scaled = try_scaled(0, size, &a.scaled); }
    a.kind = scaled ? ADDRESS_SCALED : ADDRESS_UNSCALED;
    return a;
}

/* The call that Linux makes of it: a negative result ends the function with 0. */
void compile_foreign_packet_load(struct jit *j, struct insn insn) {
    uint32_t src = src_of(insn);
    bool indirect = opcode_of(insn) & BPF_MODE_IND;
    settle(j, 6);
    prepare_call(j, 0);
    if (indirect) {
        ensure_reg32(j, src);
        emit_add_imm(j, X1, value_reg32(j, src), (uint32_t)imm_of(insn), A64_WIDTH_W);
    } else {
        emit_constant(j, X1, (uint32_t)imm_of(insn));
    }
    emit(j, a64_orr(X0, XZR, amount(0), (enum a64_reg)j->home[6], A64_SHIFT_LSL, A64_WIDTH_X));
    emit_call(j, j->environment->foreign_helper_addr);
    finish_call(j);
    emit(j, a64_subs_imm(XZR, X0, (struct a64_arith){0}, A64_WIDTH_X));
    emit_end_unless(j, A64_COND_GE);
}

#endif
