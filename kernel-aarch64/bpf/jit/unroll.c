#include "bpf/jit/unroll.h"
#include "bpf/jit/branch.h"
#include "bpf/jit/bulk.h"
#include "bpf/jit/copied.h"
#include "bpf/jit/effect.h"
#include "bpf/jit/operation.h"
#include "bpf/jit/products.h"
#include "bpf/jit/select.h"

/* How much code a loop may become: eBPF instructions that are compiled in its stead. */
#define MOST_INSNS 64u
#define MOST_COPIES 4u
/* How far from the end of a loop its copy is looked for. */
#define MOST_BEHIND_COPY 6u
/* Counters stay below, so that no width and no sign matters. */
#define COUNTER_LIMIT (1 << 30)

static bool is_conditional(struct insn insn) {
    uint32_t op = operation_of(insn);
    return is_jump_class(insn) && op != BPF_JMP_JA && op != BPF_JMP_CALL && op != BPF_JMP_EXIT;
}

/* The test at a slot: back to the head, or over a jump that goes there. */
static bool try_find_test(const struct jit *j, struct counted *l, uint32_t slot) {
    struct insn insn = insn_at(j, slot);
    if (!is_conditional(insn) || jump_flow(insn, j->facts->flags[slot]) != FLOW_BRANCH) { return false; }
    uint32_t target = jump_target(insn, slot);
    l->test = slot;
    l->counter = dst_of(insn);
    l->limit = opcode_of(insn) & BPF_SRC_X ? -1 : imm_of(insn); /* negative ones are not counted to */
    l->op = operation_of(insn);
    l->end = slot + 1;
    if (target == l->head) { return true; }
    if (slot + 2 >= j->program->count || target != slot + 2 || !slot_reached(j, slot + 1)) { return false; }
    struct insn jump = insn_at(j, slot + 1);
    l->op = invert_test(l->op);
    l->end = slot + 2;
    bool goes = is_jump_class(jump) && jump_flow(jump, j->facts->flags[slot + 1]) == FLOW_JUMP;
    return goes && jump_target(jump, slot + 1) == l->head && !(j->slots[slot + 1] & (SLOT_TARGET | SLOT_ENTRY));
}

/* Finds the one block that the loop is; what it may hold has no effect but on registers and memory. */
static bool try_find_block(const struct jit *j, struct counted *l) {
    uint32_t end = l->head + MOST_BLOCK, test = find_break(j, l->head + 1, end < j->program->count ? end : j->program->count);
    if (test == end || test + 1 >= j->program->count || j->slots[test] & (SLOT_TARGET | SLOT_ENTRY)) { return false; }
    if (last_jump_back(j, l->head) - test > 1 || effects[j->program->insns[l->head].opcode] & EFFECT_IS_SPECIAL) { return false; }
    for (uint32_t slot = l->head; slot < test; slot++) {
        if (!slot_reached(j, slot) && j->program->insns[slot].opcode) { return false; }
    }
    return try_find_test(j, l, test);
}

/* The counter changes once, by a constant. */
static bool try_find_step(const struct jit *j, struct counted *l) {
    bool found = false;
    for (uint32_t slot = l->head; slot < l->test; slot++) {
        struct insn insn = insn_at(j, slot);
        uint32_t op = operation_of(insn), class = class_of(insn);
        if (!(effects[opcode_of(insn)] & EFFECT_SETS_DST) || dst_of(insn) != l->counter) { continue; }
        bool adds = (class == BPF_CLASS_ALU || class == BPF_CLASS_ALU64) && (op == BPF_ALU_ADD || op == BPF_ALU_SUB);
        if (found || !adds || opcode_of(insn) & BPF_SRC_X) { return false; }
        found = true;
        l->adds = 1ull << ((slot - l->head) & 63);
        l->step = op == BPF_ALU_ADD ? imm_of(insn) : -(int64_t)imm_of(insn);
    }
    return found && l->step != 0 && l->step > -COUNTER_LIMIT && l->step < COUNTER_LIMIT;
}

