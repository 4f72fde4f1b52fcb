/* Which indexes have to be held to their range, and how. Long: what is found of one access is what the next one leans on. */

#include "bpf/jit/speculation.h"
#include "bpf/jit/effect.h"
#include "bpf/jit/value.h"

#define ANY UINT64_MAX
#define MOST_DEPTH 16u /* of sums of sums, and of ways that meet; behind that anything is taken to be anything */
#define MOST_OPEN 8u   /* labels that are being looked at */
#define LEANS_ON_NONE (MOST_OPEN + 1)
#define MOST_KEPT 8u   /* answers, for who asks again */

#define ALL_NUMBERS 16u /* told apart where registers are named */
#define MOST_SHIFT 31u

#define STEPS_PER_SLOT 4u
#define STEPS_ON_TOP 512u

#define OUTSIDE 1u  /* it may be from outside */
#define MIXED 2u    /* and a number of the program's own may be added to that */
#define NARROWED 4u /* and some compare may have said that it is smaller than it could be */

/* What is known of a register without believing any compare. */
struct number {
    uint32_t parts;
    uint64_t most; /* how large what is from outside is at most, 0 without that; ANY: not known */
};

static const struct number own = {}, anything = {OUTSIDE | MIXED | NARROWED, ANY};

/* A register at a label, while what comes to it is looked for, or afterwards. */
struct open {
    uint32_t label, reg;
    uint64_t enough;       /* as it was then: before a shift up less is */
    struct number assumed; /* of what comes around to it; in the end the answer */
};

/* Looks back from where a number is used for where it came from. */
struct search {
    const struct jit *jit;
    uint64_t enough; /* a mask that leaves no more than this settles it */
    uint32_t steps; /* that may still be made */
    uint32_t all; /* ALL_NUMBERS: those of the program's own are looked for as well; else 0 */
    uint32_t outside; /* registers that ever have a number from outside */
    uint64_t asked; /* bit per eight bytes of the stack: whether they hold any from outside is being looked for */
    uint64_t asked_enough; /* when it was */
    uint32_t open_count;
    uint32_t leans; /* on the assumption of which of them what was found does, the first one counts, + 1; 0: on another */
    uint32_t kept_count; /* so far; the last ones are kept */
    struct open *open; /* MOST_OPEN of them, set as they are counted, and behind them MOST_KEPT answers that lean on nothing */
};

/* So many slots more; false when there were too many. */
static bool spend(struct search *s, uint32_t slots) {
    bool may = slots <= s->steps;
    s->steps -= may ? slots : s->steps;
    return may;
}

/* `depth`: levels that may still be made. */
static struct number find_number(struct search *s, uint32_t slot, uint32_t reg, uint32_t depth);
static struct number find_before(struct search *s, uint32_t slot, uint32_t reg, uint32_t depth);

