/* How a state compares with a snapshot at the same place. */

#include "bpf/verifier/packing.h"

/* "Equal ids" in one state must be equal ids in the state that it covers. */
struct id_pairs {
    uint32_t count;
    uint32_t from[12], to[12];
};

static bool pair_ids(struct id_pairs *pairs, uint32_t from, uint32_t to) {
    if (from == 0) { return true; }
    if (from >= fixed_ids) { return from == to; }
    for (uint32_t i = 0; i < pairs->count; i++) {
        if (pairs->from[i] == from) { return pairs->to[i] == to && to != 0; }
    }
    if (pairs->count == sizeof(pairs->from) / sizeof(pairs->from[0])) { return false; }
    pairs->from[pairs->count] = from;
    pairs->to[pairs->count++] = to;
    return true;
}

/* What is asked for: once it is answered, nothing more is compared. */
enum question : uint8_t { WHICH_COVERS, JOINS_WELL /* what can't decide is passed over */, SAME_DECISIVE };

struct comparison {
    bool covered, covers;                 /* so far, over everything */
    bool covered_decisive, covers_decisive; /* over what can decide */
    bool mergeable, comparable;
    enum question question;
    struct id_pairs old_to_new, new_to_old;
};

static void differ(struct comparison *c, bool covered, bool covers, bool is_decisive, bool joins_well) {
    c->covered &= covered;
    c->covers &= covers;
    if (is_decisive) {
        c->covered_decisive &= covered;
        c->covers_decisive &= covers;
    } else if (!covered && !covers && !joins_well) {
        c->mergeable = false;
    }
}

static bool is_answered(const struct comparison *c) {
    switch (c->question) {
    case WHICH_COVERS: return !c->covered && !c->covers;
    case JOINS_WELL: return !c->mergeable || (!c->covered_decisive && !c->covers_decisive);
    default: return !c->covered_decisive || !c->covers_decisive;
    }
}

static void compare_regs(struct comparison *c, const struct reg *now, const struct reg *old, bool is_decisive) {
    bool scalars = now->kind == REG_SCALAR && old->kind == REG_SCALAR;
    if (scalars && (now->var.mask | old->var.mask) == 0) {
        bool same = now->var.value == old->var.value;
        differ(c, same, same, is_decisive, true);
        return;
    }
    bool apart = now->off != old->off; /* scalars: by how much they differ from those that they are linked with */
    if (now->kind != old->kind || now->map != old->map || now->frame != old->frame || (apart && !scalars)) {
        differ(c, false, false, is_decisive, scalars);
        return;
    }
    bool covered, covers;
    if ((now->var.mask | old->var.mask) == 0) {
        covered = covers = now->var.value == old->var.value;
    } else {
        covered = scalar_covers(&old->var, &now->var);
        covers = scalar_covers(&now->var, &old->var);
    }
    covered &= old->range <= now->range;
    covers &= now->range <= old->range;
    if (apart) { /* what is linked with nothing covers whatever is */
        covered &= old->id == 0;
        covers &= now->id == 0;
    }
    if (covered) { covered = pair_ids(&c->old_to_new, old->id, now->id); }
    if (covers) { covers = pair_ids(&c->new_to_old, now->id, old->id); }
    differ(c, covered, covers, is_decisive, scalars);
}

static const uint64_t *compare_packed(struct comparison *c, const struct reg *now, const uint64_t *at, bool is_decisive) {
    enum form form = packed_form(*at);
    if (same_words(at, now, form)) {
        uint32_t old_id = (uint32_t)at[1];
        at += 2 + words_of(form);
        if ((old_id | now->id) == 0 || (form == FORM_CONST && now->kind == REG_SCALAR)) { return at; }
        bool covered = pair_ids(&c->old_to_new, old_id, now->id), covers = pair_ids(&c->new_to_old, now->id, old_id);
        if (!covered || !covers) { differ(c, covered, covers, is_decisive, now->kind == REG_SCALAR); }
        return at;
    }
    struct reg old;
    at = unpack_reg(at, &old);
    compare_regs(c, now, &old, is_decisive);
    return at;
}

static const uint64_t *compare_slot(struct comparison *c, const struct verifier *v, const struct slot *now, const uint64_t *at, bool is_decisive) {
    struct slot old;
    at = unpack_slot(at, &old);
    uint32_t written = written_says(v) ? 0xff : 0, old_says = (old.written & written) | (uint32_t)old.zeros << 8, now_says = (now->written & written) | (uint32_t)now->zeros << 8;
    differ(c, (old_says & ~now_says) == 0, (now_says & ~old_says) == 0, is_decisive, true);
    bool same_place = now->spill_bytes == old.spill_bytes && now->spill_at == old.spill_at;
    if (same_place && now->spill_bytes != 0) {
        compare_regs(c, &now->reg, &old.reg, is_decisive);
    } else if (!same_place) { /* bytes of numbers cover a kept number, never a kept pointer */
        bool covered = old.spill_bytes == 0 && !reg_is_pointer(&now->reg);
        bool covers = now->spill_bytes == 0 && !reg_is_pointer(&old.reg);
        bool pointers = keeps_pointer(now) || keeps_pointer(&old);
        differ(c, covered, covers, is_decisive, !pointers);
    }
    return at;
}

