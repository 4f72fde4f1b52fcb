#include "bpf/jit/scan.h"
#include "bpf/jit/effect.h"

#define ALL_REGS 0x3ffu
/* A pass for each level of loops, and one to see that nothing changes; what nests deeper is given up on. */
#define MAX_LIVE_PASSES 8u

static const uint8_t argument_masks[HELPER_ID_LIMIT] = {
#define ROW(name, id, returns, a, b, c, d, e) \
    [id] = (a != ARG_NONE) << 1 | (b != ARG_NONE) << 2 | (c != ARG_NONE) << 3 | (d != ARG_NONE) << 4 | (e != ARG_NONE) << 5,
    HELPER_TABLE(ROW)
#undef ROW
};

uint32_t helper_arguments(uint32_t id) { return id < HELPER_ID_LIMIT ? argument_masks[id] : ARGUMENT_REGS; }

/* Marks where jumps and calls land. Returns whether any goes back. */
static bool mark_targets(struct jit *j) {
    const struct bpf_insn *insns = j->program->insns;
    uint32_t count = j->program->count;
    bool goes_back = false;
    for (uint32_t i = 0; i <= count; i++) { j->slots[i] = 0; }
    j->slots[0] = SLOT_ENTRY;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_jump_class(insns[i]) || !slot_reached(j, i)) { continue; }
        enum flow flow = jump_flow(insns[i], j->facts->flags[i]);
        if (flow == FLOW_NEXT || flow == FLOW_EXIT || flow == FLOW_CALL_HELPER) { continue; }
        uint32_t target = jump_target(insns[i], i);
        j->slots[target] |= flow == FLOW_CALL_LOCAL ? SLOT_ENTRY : SLOT_TARGET;
        j->has_local_calls |= flow == FLOW_CALL_LOCAL;
        if (target <= i) { j->slots[target] |= SLOT_BACK; }
        goes_back |= target <= i;
    }
    return goes_back;
}

/* What is live at the target of a jump or call at `slot`; backwards it is what the pass before found. */
static uint32_t live_at(const struct jit *j, uint32_t slot, uint32_t target, bool pessimistic) {
    return target <= slot && pessimistic ? ALL_REGS : slot_live(j, target);
}

static uint32_t live_before_jump(struct jit *j, uint32_t i, uint32_t live, bool pessimistic) {
    struct bpf_insn insn = j->program->insns[i];
    uint32_t target = jump_target(insn, i);
    switch (jump_flow(insn, j->facts->flags[i])) {
    case FLOW_NEXT: return live;
    case FLOW_JUMP: return live_at(j, i, target, pessimistic);
    case FLOW_EXIT: return REG_BIT(0);
    case FLOW_CALL_HELPER: return (live & 0x3c0u) | helper_arguments((uint32_t)insn.imm);
    case FLOW_CALL_LOCAL: return (live & 0x3c0u) | (live_at(j, i, target, pessimistic) & ARGUMENT_REGS);
    case FLOW_BRANCH: break;
    }
    live |= live_at(j, i, target, pessimistic) | REG_BIT(insn_dst(insn));
    return insn.opcode & BPF_SRC_X ? live | REG_BIT(insn_src(insn)) : live;
}

static uint32_t live_before_special(struct jit *j, uint32_t i, uint32_t live, bool pessimistic) {
    struct bpf_insn insn = j->program->insns[i];
    if (is_jump_class(insn)) { return live_before_jump(j, i, live, pessimistic); }
    live |= REG_BIT(insn_dst(insn)) | REG_BIT(insn_src(insn));
    return (uint32_t)insn.imm == BPF_ATOMIC_CMPXCHG ? live | REG_BIT(0) : live;
}

/* A jump taken when r1, not needed there, is 0: x0 then holds 0, which is what r0 mostly is on the way to a common exit. */
static bool finds_zero(struct bpf_insn insn, uint32_t live_at_target) {
    bool equals_zero = insn.opcode == (BPF_CLASS_JMP | BPF_JMP_JEQ | BPF_SRC_K) && insn.imm == 0;
    return equals_zero && insn_dst(insn) == 1 && !(live_at_target & REG_BIT(1));
}

