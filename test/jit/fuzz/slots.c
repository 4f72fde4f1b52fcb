#include "slots.h"

#include <string.h>

static bool jumps_by_imm(struct bpf_insn insn) {
    bool is_call = insn.opcode == (BPF_CLASS_JMP | BPF_JMP_CALL) && insn_src(insn) == BPF_PSEUDO_CALL_LOCAL;
    return is_call || insn.opcode == (BPF_CLASS_JMP32 | BPF_JMP_JA);
}

static bool jumps_by_off(struct bpf_insn insn) {
    uint32_t class = insn_class(insn), op = insn.opcode & 0xf0u;
    return (class == BPF_CLASS_JMP || class == BPF_CLASS_JMP32) && op != BPF_JMP_CALL && op != BPF_JMP_EXIT && !jumps_by_imm(insn);
}

/* Where a slot is when from..to-1 are gone and `more` are put in their place. */
static int32_t moved_slot(int32_t slot, uint32_t from, uint32_t to, uint32_t more) {
    if (slot >= (int32_t)to) { return slot + (int32_t)(more + from) - (int32_t)to; }
    return slot > (int32_t)from ? (int32_t)from : slot;
}

void replace_slots(struct generated *g, uint32_t from, uint32_t to, const struct bpf_insn *by, uint32_t more) {
    static struct bpf_insn out[MAX_PROGRAM_INSNS];
    uint32_t count = g->program.count, kept = 0;
    for (uint32_t i = 0; i <= count; i++) {
        if (i == from) {
            for (uint32_t n = 0; n < more; n++) { out[kept++] = by[n]; }
        }
        if (i == count || (i >= from && i < to)) { continue; }
        struct bpf_insn insn = g->insns[i];
        bool second = i > 0 && is_wide_constant(g->insns[i - 1]);
        if (!second && (jumps_by_off(insn) || jumps_by_imm(insn))) {
            int32_t target = (int32_t)i + 1 + (jumps_by_imm(insn) ? insn.imm : insn.off);
            int32_t distance = moved_slot(target, from, to, more) - (int32_t)kept - 1;
            if (jumps_by_imm(insn)) { insn.imm = distance; }
            else { insn.off = (int16_t)distance; }
        }
        out[kept++] = insn;
    }
    memcpy(g->insns, out, kept * sizeof(out[0]));
    g->program.count = kept;
}
