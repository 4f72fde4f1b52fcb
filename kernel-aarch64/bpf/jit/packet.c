/* Legacy packet loads (RFC 9669 §5.6), whose packet is that of the context in r6: outside of it the program ends with 0. */

#include "bpf/jit/select.h"
#include "bpf/jit/value.h"
#include "gen/abi_hooks.h"
#include <stddef.h>

static_assert(offsetof(struct packet_context, data) == 0 && offsetof(struct packet_context, data_end) == 8);

void emit_end_unless(struct jit *j, enum a64_cond cond) {
    uint32_t skip = j->words;
    struct a64_target19 over;
    emit(j, 0);
    emit_constant(j, X0, 0);
    emit_return(j);
    if (skip < j->capacity && try_target19((int64_t)j->words - skip, &over)) { j->out[skip] = a64_b_cond(cond, over); }
    j->barrier = j->words;
}

RARE void compile_packet_load(struct jit *j, struct insn insn) {
    uint32_t src = src_of(insn), log = 2 - (opcode_of(insn) >> 3 & 3u); /* W, H, B */
    bool indirect = opcode_of(insn) & BPF_MODE_IND;
    ensure_reg(j, 6);
    if (indirect) { ensure_reg32(j, src); }
    enum a64_reg rd = begin_define(j, 0);
    if (indirect) {
        emit_add_imm(j, SCRATCH2, value_reg32(j, src), (uint32_t)imm_of(insn), A64_WIDTH_W);
    } else {
        emit_constant(j, SCRATCH2, (uint32_t)imm_of(insn));
    }
    emit(j, a64_ldp(SCRATCH, value_reg(j, 6), rd, (struct a64_paired){0}, A64_WIDTH_X));
    emit(j, a64_sub(rd, rd, amount(0), SCRATCH, A64_SHIFT_LSL, A64_WIDTH_X));
    emit(j, a64_sub(rd, rd, amount(0), SCRATCH2, A64_SHIFT_LSL, A64_WIDTH_X));
    emit(j, a64_subs_imm(XZR, rd, (struct a64_arith){1u << log}, A64_WIDTH_X));
    emit_end_unless(j, A64_COND_GE);
    if (!(j->environment->features & JIT_IN_ORDER)) { /* also where it goes on by guess (speculation.h) */
        emit(j, a64_csel(SCRATCH2, SCRATCH2, A64_COND_GE, XZR, A64_WIDTH_X));
        emit(j, a64_csdb());
    }
    emit(j, a64_ldr_reg(rd, SCRATCH, A64_SCALE_UNSCALED, A64_EXTEND_UXTW, SCRATCH2, (enum a64_size)log));
    if (log) { emit(j, log == A64_SIZE_H ? a64_rev16(rd, rd, A64_WIDTH_W) : a64_rev_w(rd, rd)); }
    define(j, 0, rd, 8u << log);
}
