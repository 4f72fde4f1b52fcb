/* The block is followed once with what the low word of each register is: that of a register at the head + a number, or unknown. What
 * a test compares then is the counter + a number with a constant or with a register that the loop leaves alone. All are without
 * sign, and both sides are known to be below 2^32 or compared by their low words, so low words are all that is looked at here. No
 * test ends the loop in the next turns if the counter is below what it is compared with less the most that is added to it by then;
 * the least of these limits stands in a register. As the counter comes to no limit in these turns it does not wrap around either.
 *
 * Registers: the first of x12..x15 that holds no constant of the loop is the limit. */

#include "bpf/jit/ahead.h"
#include "bpf/jit/copied.h"
#include "bpf/jit/effect.h"
#include "bpf/jit/hoist.h"
#include "bpf/jit/select.h"
#include "bpf/jit/unroll.h"
#include "bpf/jit/value.h"

#define TURNS 4u
#define MOST_TESTS 4u
#define MOST_STEP 512
#define UNKNOWN 15u
#define OP_BIT(op) (1u << (op) / 16u)
#define OPS_WITHOUT_SIGN \
    (OP_BIT(BPF_JMP_JEQ) | OP_BIT(BPF_JMP_JNE) | OP_BIT(BPF_JMP_JGT) | OP_BIT(BPF_JMP_JGE) | OP_BIT(BPF_JMP_JLT) | OP_BIT(BPF_JMP_JLE))
#define ALL_LIVE (0x3ffu << SLOT_LIVE_SHIFT)

struct term {
    uint32_t reg;
    int32_t at;
};

/* The loop goes on where `counter` is below `other`, or not above it. */
struct test_ahead {
    struct term counter, other; /* with UNKNOWN the constant `at` */
    bool below;
};

struct follow {
    struct counted loop; /* its test is the jump back */
    struct term terms[UNKNOWN + 1];
    struct term made[MOST_AHEAD]; /* by adding to a term from 0 on, none of which wraps around below the step */
    struct test_ahead tests[MOST_TESTS];
    uint32_t test_count;
};

static bool is_exact(struct insn insn) { return !(opcode_of(insn) & BPF_SRC_X); }

static bool compares_low_words(struct insn insn, uint8_t facts) {
    uint8_t wanted = FACT_DST_UPPER_ZERO | (is_exact(insn) ? 0 : FACT_SRC_UPPER_ZERO);
    return class_of(insn) == BPF_CLASS_JMP32 || (facts & wanted) == wanted;
}

/* RFC 9669 §4.3: opposite and mirrored compares differ by a constant. */
static bool try_test(struct follow *f, struct insn insn, bool leaves) {
    uint32_t op = operation_of(insn);
    struct term a = f->terms[dst_of(insn)], b = is_exact(insn) ? (struct term){UNKNOWN, imm_of(insn)} : f->terms[src_of(insn)];
    if (!(OPS_WITHOUT_SIGN & OP_BIT(op)) || f->test_count == MOST_TESTS) { return false; }
    if (leaves) { op ^= op == BPF_JMP_JEQ || op == BPF_JMP_JNE ? BPF_JMP_JEQ ^ BPF_JMP_JNE : BPF_JMP_JGT ^ BPF_JMP_JLE; }
    bool swaps = op == BPF_JMP_JGT || op == BPF_JMP_JGE;
    if (swaps) { op ^= BPF_JMP_JGT ^ BPF_JMP_JLT; }
    if (op == BPF_JMP_JEQ) { return false; }
    f->tests[f->test_count++] = (struct test_ahead){swaps ? b : a, swaps ? a : b, op != BPF_JMP_JLE};
    return is_exact(insn) || (swaps ? a : b).reg != UNKNOWN;
}
static_assert((BPF_JMP_JGE ^ BPF_JMP_JLT) == (BPF_JMP_JGT ^ BPF_JMP_JLE));
static_assert((BPF_JMP_JGE ^ BPF_JMP_JLE) == (BPF_JMP_JGT ^ BPF_JMP_JLT));

