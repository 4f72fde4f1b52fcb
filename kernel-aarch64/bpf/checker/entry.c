/* States that wait: packed, compared with the one that comes, taken up again. */

#include "bpf/checker/entry.h"
#include "bpf/checker/format.h"

/* Room in which any state without ranks fits, and how much more for each rank. */
enum { AMPLE_BYTES = 8 * 1024, RANK_BYTES = 16 + 16 * (REGS + STACK_SLOTS) };
static_assert(sizeof(struct entry) + 8 * ((FIELD_WORDS + VALUE_WORDS) * FRAME_POINTER + (1 + FIELD_WORDS + VALUE_WORDS) * STACK_SLOTS) <= AMPLE_BYTES);

static uint32_t count_of(uint64_t mask) { return (uint32_t)__builtin_popcountll(mask); }

static bool has_room(const struct machine *m, uint64_t room) {
    if (room >= AMPLE_BYTES + m->rank_count * (uint64_t)RANK_BYTES) { return true; }
    uint64_t needed = sizeof(struct entry) + (FIELD_WORDS + VALUE_WORDS) * 8 * FRAME_POINTER;
    needed += (1 + FIELD_WORDS + VALUE_WORDS) * 8 * (uint64_t)count_of(m->frame->used);
    for (uint32_t i = 0; i < m->rank_count; i++) { needed += 16 + 16 * (count_of(m->ranks[i].regs) + count_of(m->ranks[i].slots)); }
    return needed <= room;
}

static uint64_t *pack_slots(uint64_t *at, const struct frame *frame, const struct change *change, uint64_t mask) {
    for (; mask != 0; mask &= mask - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(mask);
        const struct slot *slot = change != nullptr && (change->slots >> i & 1) != 0 ? &change->given_slots[i] : &frame->slots[i];
        *at++ = slot->written | (uint64_t)slot->spill_at << 8 | (uint64_t)slot->spill_bytes << 16 | (uint64_t)slot->zeros << 24;
        if (slot->spill_bytes != 0) { at = pack_reg(at, &slot->reg); }
    }
    return at;
}

static uint64_t *pack_distance(uint64_t *at, const struct distance *d) {
    *at++ = (uint64_t)d->least;
    *at++ = (uint64_t)d->most;
    return at;
}

/* Without those that are dropped, a bit each, or in no place any more. */
static uint64_t *pack_ranks(uint64_t *at, const struct rank *ranks, uint32_t count, uint32_t dropped, uint16_t *packed) {
    *packed = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct rank *rank = &ranks[i];
        if ((dropped >> i & 1) != 0 || (rank->regs | rank->slots) == 0) { continue; }
        (*packed)++;
        *at++ = rank->head | (uint64_t)rank->regs << 16 | (uint64_t)rank->index << 32;
        *at++ = rank->slots;
        for (uint32_t regs = rank->regs; regs != 0; regs &= regs - 1) { at = pack_distance(at, &rank->by_reg[__builtin_ctz(regs)]); }
        for (uint64_t slots = rank->slots; slots != 0; slots &= slots - 1) {
            at = pack_distance(at, &rank->by_slot[__builtin_ctzll(slots)]);
        }
    }
    return at;
}

/* Registers that a change gives anew. */
static void place_given(const struct change *change, struct entry *out) {
    for (uint32_t regs = change->regs & ~change->unset; regs != 0; regs &= regs - 1) {
        uint32_t r = (uint32_t)__builtin_ctz(regs);
        bool number = change->given_regs[r].kind == REG_SCALAR;
        uint32_t bit = 1u << r;
        out->loose &= (uint16_t)~bit;
        out->number = (uint16_t)((out->number & ~bit) | (number ? bit : 0));
        out->pointer = (uint16_t)((out->pointer & ~bit) | (number ? 0 : bit));
    }
}

static void apply_masks(const struct machine *m, const struct change *change, struct entry *out) {
    uint32_t set = ~change->unset;
    out->number &= (uint16_t)set;
    out->pointer &= (uint16_t)set;
    out->loose = (uint16_t)((out->loose | change->loose) & set);
    out->used &= ~change->unused;
    out->plain = (out->plain | change->plain) & out->used & ~change->slots;
    place_given(change, out);
    out->narrow = (uint16_t)(m->narrow & out->loose & ~change->wide);
}

/* All but registers, slots and ranks. */
static void pack_masks(const struct machine *m, const struct change *change, struct entry *out) {
    const struct frame *frame = m->frame;
    out->next = 0;
    out->walked = m->state.walked;
    out->number = (uint16_t)m->number;
    out->pointer = (uint16_t)(m->pointer & ALL_REGS);
    out->loose = (uint16_t)m->loose;
    out->narrow = (uint16_t)(m->narrow & m->loose);
    out->held = frame->call;
    out->used = frame->used;
    out->plain = m->plain & frame->used;
    if (change != nullptr) { apply_masks(m, change, out); }
}