/* Where r0 arrives at the target of a jump: in x7 when r1, which owns x0, is live before it or on either side. */
static void place_r0(struct jit *j, uint32_t i, uint32_t live) {
    struct bpf_insn insn = j->program->insns[i];
    if (!is_jump_class(insn)) { return; }
    enum flow flow = jump_flow(insn, j->facts->flags[i]);
    if (flow != FLOW_JUMP && flow != FLOW_BRANCH) { return; }
    uint32_t *target = &j->slots[jump_target(insn, i)];
    uint32_t live_at_target = *target >> SLOT_LIVE_SHIFT;
    if (flow == FLOW_BRANCH && finds_zero(insn, live_at_target)) { return; }
    if ((live_at_target | live) & REG_BIT(1)) { *target |= SLOT_R0_HOME; }
}

/* Where loops begin and end, seen from behind. Returns the first slot of the loops that slot `i` is in. */
static uint32_t widen_loop(const struct jit *j, uint32_t i, uint32_t loop_from) {
    struct bpf_insn insn = j->program->insns[i];
    if (!is_jump_class(insn)) { return loop_from; }
    enum flow flow = jump_flow(insn, j->facts->flags[i]);
    if (flow != FLOW_JUMP && flow != FLOW_BRANCH) { return loop_from; }
    uint32_t target = jump_target(insn, i);
    return target <= i && target < loop_from ? target : loop_from;
}

static uint32_t live_before_plain(struct bpf_insn insn, uint8_t effect, uint32_t live) {
    uint32_t dst = REG_BIT(insn_dst(insn)), src = REG_BIT(insn_src(insn));
    if (effect & EFFECT_IS_PURE && !(live & dst)) { return live; }
    if (effect & EFFECT_SETS_DST) { live &= ~dst; }
    if (effect & EFFECT_READS_DST) { live |= dst; }
    return effect & EFFECT_READS_SRC ? live | src : live;
}

/* One pass, last slot first. Returns whether more is live somewhere that is jumped or called back to. */
static bool find_live(struct jit *j, bool pessimistic) {
    const struct bpf_insn *insns = j->program->insns;
    const uint8_t *facts = j->facts->flags;
    uint32_t *slots = j->slots, live = 0, loop_from = UINT32_MAX, changed = 0;
    for (uint32_t i = j->program->count; i-- > 0;) {
        struct bpf_insn insn = insns[i];
        uint8_t effect = effects[insn.opcode];
        if (!(facts[i] & FACT_REACHED) && insn.opcode) {
            live = 0;
            continue;
        }
        if (effect & EFFECT_IS_SPECIAL) {
            loop_from = widen_loop(j, i, loop_from);
            live = live_before_special(j, i, live, pessimistic) & ALL_REGS;
            place_r0(j, i, live);
        } else {
            live = live_before_plain(insn, effect, live) & ALL_REGS;
        }
        uint32_t old = slots[i], new = old & ~(ALL_REGS << SLOT_LIVE_SHIFT);
        if (live & REG_BIT(1)) { new |= SLOT_R0_HOME; }
        if (i >= loop_from) { new |= SLOT_LOOP | SLOT_R0_HOME; }
        if (i == loop_from) { loop_from = UINT32_MAX; }
        new |= live << SLOT_LIVE_SHIFT;
        if (old & SLOT_BACK) { changed |= old ^ new; }
        slots[i] = new;
    }
    return changed & (ALL_REGS << SLOT_LIVE_SHIFT);
}

static bool leaves_slot(const struct jit *j, uint32_t i) {
    struct bpf_insn insn = j->program->insns[i];
    if (!is_jump_class(insn)) { return false; }
    enum flow flow = jump_flow(insn, j->facts->flags[i]);
    return flow == FLOW_JUMP || flow == FLOW_EXIT;
}

/* Whether code is shared between functions: a jump or a fall from one into another. clang never does that. */
static bool functions_overlap(const struct jit *j) {
    uint32_t entry = 0, count = j->program->count;
    bool falls = false;
    for (uint32_t i = 0, next = 0; i < count; i++) {
        if (j->slots[i] & SLOT_ENTRY) {
            if (falls) { return true; }
            entry = i;
            for (next = i + 1; next < count && !(j->slots[next] & SLOT_ENTRY);) { next++; }
        }
        if (!slot_reached(j, i)) { continue; }
        struct bpf_insn insn = j->program->insns[i];
        falls = !leaves_slot(j, i);
        if (!is_jump_class(insn)) { continue; }
        enum flow flow = jump_flow(insn, j->facts->flags[i]);
        uint32_t target = jump_target(insn, i);
        if ((flow == FLOW_JUMP || flow == FLOW_BRANCH) && (target < entry || target >= next)) { return true; }
    }
    return false;
}

