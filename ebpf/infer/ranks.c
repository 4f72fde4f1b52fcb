/* What ranks each loop: a register or stack slot with a number of a range, which every turn moves in one direction. Up to RANKS
 * candidates are followed through the loop at a time, each as if it were what a loop of its own is ranked by. */

#include "inference.h"
#include "bpf/verifier/domain.h"

enum { SWEEPS = 12, SWEEPS_BEFORE_WIDENING = 4 };

static const uint64_t range_limit = (uint64_t)1 << 62;
static const int64_t far = (int64_t)1 << 40;

struct candidate {
    uint8_t place;
    uint64_t range; /* of a number that may rank, else 0 */
    struct distance moved; /* over all turns */
    bool lost, turned, spreads;
};

static struct search {
    uint32_t head;
    uint32_t count;
    struct candidate candidates[RANKS];
    bool changed, widen;
} search;

static void copy_ranks(struct machine *to, const struct machine *from) {
    to->rank_count = from->rank_count;
    for (uint32_t i = 0; i < from->rank_count; i++) { to->ranks[i] = from->ranks[i]; }
    rank_note(to);
}

static void end_turn(struct machine *m) {
    for (uint32_t i = 0; i < search.count; i++) {
        struct candidate *c = &search.candidates[i];
        const struct rank *rank = rank_of(m, i, RANKED);
        const struct distance *d = rank == nullptr ? nullptr : rank_distance(rank, c->place);
        if (d == nullptr) {
            c->lost = true;
        } else if (!c->turned) {
            c->moved = *d;
            c->turned = true;
        } else {
            c->moved.least = min_s(c->moved.least, d->least);
            c->moved.most = max_s(c->moved.most, d->most);
        }
    }
}

static bool same_distances(const struct rank *a, const struct rank *b) {
    if (a->regs != b->regs || a->slots != b->slots) { return false; }
    for (uint32_t regs = a->regs; regs != 0; regs &= regs - 1) {
        uint32_t r = (uint32_t)__builtin_ctz(regs);
        if (a->by_reg[r].least != b->by_reg[r].least || a->by_reg[r].most != b->by_reg[r].most) { return false; }
    }
    for (uint64_t slots = a->slots; slots != 0; slots &= slots - 1) {
        uint32_t s = (uint32_t)__builtin_ctzll(slots);
        if (a->by_slot[s].least != b->by_slot[s].least || a->by_slot[s].most != b->by_slot[s].most) { return false; }
    }
    return true;
}

/* What grows at every sweep grows without end. */
static void widen_ranks(struct machine *to, const struct machine *before) {
    for (uint32_t i = 0; i < to->rank_count && i < before->rank_count; i++) {
        for (uint32_t r = 0; r < REGS; r++) {
            struct distance *d = &to->ranks[i].by_reg[r];
            const struct distance *was = &before->ranks[i].by_reg[r];
            if (d->least < was->least) { d->least = -far; }
            if (d->most > was->most) { d->most = far; }
        }
    }
}

static enum status follow_edge(struct inference *f, uint32_t from, uint32_t site) {
    (void)from;
    struct site *at = &f->sites[site];
    struct machine *m = &f->machine, *o = &f->other;
    static struct machine before;
    if (site == search.head) {
        end_turn(m);
        return STATUS_OK;
    }
    if (!inside(f, search.head, site)) { return STATUS_OK; }
    if (at->begun == nullptr) {
        at->begun = entry_keep(f, m);
        search.changed = true;
        return at->begun == nullptr ? STATUS_TOO_MANY_STATES : STATUS_OK;
    }
    entry_load(at->begun, o);
    copy_ranks(&before, o);
    ranks_join(o, m);
    if (search.widen) { widen_ranks(o, &before); }
    bool same = true;
    for (uint32_t i = 0; i < o->rank_count; i++) { same &= same_distances(&o->ranks[i], &before.ranks[i]); }
    if (same) { return STATUS_OK; }
    search.changed = true;
    at->begun = entry_keep(f, o);
    return at->begun == nullptr ? STATUS_TOO_MANY_STATES : STATUS_OK;
}

/* The sites of the loop, in order. */
static bool next_inside(const struct inference *f, uint32_t head, uint32_t *rank, uint32_t *site) {
    for (; *rank < f->site_count; (*rank)++) {
        *site = f->sorted[*rank];
        if (!inside(f, head, *site)) { continue; }
        (*rank)++;
        return true;
    }
    return false;
}

static enum status sweep(struct inference *f) {
    uint32_t rank = f->sites[search.head].rank, site;
    for (uint32_t i = 0; i < search.count; i++) { search.candidates[i].lost = search.candidates[i].turned = false; }
    while (next_inside(f, search.head, &rank, &site)) {
        struct site *at = &f->sites[site];
        if (at->entry == nullptr || (site != search.head && at->begun == nullptr)) { continue; }
        f->other.rank_count = 0;
        if (site != search.head) { entry_load(at->begun, &f->other); }
        entry_load(at->entry, &f->machine);
        f->machine.state.pc = point_of(f, site)->pc;
        copy_ranks(&f->machine, &f->other);
        for (uint32_t i = 0; site == search.head && i < search.count; i++) {
            (void)rank_begin(&f->machine, i, RANKED, search.candidates[i].place);
        }
        enum status status = walk_from(f, site, true, follow_edge);
        if (status != STATUS_OK) { return status; }
    }
    return STATUS_OK;
}

