#include "bpf/jit/scan.h"
#include "bpf/jit/effect.h"
#include "bpf/jit/hoist.h"
#include "bpf/jit/promote.h"
#include "bpf/jit/vector.h"

#define ALL_REGS 0x3ffu
/* A walk for each level of loops or copy of a copy, and one to see that nothing changes; what goes deeper is given up on. */
#define MAX_LOOP_WALKS 8u
/* How far a loop is looked at for what it reads first. */
#define MAX_SLOTS_EXPECTED 32u

/* Of helpers that the board has; other platforms have more of these numbers. */
static const uint8_t without_argument[HELPER_PLACES] = {
#define ROW(name, id, returns, maps, a, b, c, d, e) \
    [HELPER_PLACE(id)] = (a == ARG_NONE) << 1 | (b == ARG_NONE) << 2 | (c == ARG_NONE) << 3 | (d == ARG_NONE) << 4 | (e == ARG_NONE) << 5,
    HELPER_TABLE(ROW)
#undef ROW
};

uint32_t helper_arguments(const struct jit *j, uint32_t slot) {
    uint32_t id = (uint32_t)imm_of(insn_at(j, slot));
    if (is_vector(id)) { return vector_arguments(j, slot); }
    uint32_t place = helper_place(id);
    return place < HELPER_PLACES ? ARGUMENT_REGS & ~without_argument[place] : ARGUMENT_REGS;
}

/* Marks where a jump or call lands. Jumps back are seen before what they jump to; of the others the first is noted, where somebody
 * is going to ask for it. */
static void mark_target(struct jit *j, uint32_t i, uint32_t target, uint32_t mark) {
    uint32_t *slot = &j->slots[target];
    if (target <= i) {
        if (target < j->first_head) { j->first_head = target; }
        if (target > j->last_head) { j->last_head = target; }
        mark |= SLOT_BACK;
    } else if (SELDOM(j->guards) && mark & SLOT_TARGET) {
        uint32_t first = *slot & SLOT_WORD;
        if (!first || i + 1 < first) { *slot += i + 1 - first; }
    }
    *slot |= mark;
    note_break(j, target);
}

/* A jump taken when r1, not needed there, is 0: x0 then holds 0, which is what r0 mostly is on the way to a common exit. */
static bool finds_zero(struct insn insn, uint32_t live_at_target) {
    bool equals_zero = opcode_of(insn) == (BPF_CLASS_JMP | BPF_JMP_JEQ | BPF_SRC_K) && imm_of(insn) == 0;
    return equals_zero && dst_of(insn) == 1 && !(live_at_target & REG_BIT(1));
}

struct backward {
    uint32_t loop_from; /* first slot of the loops that the current slot is in */
    uint32_t loop_end;  /* and last */
    uint32_t in_loop;   /* marks of the slots between */
    uint32_t walks;     /* how often they were walked */
    uint32_t changed;   /* registers that turned out in this walk to be live at slots that are jumped back to */
    bool pessimistic;
};

/* A jump back from slot `i`, or this one for the first time in this walk. */
static void widen_loop(struct backward *b, uint32_t from, uint32_t i) {
    if (b->loop_from == UINT32_MAX) {
        b->loop_end = i;
        b->walks = 1;
        b->changed = 0;
    }
    if (from < b->loop_from) { b->loop_from = from; }
    b->in_loop = SLOT_LOOP | SLOT_R0_HOME;
}

/* Registers that a loop reads before it writes them, in the order of its slots, what is jumped over left out: mostly those live at its head, and seldom more. */
RARE static uint32_t expected_at_head(const struct jit *j, uint32_t head, uint32_t end) {
    uint32_t reads = 0, seen = ~ALL_REGS, limit = head + MAX_SLOTS_EXPECTED < end ? head + MAX_SLOTS_EXPECTED : end;
    const struct bpf_insn *insns = j->program->insns;
    for (uint32_t i = head; i <= limit && ~seen; i++) {
        struct insn insn = load_insn(&insns[i]);
        uint32_t effect = effects[opcode_of(insn)];
        uint32_t read = (effect / EFFECT_READS_DST & 1u) << dst_of(insn) | (effect / EFFECT_READS_SRC & 1u) << src_of(insn);
        reads |= read & ~seen;
        seen |= read | (effect / EFFECT_SETS_DST & 1u) << dst_of(insn);
        if (!(effect & EFFECT_IS_JUMP)) { continue; }
        if (operation_of(insn) == BPF_JMP_CALL) { seen |= 0x3fu; }
        if (operation_of(insn) == BPF_JMP_JA && jump_target(insn, i) > i) { i = jump_target(insn, i) - 1; }
    }
    return reads;
}

