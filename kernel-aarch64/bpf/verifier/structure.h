#pragma once
/* The parts of the structural check. Each function that refuses has called refuse(). */

#include "bpf/verifier/engine.h"
#include "bpf/verifier/instruction.h"

static inline int64_t jump_target(struct bpf_insn insn, uint8_t shape, uint32_t pc) {
    return (int64_t)pc + 1 + (shape == SHAPE_JA32 || shape == SHAPE_CALL || shape == SHAPE_LD_IMM64 ? insn.imm : insn.off);
}

static inline bool shape_jumps(uint8_t shape) {
    return (shape >= SHAPE_JA && shape <= SHAPE_COND_X) || (OTHER_PLATFORMS && shape == SHAPE_MAY_GOTO);
}
static inline bool loads_function(struct bpf_insn insn, uint8_t shape) {
    return shape == SHAPE_LD_IMM64 && insn_src(insn) == BPF_PSEUDO_IMM64_FUNCTION;
}
/* Who loads the address of a function counts as who calls it. */
static inline bool is_local_call(struct bpf_insn insn, uint8_t shape) {
    return (shape == SHAPE_CALL && insn_src(insn) == BPF_PSEUDO_CALL_LOCAL) || loads_function(insn, shape);
}

/* Such a call, or a load of what is called from here: timers call on another stack. */
bool is_nested_call(const struct verifier *v, uint32_t pc, struct bpf_insn insn, uint8_t shape);

/* What is looked at closely: bits of the two words of an instruction that its plain forms have clear (dst in 8..11, src in
 * 12..15, off in 16..31), and registers above a limit: what to add to dst (in 0..3) and src (in 8..11) so that bit 4 or 12 gets
 * set. Shapes that are not listed have no plain form. */
struct plain {
    uint32_t clear, clear_imm, limits;
};
extern const struct plain plain[];

static inline bool is_plain(uint32_t fields, uint32_t imm, const struct plain *p) {
    uint32_t regs = (fields >> 8 & 15) + (fields >> 4 & 0xf00) + p->limits;
    return ((fields & p->clear) | (imm & p->clear_imm) | (regs & 0x1010)) == 0;
}

/* fields.c: opcode, registers, and the fields that must be zero. */
[[nodiscard]] enum status check_slot(struct verifier *v, uint32_t pc, struct bpf_insn insn, uint8_t shape);

/* functions.c */
[[nodiscard]] enum status list_functions(struct verifier *v);
/* No recursion, and no chain of calls that is too deep; sets v->frame_count. */
[[nodiscard]] enum status check_calls(struct verifier *v);
