/* States that wait lightly, outside of the loop of fast.c. */

#include "bpf/checker/tracked.h"

[[gnu::noinline]] void note_stacks(struct loop *l) {
    for (; l->noted != l->free; l->noted++) {
        l->noted->used = l->m->frame->used;
        l->noted->plain = l->m->plain;
        l->noted->held_slots = l->held_slots;
        hold_slots(l, l->noted);
    }
}

static struct light *light_at(const struct loop *l, uint64_t pc) {
    for (struct light *light = l->free; light != l->c->light;) {
        if ((--light)->target == pc) { return light; }
    }
    return nullptr;
}

bool arrive(struct loop *l, uint64_t slot, uint64_t walked) {
    struct checker *c = l->c;
    struct machine *m = l->m;
    const uint64_t unknown = l->masks >> LOOSE_AT | l->held >> HIDDEN_AT, before = m->state.walked;
    if (slot >= l->count || c->first[slot] == 0) { return false; }
    if ((unknown & l->held >> KNOWN_AT & ALL_REGS) != 0) { return false; } /* what is compared is written out */
    struct entry *entry = entry_at(c, c->first[slot]);
    m->masks = l->masks | hidden_in(l->held);
    m->state.walked = walked;
    bool covered = entry->head != 0 ? end_turn(c, entry) == STATUS_OK : entry_covers(entry, m, no_places);
    if (covered && entry->head == 0 && walked > entry->walked) { entry->walked = walked; }
    m->state.walked = before;
    l->flags[slot] |= FACT_JUMP_TARGET;
    return covered;
}

[[gnu::noinline]] bool covered_lightly(struct loop *l, uint64_t slot, uint64_t walked) {
    struct light *light = light_at(l, slot);
    if (light == nullptr) { return arrive(l, slot, walked); }
    if (masks_less(l->masks | hidden_in(l->held), light->masks | hidden_in(light->held)) || stack_less(l, light) || (light->shelved != 0 && !shelves_match(l, light))) { return false; }
    if (walked > light->walked) { light->walked = walked; }
    return true;
}

[[gnu::noinline]] bool jump_lightly(struct loop *l, uint64_t pc, int64_t by) {
    uint64_t target = pc + 1 + (uint64_t)by;
    if (l->changed == pc) { return wait_changed(l, pc, by, l->masks, 0, EVENT_JUMP); }
    if (!may_wait(l, l->flags, pc, by)) { return covered_lightly(l, target, l->walked + pc + 1); }
    wait_lightly(l, l->flags, pc, by, l->masks);
    return true;
}

[[gnu::noinline]] bool end_lightly(struct loop *l, uint64_t pc) {
    const struct checker *c = l->c;
    bool falls = c->event == EVENT_FALL && c->due == c->steps + (pc - l->start); /* then it differs from the one that goes on */
    return falls ? wait_changed(l, pc - 1, 0, l->masks, 0, EVENT_FALL) : covered_lightly(l, pc, l->walked + pc);
}

/* The slot where the pass goes on by itself. */
static uint32_t next_state(const struct loop *l) {
    const struct checker *c = l->c;
    uint32_t none = c->v->program->count, next = c->v->states == 0 ? none : next_waiting(c, c->from);
    for (const struct light *light = c->light; light != l->free; light++) {
        if (next == none || light->target - c->from - 1 < next - c->from - 1) { next = light->target; }
    }
    return waits(c, c->from) ? none : next;
}

/* It no longer waits: what those know that began to wait later is held without it. If its stack is noted, so are all. */
static void drop(struct loop *l, struct light *light) {
    const uint64_t own = (uint64_t)ALL_REGS << HIDDEN_AT | (uint64_t)0xffff << DROPPED_AT, none = held_of(l->m, 0);
    const bool noted = light < l->noted;
    uint64_t known = light->held >> KNOWN_AT & ALL_REGS, slots = noted ? light->held_slots : l->held_slots;
    for (l->free--; light != l->free; light++) {
        *light = light[1];
        light->held = (light->held & own) | none | known << BARRED_AT | known << KNOWN_AT;
        known |= held_by(light);
        if (noted) {
            light->held_slots = slots;
            slots |= light->used & ~light->plain;
        }
    }
    l->held = held_of(l->m, known);
    l->held_slots = slots;
    if (noted) { l->noted = l->free; }
}

/* The machine's stack is that one's; false, and nothing done, when that would change what others know. */
static bool take_up_stack(struct loop *l, const struct light *light) {
    struct machine *m = l->m;
    uint64_t plain = light->plain & ~m->plain;
    note_stack(l);
    for (const struct light *other = l->c->light; other != l->free; other++) {
        if (other != light && (plain & other->used & ~other->plain) != 0) { return false; }
    }
    for (; plain != 0; plain &= plain - 1) { slot_set_plain(&m->frame->slots[__builtin_ctzll(plain)]); }
    m->frame->used = light->used;
    m->plain = light->plain;
    return true;
}

/* The machine's state is that one; false, and nothing done, when that would change what others know. */
static bool take_up(struct loop *l, struct light *at) {
    struct machine *m = l->m;
    const uint64_t then = at->masks | hidden_in(at->held), dropped = at->held >> DROPPED_AT;
    uint32_t written = written_since(l->masks | hidden_in(l->held), then) | at->shelved, known = 0;
    bool writes = (written | dropped) != 0;
    for (const struct light *other = l->c->light; writes && other != l->free; other++) {
        if (other == at) { continue; }
        if ((dropped & ~(other->held >> DROPPED_AT)) != 0) { return false; } /* it has these ranks still */
        known |= held_by(other);
    }
    if (((written & known) != 0 && !shelve(l, written & known)) || (at < l->noted && !take_up_stack(l, at))) { return false; }
    write_heads(l->regs, written & ~at->shelved, then);
    if (at->shelved != 0) { exchange(l->c, at); }
    if (dropped != 0) { rank_drop(m, (uint32_t)dropped); }
    l->walked = at->walked - at->target;
    l->c->from = at->target;
    drop(l, at);
    hide(l, then);
    return true;
}

[[gnu::noinline]] bool go_on_lightly(struct loop *l, uint64_t *pc) {
    struct checker *c = l->c;
    count_steps(l, *pc);
    if (c->in.bad) { return false; }
    const struct reader in = c->in;
    const uint32_t event = c->event;
    const uint64_t due = c->due;
    uint64_t slot;
    if (is_due(c, EVENT_ORDER)) {
        slot = read_number(&c->in);
        next_event(c);
    } else {
        slot = next_state(l);
    }
    struct light *light = light_at(l, slot);
    bool begins = light != nullptr && !c->in.bad && c->rest == 0 && c->steps < c->budget && (c->due != c->steps || c->event <= EVENT_JUMP); /* or an event begins it otherwise */
    if (begins && take_up(l, light)) {
        *pc = slot;
        stop_no_more(l);
        begin_at(l, slot);
        return true;
    }
    c->in = in;
    c->event = event;
    c->due = due;
    return false;
}