static bool follow_jump(const struct jit *j, struct follow *f, struct insn insn, uint32_t slot) {
    const struct counted *l = &f->loop;
    uint8_t facts = j->facts->flags[slot];
    uint32_t target = jump_target(insn, slot);
    enum flow flow = jump_flow(insn, facts);
    bool last = slot == l->test, leaves = target - l->head > l->test - l->head;
    if (flow == FLOW_NEXT) { return !last; }
    if (flow == FLOW_JUMP) { return last; }
    return last != leaves && compares_low_words(insn, facts) && try_test(f, insn, leaves);
}

static void follow_plain(struct follow *f, struct insn insn, uint32_t slot) {
    uint32_t op = operation_of(insn);
    struct term *d = &f->terms[dst_of(insn)], *made = &f->made[slot - f->loop.head];
    bool exact = is_exact(insn);
    if (!(effects[opcode_of(insn)] & EFFECT_SETS_DST)) { return; }
    if (op == BPF_ALU_MOV && !exact && !off_of(insn)) {
        *d = f->terms[src_of(insn)];
    } else if (exact && (op == BPF_ALU_ADD || op == BPF_ALU_SUB) && imm_of(insn) <= MOST_STEP && imm_of(insn) >= -MOST_STEP) {
        int32_t before = d->at;
        d->at += op == BPF_ALU_ADD ? imm_of(insn) : -imm_of(insn);
        if (before >= 0 && before <= d->at) { *made = *d; }
    } else {
        d->reg = UNKNOWN;
    }
}

static bool try_follow(const struct jit *j, struct follow *f) {
    const struct counted *l = &f->loop;
    for (uint32_t reg = 0; reg < 11; reg++) { f->terms[reg].reg = reg; }
    for (uint32_t slot = l->head; slot <= l->test; slot++) {
        struct insn insn = insn_at(j, slot);
        uint32_t effect = effects[opcode_of(insn)];
        f->made[slot - l->head].reg = UNKNOWN;
        if (slot > l->head && j->slots[slot] & (SLOT_TARGET | SLOT_ENTRY)) { return false; }
        if (!slot_reached(j, slot)) {
            if (opcode_of(insn)) { return false; }
        } else if (!(effect & EFFECT_IS_SPECIAL)) {
            follow_plain(f, insn, slot);
        } else if (!(effect & EFFECT_IS_JUMP) || !follow_jump(j, f, insn, slot)) {
            return false;
        }
    }
    return f->test_count;
}

/* What the counter must be below, less what the test compares it with. */
static int32_t most_added(const struct follow *f, const struct test_ahead *t) {
    int32_t step = (int32_t)f->loop.step, at = t->counter.at, behind = step - t->below; /* so that it does not wrap behind the turns */
    return (int32_t)(TURNS - 1) * step + (at > behind ? at : behind) - !t->below;
}

static bool try_plan(const struct jit *j, struct follow *f) {
    struct counted *l = &f->loop;
    struct a64_arith arith;
    l->step = f->terms[l->counter].at;
    if (f->terms[l->counter].reg != l->counter || l->step <= 0) { return false; }
    for (uint32_t i = 0; i < f->test_count; i++) {
        const struct test_ahead *t = &f->tests[i];
        struct term other = f->terms[t->other.reg];
        bool constant = t->other.reg == UNKNOWN;
        bool fixed = t->other.reg < 10 && other.reg == t->other.reg && !other.at && !t->other.at;
        if (t->counter.reg != l->counter || t->counter.at < 0 || !try_arith((uint64_t)most_added(f, t), &arith)) { return false; }
        if (constant ? t->other.at <= most_added(f, t) : !fixed) { return false; }
    }
    for (uint32_t slot = l->head; slot < l->test; slot++) {
        const struct term *made = &f->made[slot - l->head];
        bool counts = made->reg == l->counter && made->at <= l->step && j->facts->flags[slot] & FACT_DST_UPPER_ZERO;
        l->adds |= (uint64_t)counts << (slot - l->head);
    }
    return true;
}