static const uint64_t *skip_reg(const uint64_t *at) { return at + 2 + words_of(packed_form(*at)); }

/* Registers that only the one or only the other has set differ, whatever they hold. Null when the question is answered. */
static const uint64_t *compare_set(struct comparison *c, const struct frame *frame, uint32_t old_regs, uint32_t now_regs, bool is_decisive,
                                   const uint64_t *at) {
    if (old_regs != now_regs) { differ(c, (old_regs & ~now_regs) == 0, (now_regs & ~old_regs) == 0, is_decisive, true); }
    for (uint32_t all = old_regs; all != 0; all &= all - 1) {
        if (is_answered(c)) { return nullptr; }
        at = (now_regs & all & -all) != 0 ? compare_packed(c, &frame->regs[__builtin_ctz(all)], at, is_decisive) : skip_reg(at);
    }
    return is_answered(c) ? nullptr : at;
}

static void compare_slots(struct comparison *c, const struct verifier *v, const struct frame *frame, const struct live *live, uint64_t now_used, const uint64_t *at) {
    uint64_t old_used = *at++;
    for (uint64_t all = old_used | now_used; all != 0 && !is_answered(c); all &= all - 1) {
        uint64_t bit = all & -all;
        bool is_decisive = (live->slots_decisive & bit) != 0;
        if ((old_used & now_used & bit) != 0) {
            at = compare_slot(c, v, &frame->slots[__builtin_ctzll(bit)], at, is_decisive);
            continue;
        }
        struct slot old;
        if ((old_used & bit) != 0) { at = unpack_slot(at, &old); }
        /* where all bytes are read, an unused slot is any number: it covers a pointer, which joining them would lose */
        bool lost = c->question == JOINS_WELL && !written_says(v) && keeps_pointer((old_used & bit) != 0 ? &old : &frame->slots[__builtin_ctzll(bit)]);
        differ(c, (old_used & bit) == 0 && !lost, (now_used & bit) == 0 && !lost, is_decisive, !lost);
    }
}

static void compare_frame(struct comparison *c, const struct verifier *v, const struct frame *frame, const struct live *live, uint32_t turns, const uint64_t *at) {
    uint64_t head = *at;
    if (packed_call(head) != frame->call) {
        c->comparable = false;
        return;
    }
    if (is_answered(c)) { return; } /* but whether they are comparable is asked of each frame */
    uint32_t old_regs = packed_regs(head), now_regs = set_regs(frame, live), decisive = live->regs_decisive;
    at = compare_set(c, frame, old_regs & decisive, now_regs & decisive, true, at + 1 + turns);
    if (at == nullptr) { return; }
    uint64_t now_used = slots_kept(v, frame, live);
    if (c->question == JOINS_WELL) {
        if (now_used == 0 && !packed_has_slots(head)) { return; }
        for (uint32_t rest = old_regs & ~decisive; rest != 0; rest &= rest - 1) { at = skip_reg(at); }
    } else {
        at = compare_set(c, frame, old_regs & ~decisive, now_regs & ~decisive, false, at);
        if (at == nullptr) { return; }
    }
    compare_slots(c, v, frame, live, now_used, at);
}

/* False when they are not comparable; else c holds the answer. */
static bool compare_states(struct comparison *c, const struct verifier *v, const struct state *s, const struct snapshot *snapshot) {
    if (s->pc != snapshot->pc || s->depth != snapshot->depth) { return false; }
    c->old_to_new.count = c->new_to_old.count = 0;
    c->covered = c->covers = c->covered_decisive = c->covers_decisive = c->mergeable = c->comparable = true;
    const uint64_t *at = snapshot->words;
    for (uint32_t f = 0; f <= s->depth; f++) {
        compare_frame(c, v, &s->frames[f], live_at(v, frame_pc(s, f)), turn_words(v), at);
        at += packed_words(*at);
    }
    return c->comparable;
}

struct relation snapshot_relation(const struct verifier *v, const struct state *s, const struct snapshot *snapshot) {
    struct comparison c;
    c.question = WHICH_COVERS;
    if (!compare_states(&c, v, s, snapshot)) { return (struct relation){0}; }
    return (struct relation){.comparable = true, .covered = c.covered, .covers = c.covers};
}

bool snapshot_same_decisive(const struct verifier *v, const struct state *s, const struct snapshot *snapshot) {
    struct comparison c;
    c.question = SAME_DECISIVE;
    return compare_states(&c, v, s, snapshot) && c.covered_decisive && c.covers_decisive;
}

bool snapshot_joins_well(const struct verifier *v, const struct state *s, const struct snapshot *snapshot, bool *comparable) {
    struct comparison c;
    c.question = JOINS_WELL;
    *comparable = compare_states(&c, v, s, snapshot);
    return *comparable && c.mergeable && (c.covered_decisive || c.covers_decisive);
}

bool snapshot_same_call(const struct verifier *v, const struct state *s, const struct snapshot *snapshot) {
    bool same = s->depth == snapshot->depth;
    const uint64_t *at = snapshot->words;
    for (uint32_t f = 0; f < s->depth && same; f++) {
        for (uint32_t i = 0; i < 2 * turn_words(v); i++) { same &= s->frames[f].turns[i] == (uint32_t)(at[1 + i / 2] >> i % 2 * 32); }
        at += packed_words(*at);
    }
    return same;
}
