/* What moves beside what a loop is ranked by (kernel-aarch64/bpf/checker/loop.c), in the states at heads: what comes from outside
 * the loop is kept apart, and spread anew whenever more turns are found possible. */

#include "inference.h"

static struct machine outer;
static struct frame outer_frame;

static void load_outer(struct inference *f, const struct site *at) {
    outer.v = f->v;
    outer.frame = outer.state.frames = &outer_frame;
    entry_load(at->outer, &outer);
}

static struct distance *distance_in(struct rank *rank, uint32_t place) { return (struct distance *)rank_distance(rank, place); }

/* The value in a place, as `from` has it, with how far it is from where other loops began. */
static void take_place(struct machine *to, struct machine *from, uint32_t place) {
    struct reg *r = kept_in(to, place), *was = kept_in(from, place);
    if (r == nullptr || was == nullptr || r->kind != was->kind) { return; }
    r->var = was->var;
    r->off = was->off;
    if (place < FRAME_POINTER) { machine_note(to, place); }
    for (uint32_t i = 0; i < to->rank_count; i++) {
        struct rank *other = rank_of(from, to->ranks[i].head, to->ranks[i].index);
        struct distance *d = distance_in(&to->ranks[i], place), *then = other == nullptr ? nullptr : distance_in(other, place);
        if (d != nullptr && then != nullptr) { *d = *then; }
    }
}

/* A turn moves what is beside by more than was thought. */
static enum status grow(struct inference *f, struct site *at, uint32_t site, uint32_t index) {
    struct beside *b = &at->besides[index];
    struct rank *rank = rank_of(&f->machine, point_of(f, site)->pc, (uint8_t)(index + 1));
    struct distance *d = rank == nullptr ? nullptr : distance_in(rank, b->place);
    if (d == nullptr) { return refuse(f->v, STATUS_UNBOUNDED_LOOP, point_of(f, site)->pc, "what moves beside is lost"); }
    if (d->least < b->each.least) { b->each.least = d->least; }
    if (d->most > b->each.most) { b->each.most = d->most; }
    return STATUS_OK;
}

enum status beside_arrive(struct inference *f, uint32_t from, uint32_t site) {
    struct site *at = &f->sites[site];
    struct machine *m = &f->machine, *o = &f->other;
    enum status status = STATUS_OK;
    if (at->beside_count == 0) { return STATUS_OK; }
    if (inside(f, site, from)) {
        for (uint32_t i = 0; m->rank_count != 0 && i < at->beside_count && status == STATUS_OK; i++) { status = grow(f, at, site, i); }
        return status;
    }
    if (at->outer == nullptr) {
        at->outer = entry_keep(f, m);
    } else if (!entry_covers(at->outer, m, no_places)) {
        entry_load(at->outer, o);
        machine_join(o, m);
        ranks_join(o, m);
        at->outer = entry_keep(f, o);
    }
    return at->outer == nullptr ? STATUS_TOO_MANY_STATES : STATUS_OK;
}

static void set_widest(struct machine *m, uint32_t place) {
    struct reg *r = kept_in(m, place);
    if (r == nullptr) { return; }
    reg_set_widest(r);
    if (place < FRAME_POINTER) { machine_note(m, place); }
}

static bool is_widest(const struct reg *r) {
    return r->kind != REG_SCALAR && r->var.smin == 1 - OFFSET_LIMIT && r->var.smax == OFFSET_LIMIT - 1;
}

static void add_place(struct places *places, uint32_t place) {
    places->regs |= place < PLACE_SLOT ? 1u << place : 0;
    places->slots |= place < PLACE_SLOT ? 0 : (uint64_t)1 << (place - PLACE_SLOT);
}

struct places beside_places(struct inference *f, uint32_t from, uint32_t site) {
    const struct site *at = &f->sites[site];
    struct places places = no_places;
    if (!is_head(f, site) || !inside(f, site, from)) { return no_places; }
    for (uint32_t i = 0; i < at->beside_count; i++) { add_place(&places, at->besides[i].place); }
    if (!f->lenient) { return places; }
    entry_load(at->entry, &f->other);
    for (uint32_t place = 0; place < PLACES; place++) {
        const struct reg *r = kept_in(&f->other, place);
        if (r != nullptr && is_widest(r)) { add_place(&places, place); }
    }
    return places;
}

void beside_spread(struct inference *f, uint32_t site, struct machine *m) {
    struct site *at = &f->sites[site];
    uint64_t turns = 0;
    if (at->beside_count == 0 || at->outer == nullptr) { return; }
    load_outer(f, at);
    bool counted = count_turns(m, at->place, at->step, &turns);
    for (uint32_t i = 0; i < at->beside_count; i++) {
        take_place(m, &outer, at->besides[i].place);
        if (!counted || !spread_beside(m, &at->besides[i], turns)) { set_widest(m, at->besides[i].place); }
    }
}

void beside_gather(struct inference *f, uint32_t site, struct machine *m) {
    struct site *at = &f->sites[site];
    if (at->beside_count == 0 || at->outer == nullptr) { return; }
    load_outer(f, at);
    for (uint32_t i = 0; i < at->beside_count; i++) { take_place(m, &outer, at->besides[i].place); }
}

bool begin_ranks(const struct site *head, struct machine *m) {
    bool room = rank_begin(m, m->state.pc, RANKED, head->place);
    for (uint32_t i = 0; room && i < head->beside_count; i++) {
        room = rank_begin(m, m->state.pc, (uint8_t)(i + 1), head->besides[i].place);
    }
    return room;
}