bool entry_pack(struct machine *m, const struct change *change, uint32_t dropped, struct entry *out, uint64_t room) {
    if (!has_room(m, room)) { return false; }
    const struct frame *frame = m->frame;
    pack_masks(m, change, out);
    uint32_t given = change == nullptr ? 0 : change->regs;
    uint64_t *at = out->words;
    for (uint32_t regs = (out->number | out->pointer) & ~(uint32_t)out->loose; regs != 0; regs &= regs - 1) {
        uint32_t r = (uint32_t)__builtin_ctz(regs);
        at = pack_reg(at, in_mask(given, r) ? &change->given_regs[r] : &frame->regs[r]);
    }
    if (out->used != out->plain) { at = pack_slots(at, frame, change, out->used & ~out->plain); }
    bool ranks = change != nullptr && change->ranks;
    at = pack_ranks(at, ranks ? change->given_ranks : m->ranks, ranks ? change->rank_count : m->rank_count, dropped, &out->rank_count);
    out->bytes = (uint32_t)((uint8_t *)at - (uint8_t *)out);
    return true;
}

/* ---- comparing ---- */

static const uint64_t *skip_reg(const uint64_t *at) { return at + FIELD_WORDS + words_of(packed_form(*at)); }

/* Writes out a loose number, which stays loose. */
static const struct reg *now_reg(struct machine *m, uint32_t r) {
    if (in_mask(m->loose, r)) {
        machine_settle(m, r);
        m->loose |= 1u << r;
    }
    return &m->frame->regs[r];
}

[[gnu::noinline]] static bool reg_fits(const uint64_t *at, const struct reg *now, struct ids *ids) {
    const enum form form = packed_form(*at);
    const uint32_t id = (uint32_t)at[1];
    const bool number = now->kind == REG_SCALAR, unnamed = id == 0 && (number || now->id == 0);
    if (number && unnamed && form == FORM_FULL && *at == (REG_SCALAR | (uint64_t)FORM_FULL << FORM_AT)) { return scalar_covers((const packed_scalar *)(at + FIELD_WORDS), &now->var); }
    if (same_words(at, now, form)) { return (number && now->var.mask == 0) || unnamed || (id != 0 && ids_pair(ids, id, now->id)); }
    struct reg kept;
    (void)unpack_reg(at, &kept);
    return reg_covers(&kept, now, ids);
}

static bool plain_fits(uint64_t plain, const struct frame *frame) {
    for (; plain != 0; plain &= plain - 1) {
        const struct slot *slot = &frame->slots[__builtin_ctzll(plain)];
        if (slot->written != 255 || (slot->spill_bytes != 0 && reg_is_pointer(&slot->reg))) { return false; }
    }
    return true;
}

/* What moved from the value that it had at the head of the loop is in the same object, wherever there. */
static bool moved_fits(const uint64_t *at, const struct reg *now, struct ids *ids) {
    struct reg kept, there = *now;
    (void)unpack_reg(at, &kept);
    there.off = kept.off;
    there.var = kept.var;
    return kept.kind == now->kind && reg_covers(&kept, &there, ids);
}

static const uint64_t *slots_fit(const uint64_t *at, uint64_t mask, const struct frame *frame, struct ids *ids, uint64_t beside) {
    for (; mask != 0; mask &= mask - 1) {
        const struct slot *now = &frame->slots[__builtin_ctzll(mask)];
        const uint64_t head = *at++;
        const uint32_t kept = (uint8_t)(head >> 16);
        bool moved = (beside & mask & -mask) != 0;
        bool fits = ((head & ~(uint64_t)now->written) & 255) == 0 && (head >> 24 & ~(uint64_t)now->zeros) == 0;
        if (kept == 0) { /* bytes of numbers cover a kept number, never a pointer */
            fits = fits && !moved && (now->spill_bytes == 0 || !reg_is_pointer(&now->reg));
        } else {
            fits = fits && now->spill_bytes == kept && now->spill_at == (uint8_t)(head >> 8) && (moved ? moved_fits(at, &now->reg, ids) : reg_fits(at, &now->reg, ids));
            at = skip_reg(at);
        }
        if (!fits) { return nullptr; }
    }
    return at;
}

static bool distance_fits(const uint64_t *at, const struct distance *now) {
    return (int64_t)at[0] <= now->least && (int64_t)at[1] >= now->most;
}

static bool ranks_fit(const uint64_t *at, uint32_t count, struct machine *m, struct places beside) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t regs = (uint16_t)(*at >> 16);
        struct rank *now = rank_of(m, (uint16_t)*at, (uint8_t)(*at >> 32));
        uint64_t slots = at[1];
        at += 2;
        if ((regs | slots) == 0) { continue; }
        if (now == nullptr || (regs & ~(uint32_t)now->regs) != 0 || (slots & ~now->slots) != 0) { return false; }
        for (; regs != 0; regs &= regs - 1, at += 2) {
            uint32_t r = (uint32_t)__builtin_ctz(regs);
            if (!in_mask(beside.regs, r) && !distance_fits(at, &now->by_reg[r])) { return false; }
        }
        for (; slots != 0; slots &= slots - 1, at += 2) {
            uint32_t s = (uint32_t)__builtin_ctzll(slots);
            if ((beside.slots >> s & 1) == 0 && !distance_fits(at, &now->by_slot[s])) { return false; }
        }
    }
    return true;
}