void scan_program(struct jit *j) {
    bool goes_back = mark_targets(j);
    bool changed = find_live(j, false);
    for (uint32_t pass = 1; changed && goes_back; pass++) {
        bool give_up = pass == MAX_LIVE_PASSES; /* then everything is live at every jump back, which is true enough */
        changed = find_live(j, give_up) && !give_up;
    }
    j->uniform_frames = j->has_local_calls && functions_overlap(j);
}

struct needs {
    uint32_t written;    /* r6..r9 that get a value */
    uint32_t across;     /* r6..r9 live across some call */
    int32_t lowest;      /* lowest stack byte addressed from r10 */
    bool escapes;        /* r10 is copied */
    bool calls;
};

static void note_stack(struct bpf_insn insn, struct needs *needs) {
    uint32_t class = insn_class(insn);
    bool by_dst = class == BPF_CLASS_ST || class == BPF_CLASS_STX;
    uint32_t address = by_dst ? insn_dst(insn) : insn_src(insn);
    if ((by_dst || class == BPF_CLASS_LDX) && address == 10 && insn.off < needs->lowest) { needs->lowest = insn.off; }
    bool reads_src = class == BPF_CLASS_STX || (class >= BPF_CLASS_ALU && insn.opcode & BPF_SRC_X);
    needs->escapes |= reads_src && insn_src(insn) == 10;
}

static void note_needs(const struct jit *j, uint32_t i, struct needs *needs) {
    struct bpf_insn insn = j->program->insns[i];
    bool jumps = is_jump_class(insn);
    if (!jumps && insn_dst(insn) < 6 && insn_src(insn) < 6) { return; }
    uint32_t live_out = slot_live(j, i + 1);
    if (jumps) {
        enum flow flow = jump_flow(insn, j->facts->flags[i]);
        if (flow == FLOW_CALL_HELPER || flow == FLOW_CALL_LOCAL) {
            needs->calls = true;
            needs->across |= live_out & 0x3c0u;
        }
        return;
    }
    needs->written |= (REG_BIT(insn_dst(insn)) | REG_BIT(insn_src(insn))) & live_out & 0x3c0u;
    note_stack(insn, needs);
}

static uint32_t stack_bytes(const struct jit *j, uint32_t entry, const struct needs *needs) {
    if (entry == 0 && !j->uniform_frames) { return needs->escapes || needs->lowest ? j->facts->stack_bytes : 0; }
    return needs->escapes ? BPF_STACK_BYTES : (uint32_t)-needs->lowest;
}

static void assign_homes(struct jit *j, uint32_t callee_saved) {
    static const uint8_t caller[4] = {X5, X6, X8, X9}, callee[4] = {X19, X20, X21, X22};
    for (uint32_t reg = 6; reg < 10; reg++) {
        bool saved = callee_saved & REG_BIT(reg);
        j->home[reg] = saved ? callee[reg - 6] : caller[reg - 6];
        if (saved) { j->function.saved[j->function.saved_count++] = j->home[reg]; }
    }
}

static uint32_t prologue_words(const struct jit *j, uint32_t entry) {
    const struct function *f = &j->function;
    uint32_t words = entry == 0 && j->environment->features & JIT_BTI;
    if (f->frame_bytes == 0) { return words; }
    bool merged = f->saved_count > 0 && f->frame_bytes <= (f->saved_count == 1 ? 256u : 512u);
    return words + (f->saved_count + 1) / 2 + !merged;
}

void scan_function(struct jit *j, uint32_t entry) {
    struct needs needs = {};
    struct function *f = &j->function;
    uint32_t i = j->uniform_frames ? 0 : entry, count = j->program->count;
    do {
        if (slot_reached(j, i)) { note_needs(j, i, &needs); }
        i++;
    } while (i < count && (j->uniform_frames || !(j->slots[i] & SLOT_ENTRY)));
    if (j->uniform_frames) { needs = (struct needs){.calls = true, .escapes = true, .across = 0x3c0u}; }
    *f = (struct function){.end = i, .calls = needs.calls};
    if (needs.calls) { f->saved[f->saved_count++] = X30; }
    assign_homes(j, needs.calls ? needs.across : 0);
    f->frame_bytes = (stack_bytes(j, entry, &needs) + 8 * f->saved_count + 15) & ~15u;
    f->prologue_words = (uint8_t)prologue_words(j, entry);
}
