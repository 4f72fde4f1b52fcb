/* Which registers and stack slots are still read after each jump target, and which of these values can decide on safety.
 *
 * The walk forgets what is dead where ways meet, so that ways that differ only in dead values merge. It never relies on
 * this being right: what was forgotten counts as not initialised, so a mistake here could only refuse a good program. */

#include "bpf/verifier/engine.h"
#include "bpf/verifier/global.h"
#include "bpf/verifier/instruction.h"

enum { ARGUMENTS = 0x3e /* r1..r5 */, CLOBBERED = 0x3f /* r0..r5 */ };

static uint64_t slot_bit(int32_t off) { return (uint64_t)1 << ((off + (int32_t)BPF_STACK_BYTES) >> 3); }
static bool off_in_stack(int32_t off) { return off >= -(int32_t)BPF_STACK_BYTES && off < 0; }
static uint64_t slots_from(int32_t off) { return off_in_stack(off) ? ~(slot_bit(off) - 1) : off >= 0 ? 0 : UINT64_MAX; }

/* ---- slots whose address is taken: flow-insensitive, per function ---- */

static bool is_derived(uint16_t derived, uint32_t reg) { return reg == FRAME_POINTER || (derived >> reg & 1) != 0; }

/* `mov rX, r10; add rX, imm` gives away the slots from imm up; whatever else is done with such a register, all of them.
 * Returns the slots that this instruction gives away, and adds to `derived` the registers that may point into this frame. */
static uint64_t escapes_at(const struct verifier *v, uint32_t pc, uint16_t *derived) {
    struct bpf_insn insn = insn_at(v, pc);
    uint32_t dst = insn_dst(insn), src = insn_src(insn);
    switch (insn_shapes[insn.opcode]) {
    case SHAPE_MOV_X: {
        if (!is_derived(*derived, src)) { return 0; }
        *derived |= (uint16_t)(1u << dst);
        struct bpf_insn next = insn_at(v, pc + 1); /* a move is never the last instruction */
        bool plain = src == FRAME_POINTER && v->points[pc + 1] == 0 && insn_dst(next) == dst &&
                     next.opcode == (BPF_CLASS_ALU64 | BPF_ALU_ADD | BPF_SRC_K);
        return plain ? slots_from(next.imm) : 0;
    }
    case SHAPE_ALU_K: {
        if (!is_derived(*derived, dst)) { return 0; }
        struct bpf_insn before = insn_at(v, pc == 0 ? 0 : pc - 1);
        bool plain = insn.opcode == (BPF_CLASS_ALU64 | BPF_ALU_ADD | BPF_SRC_K) && v->points[pc] == 0 &&
                     insn_shapes[before.opcode] == SHAPE_MOV_X && insn_dst(before) == dst && insn_src(before) == FRAME_POINTER;
        return plain ? 0 : UINT64_MAX;
    }
    case SHAPE_ALU_X:
        if (is_derived(*derived, src)) { *derived |= (uint16_t)(1u << dst); }
        return is_derived(*derived, dst) ? UINT64_MAX : 0;
    case SHAPE_LDX:
    case SHAPE_LDSX: return src != FRAME_POINTER && is_derived(*derived, src) && insn.off < 0 ? UINT64_MAX : 0;
    case SHAPE_ATOMIC:
        if (atomic_is_ordered(insn.imm)) { return is_derived(*derived, src) || is_derived(*derived, dst) ? UINT64_MAX : 0; }
        return dst != FRAME_POINTER && is_derived(*derived, dst) && insn.off < 0 ? UINT64_MAX : 0;
    case SHAPE_STX: return is_derived(*derived, src) ? UINT64_MAX : 0;
    case SHAPE_CALL: return insn_src(insn) == BPF_PSEUDO_CALL_LOCAL && *derived != 0 ? UINT64_MAX : 0;
    default: return 0;
    }
}

static void find_escapes(struct verifier *v) {
    for (uint32_t f = 0; f < v->function_count; f++) {
        uint32_t end = f + 1 < v->function_count ? v->functions[f + 1].start : v->program->count;
        uint16_t derived = 0, known;
        do { /* again when a register was found to be one after code that uses it */
            known = derived;
            for (uint32_t pc = v->functions[f].start; pc < end; pc++) {
                if ((v->marks[pc] & MARK_SECOND) == 0) { v->functions[f].escaped |= escapes_at(v, pc, &derived); }
            }
        } while (derived != known && v->loop_count != 0);
    }
}

