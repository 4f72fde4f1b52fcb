/* What the checker of certificates does with states that wait, checked against what states mean: a state that another covers,
 * that a change makes less of, that is packed and taken up again, or that the turns of a loop spread, must stand for every run
 * that it is to stand for; runs are drawn from the state that comes in.
 * Prints how many runs each was held to. Ends with status 1 at the first that is lost. */

#include "waiting.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DRAWS = 24 /* of each state */ };

/* ---- machines ---- */

static struct bpf_program program;
static struct verifier verifier;

struct lent {
    struct machine machine;
    struct frame frame;
};

static void begin(struct lent *l) { machine_begin(&verifier, &l->machine, &l->frame); }

static bool may_be_loose(const struct reg *r) {
    if (r->kind != REG_SCALAR || r->id != 0) { return false; }
    struct scalar narrow;
    scalar_set_loaded(&narrow, 4, false);
    return scalar_is_unknown(&r->var) || (scalar_covers(&r->var, &narrow) && scalar_covers(&narrow, &r->var));
}

static void enter(struct lent *l, const struct tried *t) {
    struct machine *m = &l->machine;
    begin(l);
    memcpy(l->frame.regs, t->frame.regs, sizeof(struct reg) * TRIED_REGS);
    l->frame.used = t->frame.used;
    memcpy(l->frame.slots, t->frame.slots, sizeof(l->frame.slots));
    for (uint32_t r = 0; r < TRIED_REGS; r++) {
        machine_note(m, r);
        if (!may_be_loose(&l->frame.regs[r]) || one_in(2)) { continue; }
        machine_loosen(m, r, in_mask(m->narrow, r));
        scalar_set_const(&l->frame.regs[r].var, below(6)); /* what is left there says nothing */
    }
    machine_note_slots(m);
    m->rank_count = t->rank_count;
    memcpy(m->ranks, t->ranks, sizeof(t->ranks));
    rank_note(m);
}

[[noreturn]] static void differ(const char *what) {
    printf("the machine's masks differ from %s\n", what);
    exit(1);
}

static void look_at_masks(const struct machine *m) {
    uint32_t followed = 0;
    uint64_t followed_slots = 0;
    for (uint32_t r = 0; r < FRAME_POINTER; r++) {
        uint8_t kind = m->frame->regs[r].kind;
        if (in_mask(m->number, r) != (kind == REG_SCALAR) || in_mask(m->pointer, r) != (kind > REG_SCALAR)) { differ("its registers"); }
    }
    for (uint64_t plain = m->plain & m->frame->used; plain != 0; plain &= plain - 1) {
        const struct slot *slot = &m->frame->slots[__builtin_ctzll(plain)];
        if (slot->written != 255 || slot->spill_bytes != 0 || slot->zeros != 0) { differ("its slots"); }
    }
    for (uint32_t i = 0; i < m->rank_count; i++) {
        followed |= m->ranks[i].regs;
        followed_slots |= m->ranks[i].slots;
    }
    if (followed != m->followed || followed_slots != m->followed_slots) { differ("its ranks"); }
}

/* What the machine knows now. */
static void look(const struct lent *l, struct tried *t) {
    struct lent copy = *l;
    struct machine *m = &copy.machine;
    m->frame = m->state.frames = &copy.frame;
    look_at_masks(m);
    for (uint32_t r = 0; r < TRIED_REGS; r++) {
        machine_settle(m, r);
        if (in_mask(m->narrow, r) && !scalar_fits_u32(&copy.frame.regs[r].var)) { scalar_zero_extend_32(&copy.frame.regs[r].var); } /* only the mask says it */
    }
    t->frame = copy.frame;
    t->rank_count = m->rank_count < TRIED_RANKS ? m->rank_count : TRIED_RANKS;
    memcpy(t->ranks, m->ranks, sizeof(t->ranks));
}

static bool says_more(const struct reg *a, const struct reg *b) {
    if (b->kind == REG_UNINIT) { return a->kind != REG_UNINIT; }
    bool same_id = a->id == b->id && a->off == b->off;
    if (a->kind == REG_SCALAR && b->kind == REG_SCALAR && a->var.mask == 0) { same_id = true; } /* equal constants need no id */
    return a->kind != b->kind || a->map != b->map || a->frame != b->frame || a->range != b->range || !same_id || !scalar_covers(&a->var, &b->var);
}

/* ---- trials ---- */

struct score {
    const char *name;
    uint64_t trials, taken, runs;
};

static void show(const char *what, const struct tried *t) {
    printf("%s:", what);
    for (uint32_t i = 0; i < TRIED; i++) {
        const struct reg *r = reg_in(t, i);
        if (r == nullptr) { continue; }
        printf(" [%u] kind %u map %u frame %u off %d id %x range %u %" PRIx64 "/%" PRIx64 " %" PRIu64 "..%" PRIu64, i, r->kind, r->map, r->frame, r->off, r->id, r->range,
               r->var.value, r->var.mask, r->var.umin, r->var.umax);
    }
    printf("\n");
}

