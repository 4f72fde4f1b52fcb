/* The states as the checker will know them: what does not matter forgotten, and then, stepping only what is tracked, widened
 * until every way leads from them into them. */

#include "inference.h"

enum { ROUNDS = 40, ROUNDS_BEFORE_WIDENING = 6 };

static const int64_t far = (int64_t)1 << 40;

static struct reduction {
    bool changed;
    uint32_t round;
} reduction;

/* `site`: the first of its point. */
static void forget(struct machine *m, const struct site *site) {
    for (uint32_t r = 0; r < FRAME_POINTER; r++) {
        if (in_mask(site->dead & m->pointer, r)) { machine_unset(m, r); }
        if (!in_mask(m->number & ~m->loose, r)) { continue; }
        const struct scalar *var = &m->frame->regs[r].var;
        if (!in_mask(site->regs, r)) {
            machine_loosen(m, r, in_mask(m->narrow, r));
        } else if (scalar_is_unknown(var) && (m->frame->regs[r].id | m->frame->regs[r].map) == 0) {
            machine_loosen(m, r, false);
        }
    }
    for (uint64_t used = m->frame->used; used != 0; used &= used - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(used);
        struct slot *slot = &m->frame->slots[i];
        if ((site->slots >> i & 1) == 0 && slot->spill_bytes != 0 && slot->reg.kind == REG_SCALAR) { slot->spill_bytes = 0; }
        if (!m->v->platform->privileged) { slot->zeros = 0; }
    }
    machine_note_slots(m);
}

static enum status full(struct inference *f) { return refuse(f->v, STATUS_TOO_MANY_STATES, 0, "no room for states"); }

static bool same_ranks(const struct machine *a, const struct machine *b) {
    if (a->rank_count != b->rank_count) { return false; }
    for (uint32_t i = 0; i < a->rank_count; i++) {
        const struct rank *x = &a->ranks[i], *y = &b->ranks[i];
        if (x->head != y->head || x->index != y->index || x->regs != y->regs || x->slots != y->slots) { return false; }
        for (uint32_t r = 0; r < FRAME_POINTER; r++) {
            if (in_mask(x->regs, r) && (x->by_reg[r].least != y->by_reg[r].least || x->by_reg[r].most != y->by_reg[r].most)) { return false; }
        }
        for (uint64_t slots = x->slots; slots != 0; slots &= slots - 1) {
            uint32_t s = (uint32_t)__builtin_ctzll(slots);
            if (x->by_slot[s].least != y->by_slot[s].least || x->by_slot[s].most != y->by_slot[s].most) { return false; }
        }
    }
    return true;
}

static void widen_ranks(struct machine *to, const struct machine *before) {
    for (uint32_t i = 0; i < to->rank_count && i < before->rank_count; i++) {
        for (uint32_t r = 0; r < FRAME_POINTER; r++) {
            struct distance *d = &to->ranks[i].by_reg[r];
            const struct distance *was = &before->ranks[i].by_reg[r];
            if (d->least < was->least) { d->least = -far; }
            if (d->most > was->most) { d->most = far; }
        }
        for (uint32_t s = 0; s < STACK_SLOTS; s++) {
            struct distance *d = &to->ranks[i].by_slot[s];
            const struct distance *was = &before->ranks[i].by_slot[s];
            if (d->least < was->least) { d->least = -far; }
            if (d->most > was->most) { d->most = far; }
        }
    }
}

static void take_ranks(struct machine *to, const struct machine *from) {
    to->rank_count = from->rank_count;
    for (uint32_t i = 0; i < from->rank_count; i++) { to->ranks[i] = from->ranks[i]; }
    rank_note(to);
}

static enum status widen_to(struct inference *f, uint32_t from, uint32_t site) {
    struct site *at = &f->sites[site];
    struct machine *m = &f->machine, *o = &f->other;
    static struct machine before;
    if (at->entry == nullptr) { return STATUS_OK; } /* cannot come here: seen with full knowledge */
    enum status status = beside_arrive(f, from, site);
    if (status != STATUS_OK) { return status; }
    if (at->ranked && entry_covers(at->entry, m, beside_places(f, from, site))) { return STATUS_OK; }
    entry_load(at->entry, o);
    machine_join(o, m);
    take_ranks(&before, o);
    if (!at->ranked) {
        take_ranks(o, m);
        ranks_leave(f, o, site);
        at->ranked = true;
        reduction.changed = true;
    } else {
        ranks_join(o, m);
        if (reduction.round >= ROUNDS_BEFORE_WIDENING) { widen_ranks(o, &before); }
        ranks_leave(f, o, site);
    }
    beside_spread(f, site, o);
    reduction.changed |= !entry_covers(at->entry, o, no_places) || !same_ranks(o, &before);
    at->entry = entry_keep(f, o);
    return at->entry == nullptr ? full(f) : STATUS_OK;
}

/* The next site by rank, or by slot, from `*at` on. */
static bool next_site(const struct inference *f, uint32_t *at, uint32_t *site) {
    uint32_t end = f->by_order ? f->site_count : f->v->program->count;
    while (*at < end) {
        uint32_t i = (*at)++;
        if (!f->by_order && f->v->points[i] == 0) { continue; }
        *site = f->by_order ? f->sorted[i] : f->v->points[i] - 1u;
        if (f->sites[*site].entry != nullptr) { return true; }
    }
    return false;
}

static enum status round_once(struct inference *f) {
    uint32_t next = 0, site;
    while (next_site(f, &next, &site)) {
        struct machine *m = &f->machine;
        const struct site *at = &f->sites[site];
        entry_load(at->entry, m);
        m->state.pc = point_of(f, site)->pc;
        if (is_head(f, site)) {
            bool room = begin_ranks(at, m);
            if (!room) { return refuse(f->v, STATUS_TOO_MANY_STATES, m->state.pc, "too many loops in each other"); }
        }
        enum status status = walk_from(f, site, false, widen_to);
        if (status != STATUS_OK) { return status; }
    }
    return STATUS_OK;
}

/* Numbers that move beside and do not matter. */
static void drop_besides(struct site *at, const struct machine *m) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < at->beside_count; i++) {
        uint8_t place = at->besides[i].place;
        const struct reg *r = kept_in(m, place);
        bool matters = place < PLACE_SLOT ? in_mask(at->regs, place) : (at->slots >> (place - PLACE_SLOT) & 1) != 0;
        if (r != nullptr && (matters || r->kind != REG_SCALAR)) { at->besides[kept++] = at->besides[i]; }
    }
    at->beside_count = (uint8_t)kept;
}

enum status reduce_states(struct inference *f) {
    for (uint32_t i = 0; i < f->site_count; i++) {
        struct site *at = &f->sites[i];
        at->ranked = i == 0;
        at->outer = i == 0 ? f->start : nullptr;
        if (at->entry == nullptr || (i == 0 && !is_head(f, 0))) { continue; }
        entry_load(at->entry, &f->machine);
        drop_besides(at, &f->machine);
        forget(&f->machine, &f->sites[at->point]);
        f->machine.rank_count = 0;
        at->entry = entry_keep(f, &f->machine);
        if (at->entry == nullptr) { return full(f); }
    }
    reduction.changed = true;
    for (reduction.round = 0; reduction.changed; reduction.round++) {
        if (reduction.round == ROUNDS) { return refuse(f->v, STATUS_BUDGET_EXCEEDED, 0, "the states do not settle"); }
        reduction.changed = false;
        enum status status = round_once(f);
        if (status != STATUS_OK) { return status; }
    }
    return STATUS_OK;
}