/* The least of the limits. */
static void emit_limit(struct jit *j, const struct follow *f, enum a64_reg limit) {
    for (uint32_t i = 0; i < f->test_count; i++) {
        const struct test_ahead *t = &f->tests[i];
        int32_t added = most_added(f, t);
        enum a64_reg into = i ? SCRATCH : limit;
        struct a64_arith arith;
        if (t->other.reg == UNKNOWN) {
            emit_constant(j, into, (uint64_t)(t->other.at - added));
        } else if (try_arith((uint64_t)added, &arith)) {
            emit(j, a64_subs_imm(into, (enum a64_reg)j->home[t->other.reg], arith, A64_WIDTH_W));
            emit(j, a64_csel(into, into, A64_COND_HS, XZR, A64_WIDTH_W));
        }
        if (!i) { continue; }
        emit(j, a64_subs(XZR, limit, amount(0), into, A64_SHIFT_LSL, A64_WIDTH_W));
        emit(j, a64_csel(limit, limit, A64_COND_LO, into, A64_WIDTH_W));
    }
}

/* What is live before the slots when nobody tests anything, in place of what is, which goes to `kept`. */
static void replace_live(struct jit *j, const struct counted *l, uint32_t kept[MOST_AHEAD]) {
    uint32_t live = slot_live(j, l->head);
    for (uint32_t slot = l->test; slot > l->head; slot--) {
        struct insn insn = insn_at(j, slot);
        uint32_t effect = effects[opcode_of(insn)], dst = REG_BIT(dst_of(insn));
        if (!(effect & EFFECT_IS_JUMP) && (!(effect & EFFECT_IS_PURE) || live & dst)) {
            if (effect & EFFECT_SETS_DST) { live &= ~dst; }
            live |= (effect & EFFECT_READS_DST ? dst : 0) | (effect & EFFECT_READS_SRC ? REG_BIT(src_of(insn)) : 0);
        }
        kept[slot - l->head] = j->slots[slot];
        j->slots[slot] = (j->slots[slot] & ~ALL_LIVE) | (live << SLOT_LIVE_SHIFT & ALL_LIVE);
    }
}

/* Everything is in its home, come to from elsewhere. */
static void begin_anew(struct jit *j, uint32_t head) {
    j->guard_word = 0;
    j->barrier = j->words;
    forget_all(j, j->slots[head] & SLOT_R0_HOME);
}

static void settle_for_head(struct jit *j, const struct counted *l, const uint8_t homes[10]) {
    for (uint32_t reg = 2; reg < 10; reg++) {
        if (j->home[reg] != homes[reg]) { move_home(j, reg, homes[reg]); }
    }
    j->known = j->slots[l->head];
    j->live_out = slot_live(j, l->head);
    settle_for_label(j, l->head, 0);
}

/* A branch within what is compiled here. */
static void branch_to(struct jit *j, uint32_t at, uint32_t word, enum a64_cond cond) {
    struct a64_target19 distance;
    if (at < j->capacity && try_target19((int64_t)word - at, &distance)) { j->out[at] = a64_b_cond(cond, distance); }
}

static void emit_turns(struct jit *j, const struct counted *l, uint32_t compare, enum a64_cond goes_on, enum a64_cond leaves) {
    uint8_t homes[10];
    uint32_t kept[MOST_AHEAD];
    __builtin_memcpy(homes, j->home, sizeof(homes));
    replace_live(j, l, kept);
    emit(j, compare);
    emit(j, 0);
    uint32_t start = j->words;
    begin_anew(j, l->head);
    j->exchanges = true;
    j->in_turn = 1 + l->counter;
    for (uint32_t turn = 0; turn < TURNS; turn++) { compile_turn(j, l, turn, j->ahead.entries); }
    j->ahead.end = j->words;
    settle_for_head(j, l, homes);
    j->in_turn = 0;
    j->exchanges = false;
    emit(j, compare);
    emit(j, 0);
    branch_to(j, j->words - 1, start, goes_on);
    branch_to(j, start - 1, j->words, leaves);
    for (uint32_t slot = l->head + 1; slot <= l->test; slot++) { j->slots[slot] = kept[slot - l->head]; }
}