[[noreturn]] static void lost(const char *name, const struct tried *before, const struct tried *after, const struct run *run) {
    printf("%s: a run is lost\n", name);
    show("before", before);
    show("after", after);
    for (uint32_t i = 0; i < TRIED; i++) { printf(" [%u] kind %u map %u.%u %" PRIx64, i, run->at[i].kind, run->at[i].map, run->at[i].entry, run->at[i].number); }
    printf("\n");
    exit(1);
}

/* Every run of `before` is one of `after`. */
static void hold(struct score *score, const struct tried *before, const struct tried *after) {
    score->taken++;
    for (uint32_t i = 0; i < DRAWS; i++) {
        struct run run;
        draw_run(before, &run);
        if (!means(before, &run)) { continue; }
        score->runs++;
        if (!means(after, &run)) { lost(score->name, before, after, &run); }
    }
}

enum { PACKED_WORDS = 2048, GUARD = 0x5a };
static uint64_t packed[2 * PACKED_WORDS];
static struct entry *const entry = (struct entry *)packed;

/* Into room that is enough, or just may be: nothing is written behind it. False when it is said not to be. */
static bool pack(struct machine *m, const struct change *change) {
    uint64_t room = one_in(8) ? below(600) : sizeof(packed) / 2;
    memset((uint8_t *)packed + room, GUARD, sizeof(packed) - room);
    bool fits = entry_pack(m, change, 0, entry, room);
    for (uint64_t i = room; i < sizeof(packed); i++) {
        if (((const uint8_t *)packed)[i] == GUARD && (!fits || entry->bytes <= room)) { continue; }
        printf("a state was packed into more room than it was given\n");
        exit(1);
    }
    return fits;
}

/* Into a machine that has gone on meanwhile. */
static void take_up(struct lent *l, struct tried *after) {
    struct tried other;
    draw_state(&other);
    enter(l, &other);
    entry_load(entry, &l->machine);
    look(l, after);
}

static void try_covers(struct score *score, const struct tried *kept, const struct tried *now) {
    static struct lent one, two;
    static struct tried after;
    score->trials++;
    enter(&one, kept);
    enter(&two, now);
    if (!pack(&one.machine, nullptr)) { return; }
    if (!entry_covers(entry, &two.machine, no_places)) { return; }
    take_up(&one, &after);
    hold(score, now, &after);
}

static void try_change(struct score *packs, struct score *applies, const struct tried *now, const struct tried *to) {
    static struct lent one, two;
    static struct change change;
    static struct tried after, applied;
    static struct writer written;
    draw_change(&written, to);
    struct reader in = {written.bytes, written.bytes + written.size, false};
    packs->trials++;
    enter(&one, now);
    if (!change_read(&in, &one.machine, &change)) { return; }
    two = one;
    two.machine.frame = two.machine.state.frames = &two.frame;
    if (((change.regs | change.unset | change.loose | change.wide) & ~(uint32_t)ALL_REGS) != 0) { differ("what a change may change"); }
    for (uint32_t regs = change.regs; regs != 0; regs &= regs - 1) {
        const struct reg *given = &change.given_regs[__builtin_ctz(regs)];
        bool far = given->off <= -OFFSET_LIMIT || given->off >= OFFSET_LIMIT || given->var.smin <= -OFFSET_LIMIT || given->var.smax >= OFFSET_LIMIT;
        if (given->kind != REG_SCALAR && far) { differ("how far a pointer may point"); }
    }
    if (!pack(&one.machine, &change)) { return; }
    take_up(&one, &after);
    hold(packs, now, &after);
    if (change.ranks) { return; }
    applies->trials++;
    change_apply(&change, &two.machine);
    look(&two, &applied);
    hold(applies, now, &applied);
    for (uint32_t r = 0; r < TRIED_REGS; r++) { /* as when it were packed and taken up */
        if (says_more(&applied.frame.regs[r], &after.frame.regs[r])) { lost("a change that is applied says more than one that waits", &after, &applied, &(struct run){}); }
    }
}