/* How often the block runs; 0 when that is not known. */
static uint64_t count_turns(const struct counted *l) {
    int64_t distance = l->limit - l->first, step = l->step;
    if (l->first < 0 || l->first >= COUNTER_LIMIT || l->limit < 0 || l->limit >= COUNTER_LIMIT) { return 0; }
    switch (l->op) {
    case BPF_JMP_JNE: return distance % step == 0 && distance / step > 0 ? (uint64_t)(distance / step) : 0;
    case BPF_JMP_JLE:
    case BPF_JMP_JSLE: distance++; break;
    case BPF_JMP_JLT:
    case BPF_JMP_JSLT: break;
    default: return 0;
    }
    if (step < 0) { return 0; }
    return distance <= step ? 1 : (uint64_t)((distance + step - 1) / step);
}

static void choose_copies(struct counted *l) {
    uint32_t insns = l->test - l->head, room = MOST_INSNS / (insns ? insns : 1);
    uint32_t most = room < MOST_COPIES ? room : MOST_COPIES;
    l->before = 0;
    if (l->turns <= most) {
        l->copies = (uint32_t)l->turns;
        return;
    }
    for (l->copies = most; l->copies > 1 && l->turns % l->copies; l->copies--) {}
    if (l->copies > 1 || most < 3) { return; }
    l->before = 1; /* then the rest has a divisor */
    for (l->copies = most - 1; l->copies > 1 && (l->turns - 1) % l->copies; l->copies--) {}
}

/* Counts on by an addition of 64 bits, whatever it is in eBPF. */
static void count_on(struct jit *j, struct insn insn) {
    uint32_t counter = dst_of(insn);
    uint64_t step = (uint64_t)(operation_of(insn) == BPF_ALU_ADD ? imm_of(insn) : -(int64_t)imm_of(insn));
    j->live_out = slot_live(j, j->slot + 1);
    if (is_const(j, counter)) {
        uint64_t value = j->values[counter].imm + step;
        begin_note(j, counter);
        note_const(j, counter, value);
    } else {
        add_constant(j, counter, step, true);
        j->bits[counter] = 32;
    }
}

/* Nobody jumps to the head but the loop itself: not from before, not from a loop around it. */
static bool is_only_fallen_into(const struct jit *j, const struct counted *l) {
    return !(j->slots[l->head] & SLOT_WORD) && last_jump_back(j, l->head) < l->end;
}

/* The copy that the block ends with; src is dead at the head, and nobody has either of the two in between. */
static bool try_find_copy(const struct jit *j, const struct counted *l, struct carried *c) {
    uint32_t changed = 0, live = slot_live(j, l->head);
    for (uint32_t slot = l->test; slot-- > l->head && slot + MOST_BEHIND_COPY > l->test;) {
        struct insn insn = insn_at(j, slot);
        uint32_t to = dst_of(insn), from = src_of(insn), both = REG_BIT(to) | REG_BIT(from);
        bool narrow = opcode_of(insn) == (BPF_CLASS_ALU | BPF_ALU_MOV | BPF_SRC_X);
        bool copies = (narrow || opcode_of(insn) == (BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_X)) && off_of(insn) == 0;
        bool whole = !narrow || j->facts->flags[slot] & FACT_SRC_UPPER_ZERO;
        bool free = !(both & (changed | REG_BIT(1) | REG_BIT(10))) && !(live & REG_BIT(from)) && live & REG_BIT(to);
        if (copies && whole && free && slot_live(j, slot + 1) & REG_BIT(to)) {
            *c = (struct carried){.active = REG_BIT(to), .head = l->head, .copy = slot, .to = (uint8_t)to, .from = (uint8_t)from};
            return true;
        }
        if (effects[opcode_of(insn)] & EFFECT_SETS_DST) { changed |= REG_BIT(to); }
    }
    return false;
}

static bool try_plan(const struct jit *j, struct counted *l) {
    if (!is_const(j, l->counter) || !try_find_step(j, l)) { return false; }
    l->first = (int64_t)j->values[l->counter].imm;
    l->turns = count_turns(l);
    if (l->turns == 0) { return false; }
    choose_copies(l);
    return l->copies > 1 || l->copies == l->turns;
}

/* Words of a turn before this slot that were joined with what came now: they are missing there, or in the turn before. The first
 * turn keeps the words that all are joined to. */