/* The limit is in a register; false when there is none for it. */
static bool try_emit_up(struct jit *j, const struct follow *f) {
    const struct counted *l = &f->loop;
    hoist_constants(j, l->head);
    uint32_t hoisted = l->head < j->hoisted_end ? j->hoisted_count : 0;
    if (hoisted >= j->hoisted_limit) { return false; }
    enum a64_reg limit = (enum a64_reg)(HOISTED_FIRST + hoisted);
    emit_limit(j, f, limit);
    emit_turns(j, l, a64_subs(XZR, (enum a64_reg)j->home[l->counter], amount(0), limit, A64_SHIFT_LSL, A64_WIDTH_W), A64_COND_LO, A64_COND_HS);
    return true;
}

/* The counter is what is left of the turns (down.h), and more than these. */
static void emit_down(struct jit *j, const struct counted *l) {
    struct insn test = insn_at(j, j->down_test);
    enum a64_reg left = (enum a64_reg)j->home[l->counter];
    enum a64_width width = class_of(test) == BPF_CLASS_JMP ? A64_WIDTH_X : A64_WIDTH_W;
    emit_turns(j, l, a64_subs_imm(left, left, (struct a64_arith){TURNS}, width), A64_COND_HI, A64_COND_LS);
    emit(j, a64_add_imm(left, left, (struct a64_arith){TURNS}, width));
}

void compile_ahead(struct jit *j, uint32_t head) {
    uint32_t last = last_jump_back(j, head), known = j->known, facts = j->facts_here, live_out = j->live_out;
    struct follow f = {.loop = {.head = head, .test = last}};
    if (last - head >= MOST_AHEAD || last + 1 >= j->program->count || j->slots[head] & SLOT_WORD) { return; }
    if (!try_follow(j, &f)) { return; }
    bool down = j->down_test > head && j->down_test <= last;
    f.loop.counter = f.tests[0].counter.reg;
    if (down ? f.test_count > 1 : !try_plan(j, &f)) { return; }
    struct carried carried = j->carried;
    j->carried.active = 0;
    settle_for_label(j, head, 0);
    if (j->ahead.last) { finish_ahead(j); }
    j->ahead.head = head;
    if (down) {
        hoist_constants(j, head);
        emit_down(j, &f.loop);
        j->ahead.last = last;
    } else if (try_emit_up(j, &f)) {
        j->ahead.last = last;
    }
    begin_anew(j, head);
    j->carried = carried;
    j->slot = head;
    j->known = known;
    j->facts_here = facts;
    j->live_out = live_out;
}

/* The loop itself is one turn more. What is between belongs to the last slot that has room for it, then to the head. */
void finish_ahead(struct jit *j) {
    struct ahead *a = &j->ahead;
    uint32_t *slots = j->slots, *final = &a->entries[a->last - a->head - 1], room = COPIED_MOST - copied_words(*final, TURNS - 1);
    uint32_t between = (slots[a->head] & SLOT_WORD) - a->end, at = a->end + (between < room ? between : room);
    *final += (at - a->end) << COPIED_SHIFT(TURNS - 1);
    for (uint32_t slot = a->head; slot < a->last; slot++) {
        uint32_t *entry = &a->entries[slot - a->head], next = slots[slot + 1] & SLOT_WORD, words = next > at ? next - at : 0;
        note_copied(entry, TURNS, 0, words);
        at += words;
        slots[slot] = finished_entry(*entry, TURNS + 1);
    }
    a->last = 0;
}
