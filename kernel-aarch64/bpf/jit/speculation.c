#include "bpf/jit/speculation.h"
#include "bpf/jit/effect.h"
#include "bpf/jit/value.h"
#include "lib/mem.h"

#define ANY UINT64_MAX
#define MAX_LABELS 64u /* behind others anything is taken to be anything */
#define MAX_WALKS 16u

/* Of each register three bits. */
#define ALL_REGS 0x3ffu
#define OUTSIDE 1u          /* it may be from outside */
#define MIXED (1u << 10)    /* and a number of the program's own may be added to that */
#define NARROWED (1u << 20) /* and some compare may have said that it is smaller than it could be */
#define PARTS (OUTSIDE | MIXED | NARROWED)

/* What is known of r0 to r9 without believing any compare. */
struct numbers {
    uint32_t parts;
    uint64_t most[11]; /* how large what is from outside is at most, 0 without that; ANY: not known; nothing of r10 */
};

/* 6 KiB of stack for as long as it takes. Slots that are jumped to hold 1 + their number here in their low bits meanwhile. */
struct outlook {
    struct jit *jit;
    struct numbers now, labels[MAX_LABELS];
    uint64_t stack; /* bit per slot of eight bytes: from outside at some time */
    uint64_t fresh; /* bit per label: something new came there since it was passed */
    bool stack_grows; /* and to what may have been loaded before */
    uint32_t label_count;
};

static void set_number(struct numbers *n, uint32_t reg, uint32_t parts, uint64_t most) {
    n->parts = (n->parts & ~(PARTS << reg)) | parts << reg;
    n->most[reg] = parts & OUTSIDE ? most : 0;
}

/* Whatever comes to a label, which is passed already when it is behind: then a number that becomes larger becomes any. */
static void come_to(struct outlook *o, uint32_t slot, bool behind) {
    uint32_t *number = &o->jit->slots[slot];
    if (!(*number & SLOT_WORD)) { *number += ++o->label_count; }
    uint32_t at = *number & SLOT_WORD;
    if (at > MAX_LABELS) { return; }
    struct numbers *there = &o->labels[at - 1];
    bool grows = o->now.parts & ~there->parts;
    there->parts |= o->now.parts;
    for (uint32_t regs = o->now.parts & ALL_REGS; regs; regs &= regs - 1) {
        uint32_t reg = (uint32_t)__builtin_ctz(regs);
        uint64_t most = o->now.most[reg];
        if (most <= there->most[reg]) { continue; }
        there->most[reg] = behind ? ANY : most;
        grows = true;
    }
    if (grows) { o->fresh |= 1ull << (at - 1); }
}

/* Whether there is something new behind this label. */
static bool begin_at(struct outlook *o, uint32_t slot) {
    uint32_t at = o->jit->slots[slot] & SLOT_WORD;
    if (at > MAX_LABELS) {
        memset(&o->now, 0xff, sizeof(o->now));
        return true;
    }
    bool is_fresh = o->fresh >> (at - 1) & 1;
    o->now = o->labels[at - 1];
    o->fresh &= ~(1ull << (at - 1));
    return is_fresh;
}

/* The greatest result of a <op> constant. */
static uint64_t most_with(uint32_t op, uint64_t a, uint64_t b) {
    if (op == BPF_ALU_END) { return ANY >> (-b & 63); }
    if (op == BPF_ALU_RSH) { return a >> (b & 63); }
    if (op == BPF_ALU_MOD) { b--; }
    if (op == BPF_ALU_MOD || op == BPF_ALU_AND) { return a < b ? a : b; }
    if (op == BPF_ALU_LSH) { b = 1ull << (b & 63); }
    bool multiplies = op == BPF_ALU_LSH || op == BPF_ALU_MUL;
    return !multiplies || (a | b) >> 32 ? ANY : a * b;
}

/* What a constant does to a number of the program's own does not matter, but AND and MOD end that there is one. */
static void follow_alu(struct numbers *n, struct insn insn) {
    uint32_t dst = dst_of(insn), op = operation_of(insn), parts = n->parts >> dst & PARTS, right = 0;
    bool exact = !(opcode_of(insn) & BPF_SRC_X) || op == BPF_ALU_END, cut = class_of(insn) == BPF_CLASS_ALU && op != BPF_ALU_END;
    uint64_t a = n->most[dst], b = (uint64_t)(int64_t)imm_of(insn), most = ANY;
    if (!exact) {
        right = n->parts >> src_of(insn) & PARTS;
        b = n->most[src_of(insn)];
    }
    if (cut && a > UINT32_MAX) { a = UINT32_MAX; }
    if (op == BPF_ALU_MOV) {
        parts = 0;
        most = b;
    } else if (op == BPF_ALU_ADD || op == BPF_ALU_OR || op == BPF_ALU_XOR) {
        most = (a | b) >> 32 ? ANY : a + b;
        if (!exact && (parts ^ right) & OUTSIDE) { parts |= MIXED; }
    } else if (exact) {
        if (parts & MIXED && (op == BPF_ALU_AND || op == BPF_ALU_MOD)) {
            a = ANY;
            parts &= ~MIXED;
        }
        most = most_with(op, a, b);
    }
    if (cut && most > UINT32_MAX) { most = UINT32_MAX; }
    set_number(n, dst, parts | right, off_of(insn) ? ANY : most); /* with an offset: signed */
}