static void take_back(const struct counted *l, uint32_t slot, uint32_t turn, uint32_t words, uint32_t *entries) {
    while (words > 0 && turn > 0) {
        uint32_t *entry = &entries[slot - l->head];
        uint32_t there = copied_words(*entry, turn), taken = there < words ? there : words;
        *entry -= taken << COPIED_SHIFT(turn);
        words -= taken;
        if (slot-- == l->head) { slot = l->test - 1, turn--; }
    }
}

/* Sums that the next turn starts from: it may copy them and move on, and then they have no place. */
static void compute_sums(struct jit *j, uint32_t head) {
    j->known = j->slots[head];
    j->live_out = slot_live(j, head);
    for (uint32_t left = j->pending & j->live_out & ~3u; left; left &= left - 1) {
        uint32_t reg = (uint32_t)__builtin_ctz(left);
        if (j->values[reg].kind == VALUE_SUM) { compute_pending(j, reg); }
    }
}

void compile_turn(struct jit *j, const struct counted *l, uint32_t turn, uint32_t *entries) {
    for (uint32_t slot = l->head; slot < l->test; slot++) {
        struct insn insn = insn_at(j, slot);
        uint32_t first = j->words, effect = effects[opcode_of(insn)];
        j->slot = slot;
        j->facts_here = j->facts->flags[slot];
        j->known = j->slots[slot];
        if (l->adds >> (slot - l->head) & 1) {
            count_on(j, insn);
        } else if (slot_reached(j, slot) && !(effect & EFFECT_IS_JUMP)) {
            compile_plain_slot(j, slot, insn, effect);
        }
        if (j->exchanges && slot + 1 == l->test) { compute_sums(j, l->head); }
        note_copied(&entries[slot - l->head], turn, first, j->words > first ? j->words - first : 0);
        if (j->words < first) { take_back(l, slot, turn, first - j->words, entries); }
    }
}

/* What the head holds is needed until its test is compiled. */
void finish_counted_loop(struct jit *j) {
    j->slots[j->copied_head] = j->copied_entry;
    j->copied_entry = 0;
}

static void keep_entries(struct jit *j, const struct counted *l, const uint32_t entries[MOST_INSNS], uint32_t turns) {
    if (turns < 2) { return; }
    for (uint32_t slot = l->head + 1; slot < l->test; slot++) { j->slots[slot] = finished_entry(entries[slot - l->head], turns); }
    j->copied_head = l->head;
    j->copied_entry = finished_entry(entries[0], turns);
}

uint32_t compile_counted_loop(struct jit *j, uint32_t head) {
    struct counted l = {.head = head};
    uint32_t entries[MOST_INSNS], turn = 0;
    struct carried carried = {};
    j->carried.active = 0;
    if ((is_foreign(j) && has_arena(j)) || !try_find_block(j, &l)) { return head; }
    if (l.test - head >= MOST_INSNS / 2) { return is_only_fallen_into(j, &l) ? compile_products(j, &l) : head; }
    bool carries = try_find_copy(j, &l, &carried), counts = try_plan(j, &l);
    if (!(carries || counts) || !is_only_fallen_into(j, &l)) { return head; }
    bool whole = counts && l.copies == l.turns;
    if (counts && j->copied_entry) { finish_counted_loop(j); }
    if (counts && compile_bulk_loop(j, &l)) { return l.end; }
    if (carries && !whole) { j->carried = carried; }
    if (!counts) { return head; }
    j->in_turn = 1 + l.counter;
    while (turn < l.before) { compile_turn(j, &l, turn++, entries); }
    if (!whole) { join_label(j, head, true); }
    for (uint32_t i = 0; i < l.copies && j->words <= j->capacity; i++) { compile_turn(j, &l, turn++, entries); }
    j->in_turn = 0;
    keep_entries(j, &l, entries, turn);
    if (!whole) { return l.test; }
    if (turn == 1) { j->slots[head] = entries[0]; }
    for (uint32_t slot = l.test; slot < l.end; slot++) { j->slots[slot] = j->words & SLOT_WORD; }
    return l.end;
}
