/* Pointers that nothing reads any more at a jump's target, and that are written over on the way there. The checker has states wait
 * where they are, and only while what they know is not written over: so they had better not know these (checker/light.h). */

#include "inference.h"

/* Jumps over more than this are not looked at. */
enum { NEAR = 64 };

static bool writes_dst(uint8_t shape) {
    return shape == SHAPE_LD_IMM64 || shape == SHAPE_LDX || shape == SHAPE_LDSX || (shape >= SHAPE_MOV_K && shape <= SHAPE_SWAP);
}

static uint32_t written_between(const struct verifier *v, uint32_t pc, uint32_t end) {
    uint32_t written = 0;
    for (; pc < end; pc++) {
        struct bpf_insn insn = insn_at(v, pc);
        if (writes_dst(insn_shapes[insn.opcode])) { written |= 1u << insn_dst(insn); }
    }
    return written;
}

enum status find_dead(struct inference *f) {
    struct verifier *v = f->v;
    v->live = take_memory(v, v->point_count * (uint32_t)sizeof(*v->live));
    if (v->live == nullptr) { return refuse(v, STATUS_TOO_MANY_STATES, 0, "no room for states"); }
    compute_liveness(v);
    if (v->sweep_budget == 0) { return STATUS_OK; } /* not all that is live was found */
    for (uint32_t pc = 0; pc < v->program->count; pc++) {
        struct bpf_insn insn = insn_at(v, pc);
        uint8_t shape = insn_shapes[insn.opcode];
        uint32_t site;
        bool near = (shape == SHAPE_COND_K || shape == SHAPE_COND_X) && insn.off > 0 && insn.off <= NEAR;
        if (!near || !site_at(f, pc + 1 + (uint32_t)insn.off, &site)) { continue; }
        f->sites[site].dead |= (uint16_t)(written_between(v, pc + 1, pc + 1 + (uint32_t)insn.off) & ~(uint32_t)v->live[site].regs & ALL_REGS);
    }
    return STATUS_OK;
}