static uint32_t bits_loaded(struct insn insn) { return 0x40081020u >> (opcode_of(insn) & 0x18u) & 0xffu; } /* W, H, B, DW */

/* Bits of the stack slots of an access through r10. */
static uint64_t stack_bits(struct insn insn) {
    uint32_t above = (uint32_t)-off_of(insn);
    return 1ull << ((above - 1) / 8 & 63) | 1ull << ((above - bits_loaded(insn) / 8) / 8 & 63);
}

/* What was loaded from there may be from outside now. */
static void grow_stack(struct outlook *o, uint64_t bits) {
    if (bits & ~o->stack) { o->stack_grows = true; }
    o->stack |= bits;
}

static void follow_memory(struct outlook *o, struct insn insn, bool loads) {
    struct numbers *n = &o->now;
    uint32_t dst = dst_of(insn), src = src_of(insn);
    if (loads) {
        bool own = src == 10 && !(o->stack & stack_bits(insn)), is_signed = opcode_of(insn) & 0x80;
        return set_number(n, dst, own ? 0 : OUTSIDE, is_signed ? ANY : ANY >> (64 - bits_loaded(insn)));
    }
    if (dst == 10 && class_of(insn) == BPF_CLASS_STX && n->parts >> src & OUTSIDE) {
        grow_stack(o, stack_bits(insn));
    }
}

static void follow(struct outlook *o, struct insn insn, uint32_t effect) {
    uint32_t kind = effect >> EFFECT_KIND_SHIFT & 3, reg = dst_of(insn), parts = 0;
    if (kind == KIND_ALU) { return follow_alu(&o->now, insn); }
    if (effect & EFFECT_IS_SPECIAL) { /* an atomic: what it fetches, and what it leaves on the stack */
        parts = OUTSIDE;
        reg = src_of(insn);
        set_number(&o->now, 0, parts, ANY);
        grow_stack(o, ANY);
    } else if (kind != KIND_OTHER) {
        return follow_memory(o, insn, kind == KIND_LOAD);
    }
    set_number(&o->now, reg, parts, ANY);
}

/* A compare may narrow from above, where it is so or where it is not: whatever may be a copy of what it compares, but where that
 * equals something only itself. */
static void follow_branch(struct outlook *o, struct insn insn, uint32_t target, bool behind) {
    uint32_t op = operation_of(insn), parts = o->now.parts, regs = ALL_REGS;
    bool equality = op == BPF_JMP_JEQ || op == BPF_JMP_JNE, taken = op == BPF_JMP_JEQ || op >= BPF_JMP_JLT;
    bool both = op == BPF_JMP_JSET || opcode_of(insn) & BPF_SRC_X;
    if (equality) { regs = REG_BIT(dst_of(insn)) | REG_BIT(src_of(insn)); }
    uint32_t narrowed = (parts & regs & ALL_REGS) * NARROWED;
    o->now.parts = parts | (taken || both ? narrowed : 0);
    come_to(o, target, behind);
    o->now.parts = parts | (!taken || both ? narrowed : 0);
}

static void follow_jump(struct outlook *o, struct insn insn, uint32_t slot) {
    uint32_t target = jump_target(insn, slot);
    enum flow flow = jump_flow(insn, o->jit->facts->flags[slot]);
    if (flow == FLOW_BRANCH) { return follow_branch(o, insn, target, target <= slot); }
    if (flow == FLOW_JUMP || flow == FLOW_CALL_LOCAL) { come_to(o, target, target <= slot); }
    if (flow == FLOW_JUMP || flow == FLOW_EXIT) { memset(&o->now, 0, sizeof(o->now)); }
    if (flow == FLOW_CALL_LOCAL || flow == FLOW_CALL_HELPER) { set_number(&o->now, 0, OUTSIDE, ANY); }
}

/* Number of the fact of this slot, or how many there are. */
static uint32_t index_fact(const struct jit *j, uint32_t slot) {
    uint32_t at = 0;
    while (at < j->facts->index_count && j->facts->indexes[at].slot != slot) { at++; }
    return at;
}