static uint32_t live_before_special(struct jit *j, uint32_t i, uint32_t live, struct backward *b);

/* The first jump back to its target. */
RARE static uint32_t live_before_new_loop(struct jit *j, uint32_t i, uint32_t live, struct backward *b) {
    uint32_t target = jump_target(insn_at(j, i), i);
    j->slots[target] |= SLOT_BACK | expected_at_head(j, target, i) << SLOT_LIVE_SHIFT;
    if (j->back_count < BACKS) { j->backs[j->back_count++] = (struct back){(uint16_t)target, (uint16_t)i}; }
    return live_before_special(j, i, live, b);
}

/* Registers live before a jump to `target`; says where the loop begins that it closes, and where r0 arrives at its target:
 * in x7 when r1, which owns x0, is live before the jump or on either side, and where a loop is left, in which it lives there. */
static uint32_t live_before_goto(struct jit *j, uint32_t i, uint32_t live, enum flow flow, struct backward *b) {
    struct insn insn = insn_at(j, i);
    uint32_t target = jump_target(insn, i), *slot = &j->slots[target];
    if (target <= i && !(*slot & SLOT_BACK)) { return live_before_new_loop(j, i, live, b); }
    uint32_t live_at_target = slot_live(j, target);
    mark_target(j, i, target, SLOT_TARGET);
    if (target <= i && (target < b->loop_from || !b->in_loop)) { widen_loop(b, target, i); }
    uint32_t before = target <= i && b->pessimistic ? ALL_REGS : live_at_target;
    if (flow == FLOW_BRANCH) {
        before |= live | REG_BIT(dst_of(insn));
        if (opcode_of(insn) & BPF_SRC_X) { before |= REG_BIT(src_of(insn)); }
        if (finds_zero(insn, live_at_target)) { return before; }
    }
    bool leaves = b->in_loop && target > b->loop_end;
    if (leaves || (live_at_target | before) & REG_BIT(1)) { *slot |= SLOT_R0_HOME; }
    return before;
}

/* What a call does to the frame and to liveness: r6..r9 survive it. */
static uint32_t live_before_call(struct jit *j, uint32_t live, uint32_t arguments) {
    live &= 0x3c0u;
    j->copied[0] |= FROM_MEMORY;
    j->needs.calls = true;
    j->needs.across |= live;
    return live | arguments;
}

/* Code in place of a vector helper needs nothing of the frame. */
RARE static uint32_t live_before_helper(struct jit *j, uint32_t i, uint32_t live) {
    uint32_t arguments = helper_arguments(j, i);
    j->copied[0] |= FROM_MEMORY;
    if (!vector_is_inlined(j, i)) { return live_before_call(j, live, arguments); }
    j->needs.vectors = true;
    return (live & 0x3c0u) | arguments;
}

RARE static uint32_t live_before_local_call(struct jit *j, uint32_t i, uint32_t live) {
    uint32_t target = jump_target(insn_at(j, i), i);
    uint32_t arguments = target <= i ? ALL_REGS : slot_live(j, target); /* what is called back to is not known yet */
    j->has_local_calls = true;
    mark_target(j, i, target, SLOT_ENTRY);
    return live_before_call(j, live, arguments & ARGUMENT_REGS);
}

static uint32_t live_before_packet_load(struct jit *j, struct insn insn, uint32_t live) {
    live = is_foreign(j) ? live_before_call(j, live, REG_BIT(6)) : (live & ~REG_BIT(0)) | REG_BIT(6);
    return effects[opcode_of(insn)] & EFFECT_READS_SRC ? live | REG_BIT(src_of(insn)) : live;
}

/* Needs no frame. */
[[clang::noinline]] static uint32_t live_before_special(struct jit *j, uint32_t i, uint32_t live, struct backward *b) {
    struct insn insn = insn_at(j, i);
    if (!is_jump_class(insn)) {
        j->copied[0] |= FROM_MEMORY;
        if (class_of(insn) == BPF_CLASS_LD) { return live_before_packet_load(j, insn, live); }
        j->copied[src_of(insn)] |= FROM_MEMORY;
        live |= REG_BIT(dst_of(insn)) | REG_BIT(src_of(insn));
        return (uint32_t)imm_of(insn) == BPF_ATOMIC_CMPXCHG ? live | REG_BIT(0) : live;
    }
    enum flow flow = jump_flow(insn, j->facts->flags[i]);
    switch (flow) {
    case FLOW_NEXT: return live;
    case FLOW_EXIT: return REG_BIT(0);
    case FLOW_CALL_HELPER: return live_before_helper(j, i, live);
    case FLOW_CALL_LOCAL: return live_before_local_call(j, i, live);
    default: return live_before_goto(j, i, live, flow, b);
    }
}