static struct number joined(struct number a, struct number b) {
    return (struct number){a.parts | b.parts, a.most > b.most ? a.most : b.most};
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

static bool takes_register(struct insn insn) { return opcode_of(insn) & BPF_SRC_X && operation_of(insn) != BPF_ALU_END; }

/* Whether no more is left of a number than what is enough, whatever it was. */
static bool is_masked(const struct search *s, struct insn insn) {
    uint32_t op = operation_of(insn);
    bool masks = op == BPF_ALU_AND || op == BPF_ALU_MOD || op == BPF_ALU_RSH || op == BPF_ALU_END;
    if (!masks || takes_register(insn) || off_of(insn)) { return false; }
    return most_with(op, class_of(insn) == BPF_CLASS_ALU ? UINT32_MAX : ANY, (uint64_t)(int64_t)imm_of(insn)) <= s->enough;
}

/* What is enough before an operation that reads its dst. */
static uint64_t enough_before(struct insn insn, uint64_t enough) {
    uint64_t by = (uint32_t)imm_of(insn);
    if (takes_register(insn)) { return 0; }
    if (operation_of(insn) == BPF_ALU_LSH) { return enough >> (by & 63); }
    return operation_of(insn) == BPF_ALU_MUL && by ? enough / by : 0;
}

/* a <op> b, or the constant of the instruction. What a constant does to a number of the program's own does not matter, but AND
 * and MOD end that there is one. `shifts`: by no more than b says. */
static struct number computed(const struct search *s, struct insn insn, struct number a, struct number b, bool shifts) {
    uint32_t op = operation_of(insn);
    bool exact = !takes_register(insn), cut = class_of(insn) == BPF_CLASS_ALU && op != BPF_ALU_END;
    uint64_t most = ANY;
    if (cut && a.most > UINT32_MAX) { a.most = UINT32_MAX; }
    if (exact) { b = (struct number){s->all ? OUTSIDE : 0, (uint64_t)(int64_t)imm_of(insn)}; }
    if (op == BPF_ALU_MOV) {
        a.parts = 0;
        most = b.most;
    } else if (op == BPF_ALU_ADD || op == BPF_ALU_OR || op == BPF_ALU_XOR) {
        most = (a.most | b.most) >> 32 ? ANY : a.most + b.most;
        if (!exact && (a.parts ^ b.parts) & OUTSIDE) { a.parts |= MIXED; }
    } else if (exact || (shifts && b.most <= MOST_SHIFT)) {
        if (a.parts & MIXED && (op == BPF_ALU_AND || op == BPF_ALU_MOD)) {
            a.most = ANY;
            a.parts &= ~MIXED;
        }
        most = most_with(op, a.most, b.most);
    }
    if (cut && most > UINT32_MAX) { most = UINT32_MAX; }
    if (off_of(insn)) { most = ANY; } /* signed */
    a.parts |= b.parts;
    return a.parts & OUTSIDE ? (struct number){a.parts, most} : own;
}

static struct number loaded(struct insn insn) {
    uint32_t bits = 0x40081020u >> (opcode_of(insn) & 0x18u) & 0xffu; /* W, H, B, DW */
    return (struct number){OUTSIDE, opcode_of(insn) & 0x80u ? ANY : ANY >> (64 - bits)};
}

/* Whether a call or an atomic changes the register, or leaves it what nobody reads. */
static bool is_fetched(struct insn insn, uint32_t regs) {
    return regs & (is_jump_class(insn) ? 0x3fu : REG_BIT(0) | REG_BIT(src_of(insn)));
}

/* Whether a compare may narrow from above where it is so, or where it is not: whatever may be a copy of what it compares, but where
 * it is about equality only itself. */
static bool narrows(struct insn insn, uint32_t reg, bool taken) {
    uint32_t op = operation_of(insn);
    bool both = opcode_of(insn) & BPF_SRC_X || op == BPF_JMP_JSET;
    if (op == BPF_JMP_JEQ || op == BPF_JMP_JNE) {
        return (both || (op == BPF_JMP_JEQ) == taken) && (reg == dst_of(insn) || reg == src_of(insn));
    }
    return both || (op >= BPF_JMP_JLT) == taken;
}

/* Joins what a register is where jumps of these slots go to the label. */
static struct number join_jumps(struct search *s, struct number n, uint32_t from, uint32_t end, uint32_t label, uint32_t reg, uint32_t depth) {
    const struct jit *j = s->jit;
    while (n.most != ANY) {
        uint32_t slot = find_break(j, from, end);
        if (!spend(s, slot - from + (slot < end))) { return anything; }
        if (slot == end) { break; }
        from = slot + 1;
        if (!slot_reached(j, slot)) { continue; }
        struct insn insn = insn_at(j, slot);
        if (jump_target(insn, slot) != label || !is_jump_class(insn)) { continue; }
        enum flow flow = jump_flow(insn, j->facts->flags[slot]);
        if (flow != FLOW_JUMP && flow != FLOW_BRANCH) { continue; }
        struct number there = find_number(s, slot, reg, depth);
        if (there.parts & OUTSIDE && flow == FLOW_BRANCH && narrows(insn, reg, true)) { there.parts |= NARROWED; }
        n = joined(n, there);
    }
    return n;
}

/* Not because of what the program is. */
static struct number give_up(struct search *s) {
    s->leans = 0;
    return anything;
}

/* What the same question is assumed to be answered with, or was. What is enough may have been less for an answer that there is
 * nothing from outside. */
static const struct open *find_answer(struct search *s, uint32_t label, uint32_t reg) {
    uint32_t at = s->open_count, end = MOST_OPEN + (s->kept_count < MOST_KEPT ? s->kept_count : MOST_KEPT);
    for (uint32_t i = at ? 0 : MOST_OPEN; i < end; i = i + 1 == at ? MOST_OPEN : i + 1) {
        const struct open *open = &s->open[i];
        bool is_enough = open->enough == s->enough || (i >= MOST_OPEN && !open->assumed.parts && open->enough < s->enough);
        if (open->label != label || open->reg != reg || !is_enough) { continue; }
        if (i + 1 < s->leans) { s->leans = i + 1; }
        return open;
    }
    return nullptr;
}

/* Falling into it, or by jumps. While numbers are looked for, the first slot that jumps there from before stands in the low bits of
 * a label, + 1. What comes around to it again is taken for nothing at first, then for what it was found to be. */
RARE static struct number find_at_label(struct search *s, uint32_t label, uint32_t reg, uint32_t depth) {
    const struct jit *j = s->jit;
    uint32_t known = j->slots[label], first = known & SLOT_WORD ? (known & SLOT_WORD) - 1 : label, at = s->open_count, leans = s->leans;
    if (known & SLOT_ENTRY && j->has_local_calls) { return anything; }
    const struct open *answer = find_answer(s, label, reg | s->all);
    if (answer) { return answer->assumed; }
    if (at == MOST_OPEN) { return give_up(s); }
    s->open[at] = (struct open){label, reg | s->all, s->enough, own};
    s->open_count++;
    s->leans = LEANS_ON_NONE;
    struct number n = own, before;
    uint32_t end = known & SLOT_BACK ? last_jump_back(j, label) + 1 : label;
    do {
        before = s->open[at].assumed;
        n = join_jumps(s, find_before(s, label, reg, depth), first, end, label, reg, depth);
        if (before.parts & OUTSIDE && n.most > before.most) { n.most = ANY; } /* and with each turn */
        s->open[at].assumed = n;
    } while (known & SLOT_BACK && (before.parts != n.parts || before.most != n.most) && n.most != ANY);
    s->open_count = at;
    if (s->leans > at) {
        if (n.most != ANY) { s->open[MOST_OPEN + s->kept_count++ % MOST_KEPT] = s->open[at]; }
        s->leans = LEANS_ON_NONE;
    }
    if (leans < s->leans) { s->leans = leans; }
    return n;
}

/* One level further. */
static struct number find_number(struct search *s, uint32_t slot, uint32_t reg, uint32_t depth) {
    if (!(s->outside >> reg & 1) && !s->all) { return own; }
    if (!depth) { return give_up(s); }
    bool label = s->jit->slots[slot] & (SLOT_TARGET | SLOT_ENTRY);
    return (label ? find_at_label : find_before)(s, slot, reg, depth - 1);
}

/* Slots of eight bytes that an access through r10 touches, as bits. */
static uint64_t stack_bits(struct insn insn) {
    uint32_t bytes = 0x08010204u >> (opcode_of(insn) & 0x18u) & 0xffu, above = (uint32_t)-off_of(insn); /* W, H, B, DW */
    return 1ull << ((above - 1) / 8 & 63) | 1ull << ((above - bytes) / 8 & 63);
}

/* The next slot that stores a register. */
static uint32_t find_store(const struct bpf_program *p, uint32_t slot) {
    const struct bpf_insn *insns = p->insns;
    while (slot < p->count && (insns[slot].opcode & 7u) != BPF_CLASS_STX) { slot++; }
    return slot;
}

/* Whether nothing from outside was ever stored where this loads from; what comes around to the same question adds nothing. */
[[clang::noinline]] static bool loads_own(struct search *s, struct insn load, uint32_t depth) {
    const struct jit *j = s->jit;
    uint64_t bits = stack_bits(load), asked = s->asked, asked_enough = s->asked_enough;
    bool is_own = src_of(load) == 10 && !j->needs.escapes;
    if (s->enough != asked_enough) { s->asked = 0; }
    uint64_t new_bits = bits & ~s->asked;
    if (new_bits != bits) { s->leans = 0; }
    s->asked |= bits;
    s->asked_enough = s->enough;
    for (uint32_t slot = 0, from; is_own && new_bits; slot++) {
        from = slot;
        slot = find_store(j->program, slot);
        is_own = spend(s, slot - from);
        if (slot == j->program->count) { break; }
        if (!slot_reached(j, slot)) { continue; }
        struct insn insn = insn_at(j, slot);
        bool atomic = effects[opcode_of(insn)] & EFFECT_IS_SPECIAL, there = dst_of(insn) == 10 && stack_bits(insn) & bits;
        if (atomic || (there && find_number(s, slot, src_of(insn), depth).parts & OUTSIDE)) { is_own = false; }
    }
    s->asked = asked;
    s->asked_enough = asked_enough;
    return is_own;
}

/* How far a number is shifted up by the register that this slot names, at most, whoever chose it. */
static struct number find_amount(struct search *s, uint32_t slot, uint32_t reg, uint32_t depth) {
    s->all = ALL_NUMBERS;
    struct number n = find_number(s, slot, reg, depth);
    s->all = 0;
    return n;
}

/* What an instruction makes of the register that it sets. */
static struct number find_set(struct search *s, uint32_t slot, struct insn insn, uint32_t effect, uint32_t depth) {
    uint32_t kind = effect >> EFFECT_KIND_SHIFT & 3;
    if (kind == KIND_LOAD) { return !s->all && loads_own(s, insn, depth) ? own : loaded(insn); }
    if (kind != KIND_ALU) { return s->all ? anything : own; }
    if (is_masked(s, insn)) { return own; }
    uint64_t enough = s->enough;
    if (effect & EFFECT_READS_DST || off_of(insn)) { s->enough = enough_before(insn, enough); }
    struct number a = effect & EFFECT_READS_DST ? find_number(s, slot, dst_of(insn), depth) : own, b = own;
    bool shifts = !s->all && a.parts & OUTSIDE && operation_of(insn) == BPF_ALU_LSH;
    if (takes_register(insn)) { b = (shifts ? find_amount : find_number)(s, slot, src_of(insn), depth); }
    s->enough = enough;
    return computed(s, insn, a, b, shifts);
}

/* Goes back from a slot to what may say something of a register: what has it as its dst, a jump, a call, a label. Returns the slot
 * behind that, or `end`. */
static uint32_t go_back(const struct jit *j, uint32_t slot, uint32_t end, uint32_t reg) {
    const struct bpf_insn *insns = j->program->insns;
    for (uint32_t stop = behind_break(j, slot, end); slot > stop && (insns[slot - 1].regs & 15u) != reg; slot--) {}
    return slot;
}

/* The register before a slot that is fallen into. */
static struct number find_before(struct search *s, uint32_t slot, uint32_t reg, uint32_t depth) {
    const struct jit *j = s->jit;
    struct number n = s->all ? anything : own;
    uint32_t narrowed = 0;
    for (bool found = false; !found && slot > 0;) {
        uint32_t end = slot > s->steps ? slot - s->steps : 0, from = go_back(j, slot, end, reg);
        if (!spend(s, slot - from + (from > end)) || (from == end && end)) { return anything; }
        if (from == end) { break; }
        slot = from - 1;
        if (!slot_reached(j, slot)) { continue; }
        struct insn insn = insn_at(j, slot);
        uint32_t effect = effects[opcode_of(insn)];
        enum flow flow = effect & EFFECT_IS_JUMP ? jump_flow(insn, j->facts->flags[slot]) : FLOW_NEXT;
        if (flow == FLOW_JUMP || flow == FLOW_EXIT) { return own; } /* it is not */
        if (flow == FLOW_BRANCH && narrows(insn, reg, false)) { narrowed = NARROWED; }
        bool fetches = flow >= FLOW_CALL_HELPER || (effect & EFFECT_IS_SPECIAL && !(effect & EFFECT_IS_JUMP));
        if (fetches && is_fetched(insn, REG_BIT(reg))) { return anything; }
        found = true;
        if (effect & EFFECT_SETS_DST && dst_of(insn) == reg) {
            n = find_set(s, slot, insn, effect, depth);
        } else if (j->slots[slot] & (SLOT_TARGET | SLOT_ENTRY)) {
            n = find_number(s, slot, reg, depth);
        } else {
            found = false;
        }
    }
    if (n.parts & OUTSIDE) { n.parts |= narrowed; }
    return n;
}

/* The fact of this slot, if there is one: mostly it is behind the one that was asked for last. */
static bool try_index_fact(struct jit *j, uint32_t *at) {
    const struct bpf_facts *facts = j->facts;
    for (uint32_t left = j->slot > j->last_index ? 0 : facts->index_count; left > 0; left--) {
        if (j->next_fact >= facts->index_count) { j->next_fact = 0; }
        *at = j->next_fact++;
        if (facts->indexes[*at].slot == j->slot) { return true; }
    }
    return false;
}

static uint32_t index_reg(const struct bpf_index_fact *fact, struct insn insn) {
    return fact->object & INDEX_IN_DST ? dst_of(insn) : src_of(insn);
}

static bool is_odd(const struct bpf_index_fact *fact) { return (fact->object & INDEX_ODD) == INDEX_ODD; }

static bool needs_guard(struct search *s, const struct bpf_index_fact *fact) {
    struct insn insn = insn_at(s->jit, fact->slot);
    s->enough = is_odd(fact) ? 0 : fact->most;
    struct number n = find_number(s, fact->slot, index_reg(fact, insn), MOST_DEPTH);
    bool loose = is_odd(fact) || n.most > fact->most || !(~n.parts & (MIXED | NARROWED));
    if (fact->object & INDEX_IN_DST && fact->object & INDEX_IN_SRC) { n = joined(n, find_number(s, fact->slot, src_of(insn), MOST_DEPTH)); }
    return n.parts & OUTSIDE && loose;
}

/* Registers that get a number from outside anywhere, or one of those. */
static uint32_t find_outside(const struct jit *j) {
    uint32_t outside = FROM_MEMORY, before;
    do {
        before = outside;
        for (uint32_t reg = 0; reg < 10; reg++) {
            if (j->copied[reg] & outside) { outside |= REG_BIT(reg); }
        }
    } while (outside != before);
    return outside;
}

RARE void find_guarded(struct jit *j) {
    uint32_t count = j->program->count, *slots = j->slots;
    struct open open[MOST_OPEN + MOST_KEPT];
    struct search s = {.jit = j, .steps = STEPS_PER_SLOT * count + STEPS_ON_TOP, .outside = find_outside(j), .open = open};
    for (uint32_t at = 0; at < j->facts->index_count; at++) {
        const struct bpf_index_fact *fact = &j->facts->indexes[at];
        if (fact->slot > j->last_index) { j->last_index = fact->slot; }
        if (needs_guard(&s, fact)) { j->guarded |= 1ull << at; }
    }
    for (uint32_t at = 0; at < BREAK_WORDS(count); at++) {
        for (uint64_t left = j->breaks[at]; left; left &= left - 1) { slots[64 * at + (uint32_t)__builtin_ctzll(left)] &= ~SLOT_WORD; }
    }
}

/* ---- code ---- */

[[clang::noinline]] static void put(struct jit *j, uint32_t word) { emit(j, word); }

/* Bytes behind its register that a load or store reaches. */
static int32_t reach_of(struct insn insn) {
    return off_of(insn) + (int32_t)(0x08010204u >> (opcode_of(insn) & 0x18u) & 0xffu); /* W, H, B, DW */
}

/* Whether an instruction is known to leave the register what it is. */
static bool keeps(struct insn insn, uint32_t reg) {
    uint32_t effect = effects[opcode_of(insn)];
    if (effect & EFFECT_IS_JUMP) { return operation_of(insn) != BPF_JMP_CALL || reg > 5; }
    return !(effect & EFFECT_IS_SPECIAL) && (!(effect & EFFECT_SETS_DST) || dst_of(insn) != reg);
}

/* Whether the last barrier does for this access as well: all ways here lead over it, it was for an access by the same register, which
 * has not changed since, and this one reaches no further. That it does not begin too early no compare of the pointer says, only what
 * was added to it. */
static bool is_behind_barrier(const struct jit *j, struct insn insn, uint32_t reg) {
    uint32_t slot = j->guard_slot;
    if (!j->guard_word || slot >= j->slot || reg != j->guard_reg || reach_of(insn) > reach_of(insn_at(j, slot))) { return false; }
    while (slot < j->slot && keeps(insn_at(j, slot), reg)) { slot++; }
    return slot == j->slot;
}

RARE static void put_barrier(struct jit *j, struct insn insn) {
    uint32_t kind = effects[opcode_of(insn)] >> EFFECT_KIND_SHIFT & 3;
    uint32_t reg = kind == KIND_LOAD ? src_of(insn) : kind == KIND_STORE ? dst_of(insn) : NO_REG; /* of memory */
    if (reg != NO_REG && is_behind_barrier(j, insn, reg)) { return; }
    put(j, a64_dsb_nsh());
    put(j, a64_isb());
    j->guard_slot = j->slot;
    j->guard_word = j->words;
    j->guard_reg = reg;
}

/* Those of one run (DDI 0487, DecodeBitMasks, with N = 1). */
static struct a64_mask run_of(uint32_t ones, uint32_t low) {
    return (struct a64_mask){1u << 12 | (-low & 63u) << 6 | 31u - (uint32_t)__builtin_clz(ones) - low};
}

/* What is selected is what it was on the right way, so all that is noted stays true, whoever else has it in this register. */
static void hold_to(struct jit *j, struct insn insn, uint32_t reg, uint32_t most, bool masks) {
    struct a64_arith arith;
    ensure_reg(j, reg);
    enum a64_reg phys = value_reg(j, reg);
    release_foreign(j, phys, 0, reg, true); /* shared sums are of before */
    uint32_t low = most & -most;
    if (masks && !(most & (most + low))) {
        return put(j, a64_and_imm(phys, phys, run_of(most, (uint32_t)__builtin_ctz(most)), A64_WIDTH_X));
    }
    if (!try_arith(most, &arith)) { return put_barrier(j, insn); }
    put(j, a64_subs_imm(XZR, phys, arith, A64_WIDTH_X));
    put(j, a64_csel(phys, phys, A64_COND_LS, XZR, A64_WIDTH_X));
    put(j, a64_csdb());
}

RARE static void guard_index(struct jit *j, struct insn insn, const struct bpf_index_fact *fact) {
    uint32_t reg = index_reg(fact, insn);
    if (is_odd(fact)) { return put_barrier(j, insn); }
    if (!is_const(j, reg)) { hold_to(j, insn, reg, fact->most, fact->bits == fact->most && fact->most); }
}

/* Needs no frame. */
RARE void guard_address(struct jit *j, struct insn insn) {
    if (j->environment->features & JIT_IN_ORDER) { return; }
    uint32_t at;
    if (!try_index_fact(j, &at)) { return put_barrier(j, insn); }
    if (j->guarded >> at & 1) { guard_index(j, insn, &j->facts->indexes[at]); }
}
static_assert(MAX_INDEX_FACTS == 64);