/* ---- backward over one instruction ---- */

/* What is live while the sweep goes backward. Registers that are decisive stand in the upper half of `regs`, so that one
 * mask changes both. */
struct sweep {
    uint32_t regs;
    uint64_t slots, slots_decisive;
};

enum { DECISIVE = 16 };

static inline void use(struct sweep *l, uint32_t reg) { l->regs |= 1u << reg; }
static inline void use_decisive(struct sweep *l, uint32_t reg) { l->regs |= (1u << DECISIVE | 1u) << reg; }
static inline uint32_t decisive(const struct sweep *l, uint32_t reg) { return l->regs >> DECISIVE >> reg & 1; }
static inline void kill(struct sweep *l, uint32_t regs) { l->regs &= ~(regs | regs << DECISIVE); }
static inline void use_as(struct sweep *l, uint32_t reg, uint32_t is_decisive) { l->regs |= (is_decisive << DECISIVE | 1u) << reg; }

static inline void before_load(struct sweep *l, struct bpf_insn insn) {
    bool flows_on = decisive(l, insn_dst(insn));
    kill(l, 1u << insn_dst(insn));
    use_decisive(l, insn_src(insn));
    if (insn_src(insn) == FRAME_POINTER && off_in_stack(insn.off)) {
        l->slots |= slot_bit(insn.off);
        if (flows_on) { l->slots_decisive |= slot_bit(insn.off); }
    }
}

/* Numbers in other memory than the stack are not tracked. */
static inline void before_store(struct sweep *l, struct bpf_insn insn, bool from_register) {
    bool flows_on = false;
    if (insn_dst(insn) == FRAME_POINTER && off_in_stack(insn.off)) {
        uint64_t slot = slot_bit(insn.off);
        flows_on = (l->slots_decisive & slot) != 0;
        if (access_bytes(insn.opcode) == 8) {
            l->slots &= ~slot;
            l->slots_decisive &= ~slot;
        }
    }
    use_decisive(l, insn_dst(insn));
    if (from_register) { use_as(l, insn_src(insn), flows_on); }
}

static void before_atomic(struct sweep *l, struct bpf_insn insn) {
    if (insn.imm == PLATFORM_LOAD_ACQUIRE) {
        before_load(l, insn);
        return;
    }
    if (insn.imm == PLATFORM_STORE_RELEASE) {
        before_store(l, insn, true);
        return;
    }
    if ((insn.imm & BPF_ATOMIC_FETCH) != 0) {
        kill(l, 1u << ((uint32_t)insn.imm == BPF_ATOMIC_CMPXCHG ? 0 : insn_src(insn)));
    }
    if ((uint32_t)insn.imm == BPF_ATOMIC_CMPXCHG) { use(l, 0); }
    use(l, insn_src(insn));
    use_decisive(l, insn_dst(insn));
    if (insn_dst(insn) == FRAME_POINTER && off_in_stack(insn.off)) { l->slots |= slot_bit(insn.off); }
}

static const struct live *live_behind(const struct verifier *v, uint32_t pc, int32_t distance) {
    return &v->live[v->points[(int64_t)pc + 1 + distance] - 1];
}

static uint32_t regs_of(const struct live *l) { return l->regs | (uint32_t)l->regs_decisive << DECISIVE; }

/* All of them decisive. */
static uint32_t first_arguments(uint32_t count) { return (((1u << count) - 1) << 1) * (1u | 1u << DECISIVE); }

static void before_call(struct verifier *v, struct sweep *l, uint32_t pc, struct bpf_insn insn) {
    kill(l, CLOBBERED);
    if (insn_src(insn) == BPF_PSEUDO_CALL_LOCAL) {
        const struct bpf_global *global = global_at(v, pc + 1 + (uint32_t)insn.imm);
        uint32_t arguments = global == nullptr ? regs_of(live_behind(v, pc, insn.imm)) : first_arguments(global->argument_count);
        l->regs |= arguments & (ARGUMENTS | ARGUMENTS << DECISIVE);
        return;
    }
    l->regs |= first_arguments(helper_argument_count(v->platform, (uint32_t)insn.imm));
}

static inline void before_either(struct verifier *v, struct sweep *l, uint32_t pc, struct bpf_insn insn) {
    const struct live *target = live_behind(v, pc, insn.off);
    l->regs |= regs_of(target);
    l->slots |= target->slots;
    l->slots_decisive |= target->slots_decisive;
}