#if OTHER_PLATFORMS
/* It is called as if from here, from behind a helper. */
static void note_function(struct jit *j, uint32_t i) {
    j->has_local_calls = j->is_called_back = true;
    mark_target(j, i, function_loaded(j, i), SLOT_ENTRY);
}
#endif

static inline uint32_t live_before_plain(struct jit *j, struct insn insn, uint32_t effect, uint32_t live) {
    uint32_t dst = dst_of(insn), src = REG_BIT(src_of(insn));
    if (effect & EFFECT_IS_PURE) {
        if (!(live >> dst & 1)) { return live; }
        if (!(effect & EFFECT_READS_DST)) { live &= ~REG_BIT(dst); }
        if (!(effect & EFFECT_READS_SRC)) { return live; }
        j->copied[dst] |= (uint16_t)(src | (effect & REG_BIT(EFFECT_KIND_SHIFT)) << (15 - EFFECT_KIND_SHIFT));
        return live | src;
    }
    if (effect & EFFECT_READS_DST) { live |= REG_BIT(dst); }
    return effect & EFFECT_READS_SRC ? live | src : live;
}
static_assert(KIND_LOAD == 1 && FROM_MEMORY == 1u << 15);

/* What the frame must hold for an instruction that has r10 as an operand. Returns whether it accesses the stack. */
[[clang::noinline]] static bool note_stack(struct needs *needs, struct insn insn) {
    uint32_t class = class_of(insn);
    bool by_dst = class == BPF_CLASS_ST || class == BPF_CLASS_STX;
    uint32_t address = by_dst ? dst_of(insn) : src_of(insn);
    if (is_jump_class(insn)) { return false; }
    bool accesses = (by_dst || class == BPF_CLASS_LDX) && address == 10;
    if (accesses && off_of(insn) < needs->lowest) { needs->lowest = off_of(insn); }
    bool reads_src = class == BPF_CLASS_STX || (class >= BPF_CLASS_ALU && opcode_of(insn) & BPF_SRC_X);
    needs->escapes |= reads_src && src_of(insn) == 10;
    return accesses;
}

[[clang::noinline]] static void note_frame(struct jit *j, uint32_t i, bool in_loop) {
    struct insn insn = insn_at(j, i);
    if (note_stack(&j->needs, insn)) { note_slot(j, insn, in_loop); }
}

/* At the head of an outermost loop: whether the loop must be walked again, with what is live at its heads now. */
static bool repeats(struct backward *b) {
    bool again = b->changed && !b->pessimistic;
    b->changed = b->in_loop = 0;
    if (again) {
        b->pessimistic = ++b->walks == MAX_LOOP_WALKS; /* then everything is live at every jump back: true enough */
    } else {
        b->loop_from = UINT32_MAX;
        b->pessimistic = false;
    }
    return again;
}

/* One pass, last slot first, over each loop as often as it takes. */
static void find_live(struct jit *j) {
    const struct bpf_insn *insns = j->program->insns;
    const uint8_t *facts = j->facts->flags;
    struct backward b = {.loop_from = UINT32_MAX};
    uint32_t *slots = j->slots, live = 0, in_loop = 0, wanted = 0;
    uint64_t value;
    for (uint32_t i = j->program->count; i-- > 0;) {
        struct insn insn = load_insn(&insns[i]); /* only the lower half of which is needed here */
        uint32_t effect = effects[opcode_of(insn)];
        if (SELDOM(!(facts[i] & FACT_REACHED))) {
            if (opcode_of(insn)) {
                live = 0;
                continue;
            } /* else the second slot of a load of 64 bits */
        }
        if (effect & EFFECT_IS_SPECIAL) {
            note_break(j, i);
            live = live_before_special(j, i, live, &b);
            in_loop = b.in_loop;
            wanted = in_loop && !j->last_constant ? EFFECT_TAKES_CONSTANT : 0;
        } else {
            live = live_before_plain(j, insn, effect, live);
#if OTHER_PLATFORMS
            if (loads_function(insn)) { note_function(j, i); }
#endif
        }
        if (SELDOM(live & REG_BIT(10))) {
            live &= ALL_REGS;
            note_frame(j, i, in_loop);
        }
        if (SELDOM(effect & wanted) && !is_small(insn) && needs_register(j, insn, i, &value)) {
            j->last_constant = i;
            wanted = 0;
        }
        uint32_t known = slots[i];
        slots[i] = known | live << SLOT_LIVE_SHIFT | in_loop;
        if (SELDOM(known & SLOT_BACK)) {
            b.changed |= live & ~live_of(known);
            live |= live_of(known);
            if (i != b.loop_from) { continue; }
            if (repeats(&b)) { i = b.loop_end + 1; }
            live = slot_live(j, i);
            in_loop = wanted = 0;
        }
    }
    slots[0] |= SLOT_ENTRY;
    note_break(j, 0);
}