static bool may_rank(const struct reg *r, uint64_t *range) {
    uint64_t range_signed = (uint64_t)r->var.smax - (uint64_t)r->var.smin;
    *range = r->var.umax - r->var.umin;
    if (range_signed < *range) { *range = range_signed; }
    return r->kind == REG_SCALAR && *range <= range_limit && *range != 0;
}

/* Pointers into what has a size, and numbers that ranges do not hold. */
static bool may_spread(const struct reg *r, uint64_t range) {
    bool pointer = r->kind == REG_MEMORY || r->kind == REG_MAP_VALUE || r->kind == REG_STACK;
    return pointer || (r->kind == REG_SCALAR && range >= OFFSET_LIMIT && (r->id | r->map) == 0);
}

static void consider(uint8_t place, const struct reg *r) {
    uint64_t range;
    bool ranks = may_rank(r, &range), spreads = may_spread(r, range);
    if (search.count == RANKS || !(ranks || spreads)) { return; }
    search.candidates[search.count++] = (struct candidate){.place = place, .range = ranks ? range : 0, .spreads = spreads};
}

static void list_candidates(struct inference *f, uint32_t head) {
    const struct machine *m = &f->machine;
    entry_load(f->sites[head].entry, &f->machine);
    search.count = 0;
    for (uint32_t r = 0; r < FRAME_POINTER; r++) {
        if (in_mask((m->number | m->pointer) & ~(uint32_t)m->loose, r)) { consider((uint8_t)r, &m->frame->regs[r]); }
    }
    for (uint64_t used = m->frame->used; used != 0; used &= used - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(used);
        const struct slot *slot = &m->frame->slots[i];
        if (slot->spill_bytes == 8) { consider((uint8_t)(PLACE_SLOT + i), &slot->reg); }
    }
}

static void choose_besides(struct site *head) {
    head->beside_count = 0;
    for (uint32_t i = 0; i < search.count && head->beside_count < BESIDES; i++) {
        const struct candidate *c = &search.candidates[i];
        bool moves = c->moved.least != 0 || c->moved.most != 0, near = c->moved.least >= -INT32_MAX && c->moved.most <= INT32_MAX;
        if (c->lost || !c->turned || !c->spreads || !moves || !near || c->place == head->place) { continue; }
        head->besides[head->beside_count++] = (struct beside){c->place, c->moved};
    }
}

static void choose(struct site *head) {
    uint64_t fewest = UINT64_MAX;
    for (uint32_t i = 0; i < search.count; i++) {
        const struct candidate *c = &search.candidates[i];
        if (c->lost || c->range == 0) { continue; }
        if (!c->turned) { /* no turn ends: any number will do */
            head->place = c->place;
            head->step = 1;
            return;
        }
        int64_t step = c->moved.least > 0 ? c->moved.least : c->moved.most < 0 ? c->moved.most : 0;
        if (step == 0) { continue; }
        uint64_t turns = c->range / (uint64_t)(step < 0 ? -step : step);
        if (turns >= fewest) { continue; }
        fewest = turns;
        head->place = c->place;
        head->step = step > INT32_MAX ? INT32_MAX : step < -INT32_MAX ? -INT32_MAX : step;
    }
}

static enum status rank_loop(struct inference *f, uint32_t head) {
    uint8_t *free = f->v->free;
    search.head = head;
    search.changed = true;
    f->sites[head].place = NO_PLACE;
    list_candidates(f, head);
    if (search.count == 0) { return STATUS_OK; }
    for (uint32_t i = 0; i < f->site_count; i++) { f->sites[i].begun = nullptr; }
    enum status status = STATUS_OK;
    for (uint32_t n = 0; n < SWEEPS && search.changed && status == STATUS_OK; n++) {
        search.changed = false;
        search.widen = n >= SWEEPS_BEFORE_WIDENING;
        status = sweep(f);
    }
    if (status == STATUS_OK && !search.changed) {
        choose(&f->sites[head]);
        if (f->lenient && f->sites[head].place != NO_PLACE) { choose_besides(&f->sites[head]); }
    }
    f->v->free = free;
    return status;
}

enum status search_ranks(struct inference *f) {
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < f->site_count && status == STATUS_OK; i++) {
        if (is_head(f, i) && f->sites[i].entry != nullptr && f->sites[i].place == NO_PLACE) { status = rank_loop(f, i); }
    }
    return status;
}

enum status find_ranks(struct inference *f) {
    enum status status = search_ranks(f);
    for (uint32_t i = 0; i < f->site_count && status == STATUS_OK; i++) {
        if (is_head(f, i) && f->sites[i].entry != nullptr && f->sites[i].place == NO_PLACE) {
            status = refuse(f->v, STATUS_UNBOUNDED_LOOP, point_of(f, i)->pc, "nothing was found that every turn of this loop moves");
        }
    }
    return status;
}