static inline void before_condition(struct verifier *v, struct sweep *l, uint32_t pc, struct bpf_insn insn, bool with_src) {
    before_either(v, l, pc, insn);
    bool decides = v->precise || (v->marks[pc] & MARK_LEAVES_LOOP) != 0;
    use_as(l, insn_dst(insn), decides);
    if (with_src) { use_as(l, insn_src(insn), decides); }
}

static void before_jump(struct sweep *l, const struct live *target) {
    *l = (struct sweep){regs_of(target), target->slots, target->slots_decisive};
}

static inline void before(struct verifier *v, struct sweep *l, uint32_t pc, struct bpf_insn insn, uint8_t shape) {
    uint32_t dst = insn_dst(insn), src = insn_src(insn);
    switch (shape) {
    case SHAPE_LEGACY_PACKET:
        kill(l, CLOBBERED);
        use_decisive(l, 6);
        if ((insn.opcode & 0xe0u) == BPF_MODE_IND) { use_decisive(l, src); }
        break;
    case SHAPE_ALU_X:
    case SHAPE_DIV_X: use_as(l, src, decisive(l, dst)); [[fallthrough]];
    case SHAPE_ALU_K:
    case SHAPE_DIV_K:
    case SHAPE_NEG:
    case SHAPE_SWAP: use(l, dst); break;
    case SHAPE_LD_IMM64:
    case SHAPE_MOV_K: kill(l, 1u << dst); break;
    case SHAPE_MOV_X: {
        uint32_t flows_on = decisive(l, dst);
        kill(l, 1u << dst);
        use_as(l, src, flows_on);
        break;
    }
    case SHAPE_LDX:
    case SHAPE_LDSX: before_load(l, insn); break;
    case SHAPE_ST: before_store(l, insn, false); break;
    case SHAPE_STX: before_store(l, insn, true); break;
    case SHAPE_ATOMIC: before_atomic(l, insn); break;
    case SHAPE_JA: before_jump(l, live_behind(v, pc, insn.off)); break;
    case SHAPE_JA32: before_jump(l, live_behind(v, pc, insn.imm)); break;
    case SHAPE_COND_K: before_condition(v, l, pc, insn, false); break;
    case SHAPE_COND_X: before_condition(v, l, pc, insn, true); break;
    case SHAPE_CALL: before_call(v, l, pc, insn); break;
#if OTHER_PLATFORMS
    case SHAPE_MAY_GOTO: before_either(v, l, pc, insn); break;
#endif
    default: { /* SHAPE_EXIT: a caller may use what a function returns for anything */
        bool returns = v->function_count > 1 && pc >= v->functions[1].start;
        *l = (struct sweep){.regs = 1u | (uint32_t)returns << DECISIVE};
        break;
    }
    }
}

static bool store_point(struct live *point, const struct sweep *l, uint64_t escaped) {
    struct live now = {(uint16_t)l->regs, (uint16_t)(l->regs >> DECISIVE), l->slots | escaped, l->slots_decisive | escaped};
    bool changed = point->regs != now.regs || point->regs_decisive != now.regs_decisive || point->slots != now.slots ||
                   point->slots_decisive != now.slots_decisive;
    *point = now;
    return changed;
}

/* One sweep over the program; true when something was found live that was not known to be. */
static bool sweep_backward(struct verifier *v) {
    struct sweep l = {0};
    const struct bpf_insn *insns = v->program->insns;
    uint32_t f = v->function_count - 1, start = v->functions[f].start;
    bool changed = false;
    for (uint32_t pc = v->program->count; pc-- > 0;) {
        struct bpf_insn insn = fetch(&insns[pc]);
        if (insn.opcode == 0) { continue; } /* second slot of a 64-bit load */
        before(v, &l, pc, insn, insn_shapes[insn.opcode]);
        uint32_t point = v->points[pc];
        if (point != 0) { changed |= store_point(&v->live[point - 1], &l, v->functions[f].escaped); }
        if (pc == start && f != 0) { start = v->functions[--f].start; }
    }
    return changed;
}

void compute_liveness(struct verifier *v) {
    for (uint32_t i = 0; i < v->point_count; i++) { v->live[i] = (struct live){0}; }
    for (uint32_t f = 0; f < v->function_count; f++) { v->functions[f].escaped = 0; }
    if (v->takes_address) { find_escapes(v); }
    bool cyclic = v->loop_count != 0 || v->function_count > 1;
    while (sweep_backward(v) && cyclic && may_sweep(v)) {}
}