void scan_program(struct jit *j) {
    uint32_t count = j->program->count;
    __builtin_memset(j->slots, 0, (count + 1) * sizeof(*j->slots));
    for (uint32_t i = 0; i < BREAK_WORDS(count); i++) { j->breaks[i] = 0; }
    j->first_head = count;
    find_live(j);
}

/* The needs of one function of several. */
RARE static struct needs needs_of(const struct jit *j, uint32_t entry, uint32_t end) {
    struct needs needs = {};
    for (uint32_t i = entry; i < end; i++) {
        struct insn insn = insn_at(j, i);
        if (!slot_reached(j, i)) { continue; }
        (void)note_stack(&needs, insn);
        bool loads_packet = is_foreign(j) && is_packet_load(insn);
        if (!loads_packet && !is_jump_class(insn)) { continue; }
        enum flow flow = loads_packet ? FLOW_CALL_HELPER : jump_flow(insn, j->facts->flags[i]);
        if (flow != FLOW_CALL_HELPER && flow != FLOW_CALL_LOCAL) { continue; }
        if (flow == FLOW_CALL_HELPER && !loads_packet && vector_is_inlined(j, i)) { continue; }
        needs.calls = true;
        needs.across |= slot_live(j, i + 1) & 0x3c0u;
    }
    return needs;
}

static uint32_t stack_bytes(struct jit *j, uint32_t entry, const struct needs *needs) {
    if (!j->has_local_calls && !needs->escapes && needs->lowest) { return (uint32_t)-promote_slots(j); }
    if (entry == 0) { return needs->escapes || needs->lowest ? j->facts->stack_bytes : 0; }
    return needs->escapes ? BPF_STACK_BYTES : (uint32_t)-needs->lowest;
}

static void assign_homes(struct jit *j, uint32_t callee_saved) {
    static const uint8_t caller[4] = {X5, X6, X8, X9}, callee[4] = {X19, X20, X21, X22};
    for (uint32_t reg = 6; reg < 10; reg++) {
        bool saved = callee_saved & REG_BIT(reg);
        j->home[reg] = saved ? callee[reg - 6] : caller[reg - 6];
        if (saved) { add_saved(&j->function, j->home[reg]); }
    }
}

static uint32_t prologue_words(const struct jit *j, uint32_t entry) {
    const struct function *f = &j->function;
    uint32_t words = begins_called(j, entry) && j->environment->features & JIT_BTI;
    if (f->frame_bytes == 0) { return words; }
    bool merged = f->saved_count > 0 && f->frame_bytes <= (f->saved_count == 1 ? 256u : 512u);
    return words + (f->saved_count + 1) / 2 + !merged;
}

RARE void scan_function(struct jit *j, uint32_t entry) {
    struct needs needs = j->needs;
    struct function *f = &j->function;
    uint32_t end = entry + 1, count = j->program->count;
    if (j->has_local_calls) {
        while (end < count && !(j->slots[end] & SLOT_ENTRY)) { end++; }
        needs = needs_of(j, entry, end);
    }
    bool keeps = entry == 0 && !j->has_local_calls && j->environment->features & JIT_CALLER_KEEPS;
    *f = (struct function){.calls = needs.calls, .caller_keeps = keeps};
    j->hoisted_limit = HOISTED_LIMIT;
    if (needs.calls) { f->saved[f->saved_count++] = X30; }
    if (is_foreign(j) && has_arena(j) && begins_called(j, entry)) { add_saved(f, X28); }
    assign_homes(j, needs.calls ? needs.across : 0);
    uint32_t stack = stack_bytes(j, entry, &needs); /* may add to what is saved */
    f->frame_bytes = (stack + 8 * f->saved_count + 15) & ~15u;
    f->prologue_words = (uint8_t)prologue_words(j, entry);
}
