/* The heads of loops: where a loop is entered, and where a turn of it ends. check.c says what follows from both.
 *
 * Beside what the loop is ranked by, places may be named that each turn moves, by something between `least` and `most`. Where
 * the loop is entered they are spread by what all turns together may add, N - 1 of them; where a turn ends, only the turn's
 * own distance is looked at: after i turns such a place is i distances away from where it was, and i is at most N - 1. */

#include "bpf/checker/format.h"
#include "bpf/checker/pass.h"

static const uint64_t walked_limit = (uint64_t)1 << 62;

struct reg *kept_in(const struct machine *m, uint32_t place) {
    if (place < FRAME_POINTER) { return in_mask((m->number | m->pointer) & ~(uint32_t)m->loose, place) ? &m->frame->regs[place] : nullptr; }
    if (place < PLACE_SLOT || place >= PLACES) { return nullptr; }
    struct slot *slot = &m->frame->slots[place - PLACE_SLOT];
    bool kept = (m->frame->used >> (place - PLACE_SLOT) & 1) != 0 && slot->spill_bytes == 8;
    return kept ? &slot->reg : nullptr;
}

/* Numbers that no other is known to equal, and pointers into what does not end with the packet. */
static bool may_spread(const struct reg *r) {
    switch (r->kind) {
    case REG_SCALAR: return (r->id | r->map) == 0;
    case REG_STACK:
    case REG_MAP_VALUE:
    case REG_MEMORY: return true;
    default: return false;
    }
}

/* Any number from least to most, in steps of `each` when every turn is of the same distance. */
static void set_spread(struct scalar *s, struct distance all, struct distance each) {
    struct scalar by;
    scalar_set_range(s, 0, (uint64_t)all.most - (uint64_t)all.least);
    if (each.least == each.most && each.least != 0) {
        scalar_set_const(&by, (uint64_t)each.least | -(uint64_t)each.least); /* from the lowest bit of a step upward */
        scalar_alu64(BPF_ALU_AND, false, s, &by);
    }
    if (all.least == 0) { return; }
    scalar_set_const(&by, (uint64_t)all.least);
    scalar_alu64(BPF_ALU_ADD, false, s, &by);
}

bool spread_beside(struct machine *m, const struct beside *beside, uint64_t turns) {
    struct reg *r = kept_in(m, beside->place);
    struct distance each = beside->each, all = {0, 0};
    if (r == nullptr || !may_spread(r)) { return false; }
    bool overflows = (each.least < 0 && __builtin_mul_overflow(each.least, turns, &all.least)) ||
                     (each.most > 0 && __builtin_mul_overflow(each.most, turns, &all.most));
    if (overflows || all.least < -(int64_t)walked_limit || all.most > (int64_t)walked_limit) { return false; }
    struct scalar by;
    set_spread(&by, all, each);
    scalar_alu64(BPF_ALU_ADD, false, &r->var, &by);
    if (r->kind != REG_SCALAR && (r->var.smin <= -OFFSET_LIMIT || r->var.smax >= OFFSET_LIMIT)) { return false; }
    rank_spread(m, beside->place, all);
    if (beside->place < FRAME_POINTER) {
        machine_note(m, beside->place);
    } else {
        m->frame->slots[beside->place - PLACE_SLOT].zeros = 0;
    }
    return true;
}

static bool read_beside(struct checker *c, uint32_t ranked, bool *more) {
    if (c->beside_count == BESIDES_KEPT) { return false; }
    struct beside *beside = &c->besides[c->beside_count++];
    uint8_t place = read_byte(&c->in);
    *more = (place & PLACE_MORE) != 0;
    beside->place = place & ~PLACE_MORE;
    beside->each.least = read_signed(&c->in);
    beside->each.most = read_signed(&c->in);
    return beside->place != ranked && beside->each.least >= -INT32_MAX && beside->each.most <= INT32_MAX;
}

/* The machine's state becomes the one of every turn. */
static enum status read_besides(struct checker *c, struct head *head, uint64_t turns) {
    struct machine *m = &c->machine;
    for (bool more = true; more; head->besides++) {
        if (head->besides == BESIDES || !read_beside(c, head->place, &more) || !spread_beside(m, &c->besides[c->beside_count - 1], turns)) {
            return refuse_certificate(c, "what moves beside is not known to stay in its object");
        }
    }
    return STATUS_OK;
}

/* It waits as such, instead of the one at *place. */
static enum status keep_head(struct checker *c, uint32_t *place) {
    uint32_t fresh = keep(c, nullptr, 0);
    if (fresh == 0) { return refuse(c->v, STATUS_TOO_MANY_STATES, c->machine.state.pc, "%u states wait", (uint64_t)c->v->states); }
    if (*place != 0) { let_go(c, *place); }
    *place = fresh;
    return STATUS_OK;
}