bool entry_covers(const struct entry *entry, struct machine *m, struct places beside) {
    const struct frame *frame = m->frame;
    uint32_t loose = entry->loose, detailed = (entry->number | entry->pointer) & ~loose;
    if ((loose & ~m->number) != 0 || (entry->narrow & ~m->narrow) != 0 || (detailed & ~(m->number | m->pointer)) != 0 ||
        entry->held != frame->call || (entry->used & ~frame->used) != 0) {
        return false;
    }
    struct ids ids;
    ids.count = 0;
    const uint64_t *at = entry->words;
    for (; detailed != 0; detailed &= detailed - 1, at = skip_reg(at)) {
        uint32_t r = (uint32_t)__builtin_ctz(detailed);
        const struct reg *now = now_reg(m, r);
        if (!(in_mask(beside.regs, r) ? moved_fits(at, now, &ids) : reg_fits(at, now, &ids))) { return false; }
    }
    if (!plain_fits(entry->plain & ~m->plain, frame)) { return false; }
    if (entry->used != entry->plain) { at = slots_fit(at, entry->used & ~entry->plain, frame, &ids, beside.slots); }
    return at != nullptr && (entry->rank_count == 0 || ranks_fit(at, entry->rank_count, m, beside));
}

/* ---- taking up ---- */

static const uint64_t *load_distance(const uint64_t *at, struct distance *d) {
    *d = (struct distance){(int64_t)at[0], (int64_t)at[1]};
    return at + 2;
}

static void load_ranks(const uint64_t *at, struct machine *m, uint32_t count) {
    m->rank_count = count;
    for (uint32_t i = 0; i < count; i++) {
        struct rank *rank = &m->ranks[i];
        rank->head = (uint16_t)*at;
        rank->regs = (uint16_t)(*at >> 16);
        rank->index = (uint8_t)(*at++ >> 32);
        rank->slots = *at++;
        for (uint32_t regs = rank->regs; regs != 0; regs &= regs - 1) { at = load_distance(at, &rank->by_reg[__builtin_ctz(regs)]); }
        for (uint64_t slots = rank->slots; slots != 0; slots &= slots - 1) {
            at = load_distance(at, &rank->by_slot[__builtin_ctzll(slots)]);
        }
    }
    rank_note(m);
}

/* All but registers, slots and ranks. `narrow`: numbers that are known to be. */
static void load_masks(const struct entry *entry, struct machine *m, uint32_t narrow) {
    struct frame *frame = m->frame;
    uint32_t set = entry->number | entry->pointer, was_set = m->number | m->pointer, was_loose = m->loose;
    m->state.walked = entry->walked;
    m->number = entry->number;
    m->pointer = entry->pointer | 1u << FRAME_POINTER;
    m->loose = entry->loose;
    m->narrow = (uint16_t)(entry->narrow | narrow);
    uint64_t plain = entry->plain & ~m->plain;
    m->plain = entry->plain;
    frame->call = entry->held;
    frame->used = entry->used;
    frame_unset(frame, was_set & ~set & ALL_REGS);
    for (uint32_t loose = entry->loose & ~was_loose; loose != 0; loose &= loose - 1) { reg_set_scalar(&frame->regs[__builtin_ctz(loose)]); }
    for (; plain != 0; plain &= plain - 1) { slot_set_plain(&frame->slots[__builtin_ctzll(plain)]); }
}

void change_apply(const struct change *change, struct machine *m) {
    struct entry out;
    pack_masks(m, change, &out);
    load_masks(&out, m, m->narrow & ~(uint32_t)out.loose & out.number);
    for (uint32_t regs = change->regs & ~change->unset; regs != 0; regs &= regs - 1) {
        uint32_t r = (uint32_t)__builtin_ctz(regs);
        reg_copy(&m->frame->regs[r], &change->given_regs[r]);
        machine_note(m, r);
    }
    for (uint64_t slots = change->slots & ~change->unused; slots != 0; slots &= slots - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(slots);
        m->frame->slots[i] = change->given_slots[i];
    }
}

void entry_load(const struct entry *entry, struct machine *m) {
    struct frame *frame = m->frame;
    load_masks(entry, m, 0);
    const uint64_t *at = entry->words;
    for (uint32_t regs = (entry->number | entry->pointer) & ~(uint32_t)entry->loose; regs != 0; regs &= regs - 1) {
        uint32_t r = (uint32_t)__builtin_ctz(regs);
        at = unpack_reg(at, &frame->regs[r]);
        if (in_mask(entry->number, r)) { m->narrow |= (uint32_t)scalar_fits_u32(&frame->regs[r].var) << r; }
    }
    for (uint64_t used = entry->used & ~entry->plain; used != 0; used &= used - 1) {
        at = unpack_slot(at, &frame->slots[__builtin_ctzll(used)]);
    }
    load_ranks(at, m, entry->rank_count);
}
