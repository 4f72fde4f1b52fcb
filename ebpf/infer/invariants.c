/* States that hold wherever ways meet: iteration upward with widening at the heads of loops, then some steps down. */

#include "inference.h"

#include "lib/mem.h"

enum { JOINS_BEFORE_WIDENING = 2, STEPS_DOWN = 3 };

/* The dirty site that comes first: inner loops settle before what follows them. */
static bool first_dirty(struct inference *f, uint32_t *site) {
    for (; f->clean < f->site_count; f->clean++) {
        *site = f->sorted[f->clean];
        if (f->sites[*site].dirty) { return true; }
    }
    return false;
}

static void make_dirty(struct inference *f, struct site *at) {
    at->dirty = true;
    if (at->rank < f->clean) { f->clean = at->rank; }
}

static enum status full(struct inference *f) { return refuse(f->v, STATUS_TOO_MANY_STATES, 0, "no room for states"); }

static enum status join_at(struct inference *f, uint32_t from, uint32_t site) {
    struct site *at = &f->sites[site];
    struct machine *m = &f->machine, *o = &f->other;
    m->rank_count = 0;
    if (beside_arrive(f, from, site) != STATUS_OK) { return full(f); }
    if (at->entry == nullptr) {
        beside_spread(f, site, m);
        at->entry = entry_keep(f, m);
        make_dirty(f, at);
        return at->entry == nullptr ? full(f) : STATUS_OK;
    }
    bool back = is_head(f, site) && inside(f, site, from);
    if (entry_covers(at->entry, m, beside_places(f, from, site))) { return STATUS_OK; }
    entry_load(at->entry, o);
    machine_join(o, m);
    if (back && ++at->joins > JOINS_BEFORE_WIDENING) {
        static struct machine before;
        static struct frame frame;
        before.v = f->v;
        before.frame = before.state.frames = &frame;
        entry_load(at->entry, &before);
        machine_widen(f, o, &before);
    }
    beside_spread(f, site, o);
    if (at->beside_count != 0 && entry_covers(at->entry, o, no_places)) { return STATUS_OK; }
    at->entry = entry_keep(f, o);
    make_dirty(f, at);
    return at->entry == nullptr ? full(f) : STATUS_OK;
}

static void load_site(struct inference *f, uint32_t site) {
    entry_load(f->sites[site].entry, &f->machine);
    f->machine.state.pc = point_of(f, site)->pc;
}

static enum status climb(struct inference *f) {
    uint32_t site = 0;
    f->excused = false;
    machine_begin(f->v, &f->machine, f->machine.frame);
    for (uint32_t i = 0; i < f->site_count; i++) {
        f->sites[i].entry = f->sites[i].outer = nullptr;
        f->sites[i].joins = 0;
    }
    f->start = f->sites[0].entry = f->sites[0].outer = entry_keep(f, &f->machine);
    if (f->start == nullptr) { return full(f); }
    make_dirty(f, &f->sites[0]);
    while (first_dirty(f, &site)) {
        if (f->steps > f->climb_budget) { return refuse(f->v, STATUS_BUDGET_EXCEEDED, point_of(f, site)->pc, "%u instructions stepped", f->steps); }
        f->sites[site].dirty = false;
        load_site(f, site);
        enum status status = walk_from(f, site, true, join_at);
        if (status != STATUS_OK) { return status; }
    }
    return STATUS_OK;
}

/* ---- down again ---- */

static enum status begin_at(struct inference *f, uint32_t from, uint32_t site) {
    struct site *at = &f->sites[site];
    struct machine *m = &f->machine, *o = &f->other;
    m->rank_count = 0;
    if (beside_arrive(f, from, site) != STATUS_OK) { return full(f); }
    if (at->begun == nullptr) {
        at->begun = entry_keep(f, m);
    } else if (!entry_covers(at->begun, m, no_places)) {
        entry_load(at->begun, o);
        machine_join(o, m);
        at->begun = entry_keep(f, o);
    }
    return at->begun == nullptr ? full(f) : STATUS_OK;
}

/* One step down: each state becomes what those that lead to it make of it. */
static enum status descend(struct inference *f, bool *changed) {
    f->excused = false;
    for (uint32_t i = 0; i < f->site_count; i++) { f->sites[i].begun = f->sites[i].outer = nullptr; }
    f->sites[0].begun = f->sites[0].entry;
    f->sites[0].outer = f->start;
    memset(f->v->facts->flags, 0, f->v->program->count);
    f->v->facts->vector_count = f->v->facts->index_count = 0;
    for (uint32_t i = 0; i < f->site_count; i++) {
        if (f->sites[i].entry == nullptr) { continue; }
        load_site(f, i);
        enum status status = walk_from(f, i, true, begin_at);
        if (status != STATUS_OK) { return status; }
    }
    *changed = false;
    for (uint32_t i = 0; i < f->site_count; i++) {
        struct site *at = &f->sites[i];
        if (at->begun != nullptr && at->beside_count != 0) {
            entry_load(at->begun, &f->other);
            beside_spread(f, i, &f->other);
            at->begun = entry_keep(f, &f->other);
            if (at->begun == nullptr) { return full(f); }
        }
        if (at->begun != nullptr && at->entry != nullptr) {
            entry_load(at->entry, &f->machine);
            *changed |= !entry_covers(at->begun, &f->machine, no_places);
        }
        at->entry = at->begun;
    }
    return STATUS_OK;
}

static void clear_notes(struct inference *f) {
    for (uint32_t pc = 0; pc < f->v->program->count; pc++) { f->notes[pc] = (struct note){0}; }
}

static enum status settle(struct inference *f) {
    enum status status = climb(f);
    bool changed = f->v->loop_count != 0;
    for (uint32_t step = 0; step < STEPS_DOWN && changed && status == STATUS_OK; step++) { status = descend(f, &changed); }
    return status;
}

/* Ranges alone lose a pointer that walks beside a counter: what walks so is found where it may, and then held to its loop. */
enum status find_invariants(struct inference *f) {
    bool changed;
    f->lenient = true;
    enum status status = settle(f);
    if (status == STATUS_OK && f->excused && f->v->loop_count != 0) {
        status = search_ranks(f);
        if (status == STATUS_OK) { status = settle(f); }
    }
    f->lenient = false;
    if (status != STATUS_OK) { return status; }
    clear_notes(f);
    f->noting = true;
    status = descend(f, &changed);
    f->noting = false;
    return status;
}