static bool begin_ranks(struct checker *c, const struct head *head) {
    bool room = rank_begin(&c->machine, head->slot, RANKED, head->place);
    for (uint32_t i = 0; room && i < head->besides; i++) {
        room = rank_begin(&c->machine, head->slot, (uint8_t)(i + 1), c->besides[head->besides_at + i].place);
    }
    return room;
}

/* Within such a range no step leads around and back into it. */
bool count_turns(const struct machine *m, uint32_t place, int64_t step, uint64_t *turns) {
    const struct reg *ranked = kept_in(m, place);
    if (ranked == nullptr || ranked->kind != REG_SCALAR || step == 0 || step > INT32_MAX || step < -INT32_MAX) { return false; }
    const struct scalar *number = &ranked->var;
    uint64_t range = number->umax - number->umin, range_signed = (uint64_t)number->smax - (uint64_t)number->smin;
    if (range_signed < range) { range = range_signed; }
    *turns = range / (uint64_t)(step < 0 ? -step : step);
    return range <= walked_limit;
}

enum status begin_loop(struct checker *c, uint32_t *place) {
    struct machine *m = &c->machine;
    uint8_t first = read_byte(&c->in);
    int64_t step = read_signed(&c->in);
    uint64_t trip = read_number(&c->in), turns, added;
    uint32_t ranked = first & ~(uint32_t)PLACE_MORE;
    bool others = c->first[m->state.pc] != 0 || (*place != 0 && entry_at(c, *place)->next != 0); /* wait here */
    if (c->head_count == HEADS || others || !count_turns(m, ranked, step, &turns)) {
        return refuse_certificate(c, "a loop is ranked by what is no number of a range");
    }
    if (__builtin_mul_overflow(turns, trip, &added) || (added | trip | m->state.walked) >= walked_limit) { /* their sum can't wrap */
        return refuse_certificate(c, "a loop turns too often");
    }
    m->state.walked += added;
    struct head *head = &c->heads[c->head_count++];
    *head = (struct head){.slot = (uint16_t)m->state.pc, .besides_at = (uint16_t)c->beside_count, .place = (uint8_t)ranked, .step = step, .walked = m->state.walked, .trip = trip};
    bool spreads = (first & PLACE_MORE) != 0;
    enum status status = spreads ? read_besides(c, head, turns) : STATUS_OK;
    if (status == STATUS_OK && (spreads || *place == 0)) { status = keep_head(c, place); }
    if (status != STATUS_OK) { return status; }
    struct entry *entry = entry_at(c, *place);
    entry->walked = m->state.walked;
    entry->head = (uint16_t)c->head_count;
    if (!begin_ranks(c, head)) { return refuse_certificate(c, "too many loops in each other"); }
    next_event(c);
    return STATUS_OK;
}

/* How far the value has moved since the head; false when nothing is known of that. */
static bool moved_since(struct machine *m, const struct head *head, uint32_t index, uint32_t place, struct distance *moved) {
    struct rank *rank = rank_of(m, head->slot, (uint8_t)index);
    const struct distance *distance = rank == nullptr ? nullptr : rank_distance(rank, place);
    if (distance == nullptr) { return false; }
    *moved = *distance;
    return true;
}

enum status end_turn(struct checker *c, const struct entry *entry) {
    struct machine *m = &c->machine;
    const struct head *head = &c->heads[entry->head - 1];
    struct places beside = no_places;
    struct distance moved;
    for (uint32_t i = 0; i < head->besides; i++) {
        const struct beside *b = &c->besides[head->besides_at + i];
        if (!moved_since(m, head, i + 1, b->place, &moved) || moved.least < b->each.least || moved.most > b->each.most) {
            return refuse_certificate(c, "a turn of this loop moves what is beside otherwise than it says");
        }
        beside.regs |= b->place < PLACE_SLOT ? 1u << b->place : 0;
        beside.slots |= b->place < PLACE_SLOT ? 0 : (uint64_t)1 << (b->place - PLACE_SLOT);
    }
    if (!entry_covers(entry, m, beside)) { return refuse_certificate(c, "a turn of this loop ends in a state that it does not begin with"); }
    if (!moved_since(m, head, RANKED, head->place, &moved) || (head->step > 0 ? moved.least < head->step : moved.most > head->step)) {
        return refuse_certificate(c, "a turn of this loop does not move what it is ranked by");
    }
    if (m->state.walked > head->walked + head->trip) { return refuse_certificate(c, "a turn of this loop is longer than it says"); }
    return STATUS_OK;
}