/* Where what moves beside is left aside: with any value of that kind in this place, a run is one of the state that waits. */
static void try_beside(struct score *score, const struct tried *kept, const struct tried *now) {
    static struct lent one, two;
    static struct tried after, from;
    uint32_t place = below(TRIED), slot = FIRST_SLOT + place - TRIED_REGS;
    const struct places beside = place < TRIED_REGS ? (struct places){1u << place, 0} : (struct places){0, (uint64_t)1 << slot};
    after = *kept;
    from = *now;
    after.rank_count = from.rank_count = 0; /* how far it moved is not asked, either */
    const struct reg *moved = reg_in(&after, place);
    bool may = moved != nullptr && (moved->kind == REG_STACK || moved->kind == REG_MAP_VALUE || moved->kind == REG_MEMORY || (moved->kind == REG_SCALAR && moved->id == 0));
    if (!may || (place >= TRIED_REGS && (after.frame.slots[slot].spill_bytes != 8 || after.frame.slots[slot].zeros != 0))) { return; }
    score->trials++;
    enter(&one, &after);
    enter(&two, &from);
    one.machine.loose &= (uint16_t)~beside.regs; /* it is kept */
    if (place < TRIED_REGS) { one.frame.regs[place] = *moved; }
    if (!pack(&one.machine, nullptr) || !entry_covers(entry, &two.machine, beside)) { return; }
    take_up(&one, &after);
    moved = reg_in(&after, place);
    score->taken++;
    for (uint32_t i = 0; i < DRAWS; i++) {
        struct run run;
        draw_run(&from, &run);
        if (!means(&from, &run)) { continue; }
        uint64_t part = draw_from(&moved->var);
        if (!scalar_contains(&moved->var, part)) { continue; }
        run.at[place].number = part + (uint64_t)(int64_t)moved->off;
        score->runs++;
        if (!means(&after, &run)) { lost(score->name, &from, &after, &run); }
    }
}

/* A place that each turn moves, after any number of them. */
static void try_spread(struct score *score, const struct tried *now) {
    static struct lent one;
    static struct tried after;
    uint32_t place = below(TRIED), turns = below(5);
    struct beside beside = {(uint8_t)(place < TRIED_REGS ? place : PLACE_SLOT + FIRST_SLOT + place - TRIED_REGS), draw_distance()};
    score->trials++;
    enter(&one, now);
    if (!spread_beside(&one.machine, &beside, turns)) { return; }
    look(&one, &after);
    score->taken++;
    for (uint32_t i = 0; i < DRAWS; i++) {
        struct run run;
        draw_run(now, &run);
        if (!means(now, &run)) { continue; }
        for (uint32_t turn = 0;; turn++) {
            score->runs++;
            if (!means(&after, &run)) { lost(score->name, now, &after, &run); }
            if (turn == turns) { break; }
            run.at[place].number += (uint64_t)(beside.each.least + (int64_t)below((uint32_t)(beside.each.most - beside.each.least + 1)));
        }
    }
}

/* Of two numbers in the range that so many steps part, the second is not reached with fewer turns. */
static void try_turns(struct score *score, const struct tried *now) {
    static struct lent one;
    int64_t step = (int64_t)below(9) - 4;
    uint64_t turns;
    score->trials++;
    enter(&one, now);
    if (!count_turns(&one.machine, 0, step, &turns)) { return; }
    score->taken++;
    const struct scalar *s = &now->frame.regs[0].var;
    for (uint32_t i = 0; i < DRAWS; i++) {
        uint64_t from = draw_from(s), steps = below(12);
        if (!scalar_contains(s, from) || !scalar_contains(s, from + steps * (uint64_t)step)) { continue; }
        score->runs++;
        if (steps > turns) {
            printf("%s: %" PRIu64 " steps of %" PRId64 " from %" PRIu64 " are more than %" PRIu64 "\n", score->name, steps, step, from, turns);
            exit(1);
        }
    }
}

/* More ids than there is room for are not paired. */
static void try_ids(void) {
    struct ids ids = {};
    for (uint32_t from = 1; from <= sizeof(ids.from) / sizeof(ids.from[0]); from++) {
        if (!ids_pair(&ids, from, from + 1)) { exit(1); }
    }
    if (ids_pair(&ids, 100, 101) || ids_pair(&ids, 1, 1) || !ids_pair(&ids, 1, 2)) {
        printf("ids: too many are paired\n");
        exit(1);
    }
}

int main(int count, char **arguments) {
    uint64_t trials = count > 1 ? strtoull(arguments[1], nullptr, 0) : 100'000;
    chance.state = count > 2 ? strtoull(arguments[2], nullptr, 0) : 1;
    program.hook = HOOK_RUN;
    program.memory_size = 8;
    verifier.program = &program;
    verifier.platform = &platform_velocity;
    verifier.type = &platform_velocity.types[HOOK_RUN];
    static struct score scores[] = {{.name = "covers"}, {.name = "pack"}, {.name = "change"}, {.name = "apply"}, {.name = "beside"}, {.name = "spread"}, {.name = "turns"}};
    static struct tried now, kept;
    try_ids();
    for (uint64_t i = 0; i < trials; i++) {
        draw_state(&now);
        kept = now;
        try_covers(&scores[1], &now, &now);
        change_state(&kept);
        try_covers(&scores[0], &kept, &now);
        try_change(&scores[2], &scores[3], &now, &kept);
        try_beside(&scores[4], &kept, &now);
        try_spread(&scores[5], &now);
        try_turns(&scores[6], &now);
    }
    for (uint32_t i = 0; i < sizeof(scores) / sizeof(scores[0]); i++) {
        printf("%-7s %" PRIu64 " tried, %" PRIu64 " taken, %" PRIu64 " runs held\n", scores[i].name, scores[i].trials, scores[i].taken, scores[i].runs);
    }
    return 0;
}