static uint32_t index_reg(const struct bpf_index_fact *fact, struct insn insn) {
    return fact->object & INDEX_IN_DST ? dst_of(insn) : src_of(insn);
}

static bool is_odd(const struct bpf_index_fact *fact) { return (fact->object & INDEX_ODD) == INDEX_ODD; }

static void judge(struct outlook *o, struct insn insn, uint32_t slot) {
    struct jit *j = o->jit;
    uint32_t at = index_fact(j, slot);
    if (at == j->facts->index_count) { return; }
    const struct bpf_index_fact *fact = &j->facts->indexes[at];
    uint32_t reg = index_reg(fact, insn), parts = o->now.parts >> reg;
    bool loose = is_odd(fact) || o->now.most[reg] > fact->most || !(~parts & (MIXED | NARROWED));
    if (fact->object & INDEX_IN_SRC) { parts |= o->now.parts >> src_of(insn); }
    if (parts & OUTSIDE && loose) { j->guarded |= 1ull << at; }
}

/* Passes the whole program, or only what something new comes to. */
static void walk(struct outlook *o, bool whole) {
    const struct jit *j = o->jit;
    bool passes = whole;
    memset(&o->now, 0, sizeof(o->now));
    for (uint32_t slot = 0; slot < j->program->count; slot++) {
        if (!slot_reached(j, slot)) { continue; }
        if (j->slots[slot] & (SLOT_TARGET | SLOT_ENTRY)) {
            if (passes) { come_to(o, slot, false); }
            passes = begin_at(o, slot) || whole;
        }
        if (!passes) { continue; }
        struct insn insn = insn_at(j, slot);
        uint32_t effect = effects[opcode_of(insn)];
        if (j->facts->flags[slot] & FACT_ADDRESS) { judge(o, insn, slot); }
        if (effect & EFFECT_IS_JUMP) {
            follow_jump(o, insn, slot);
        } else {
            follow(o, insn, effect);
        }
    }
}

RARE void find_guarded(struct jit *j) {
    struct outlook o = {.jit = j, .stack = j->needs.escapes ? ANY : 0, .stack_grows = true};
    for (uint32_t walks = 0; (o.fresh || o.stack_grows) && walks < MAX_WALKS; walks++) {
        bool whole = o.stack_grows;
        o.stack_grows = false;
        walk(&o, whole);
    }
    if (o.fresh || o.stack_grows) { j->guarded = ANY; }
    for (uint32_t slot = 0; slot < j->program->count; slot++) { j->slots[slot] &= ~SLOT_WORD; }
}

/* ---- code ---- */

[[clang::noinline]] static void put(struct jit *j, uint32_t word) { emit(j, word); }

static void put_barrier(struct jit *j) {
    put(j, a64_dsb_nsh());
    put(j, a64_isb());
}

/* Those of one run (DDI 0487, DecodeBitMasks, with N = 1). */
static struct a64_mask run_of(uint32_t ones, uint32_t low) {
    return (struct a64_mask){1u << 12 | (-low & 63u) << 6 | 31u - (uint32_t)__builtin_clz(ones) - low};
}

/* What is selected is what it was on the right way, so all that is noted stays true, whoever else has it in this register. */
static void hold_to(struct jit *j, uint32_t reg, uint32_t most, bool masks) {
    struct a64_arith arith;
    ensure_reg(j, reg);
    enum a64_reg phys = value_reg(j, reg);
    release_foreign(j, phys, 0, reg, true); /* shared sums are of before */
    uint32_t low = most & -most;
    if (masks && !(most & (most + low))) {
        return put(j, a64_and_imm(phys, phys, run_of(most, (uint32_t)__builtin_ctz(most)), A64_WIDTH_X));
    }
    if (!try_arith(most, &arith)) { return put_barrier(j); }
    put(j, a64_subs_imm(XZR, phys, arith, A64_WIDTH_X));
    put(j, a64_csel(phys, phys, A64_COND_LS, XZR, A64_WIDTH_X));
    put(j, a64_csdb());
}

RARE void guard_address(struct jit *j, struct insn insn) {
    if (j->environment->features & JIT_IN_ORDER) { return; }
    uint32_t at = index_fact(j, j->slot);
    const struct bpf_index_fact *fact = &j->facts->indexes[at];
    if (at == j->facts->index_count) { return put_barrier(j); }
    uint32_t reg = index_reg(fact, insn);
    if (!(j->guarded >> at & 1)) { return; }
    if (is_odd(fact)) { return put_barrier(j); }
    if (!is_const(j, reg)) { hold_to(j, reg, fact->most, fact->bits == fact->most && fact->most); }
}
static_assert(MAX_INDEX_FACTS == 64);
