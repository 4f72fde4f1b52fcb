#include "body.h"

#include <string.h>

/* Numbers that follow each part. */
static const uint8_t lengths[] = {1, 2, 2, 2, 2, 2};

uint8_t *number_write(uint8_t *at, uint64_t number) {
    for (; number >= 128; number >>= 7) { *at++ = (uint8_t)(number | 128); }
    *at++ = (uint8_t)number;
    return at;
}

static bool kept_read(struct reader *in, struct kept *out) {
    memset(out, 0, sizeof(*out));
    out->kind = read_byte(in);
    if (out->kind != REG_SCALAR) {
        out->map = read_byte(in);
        out->frame = read_byte(in);
        out->off = read_number(in);
        out->range = read_number(in);
    }
    out->id = read_byte(in);
    out->parts = read_byte(in);
    for (uint32_t part = 0, at = 0; part < sizeof(lengths); at += lengths[part++]) {
        for (uint32_t i = 0; (out->parts >> part & 1) != 0 && i < lengths[part]; i++) { out->numbers[at + i] = read_number(in); }
    }
    return !in->bad;
}

static uint8_t *kept_write(uint8_t *at, const struct kept *kept) {
    *at++ = kept->kind;
    if (kept->kind != REG_SCALAR) {
        *at++ = kept->map;
        *at++ = kept->frame;
        at = number_write(at, kept->off);
        at = number_write(at, kept->range);
    }
    *at++ = kept->id;
    *at++ = kept->parts;
    for (uint32_t part = 0, from = 0; part < sizeof(lengths); from += lengths[part++]) {
        for (uint32_t i = 0; (kept->parts >> part & 1) != 0 && i < lengths[part]; i++) { at = number_write(at, kept->numbers[from + i]); }
    }
    return at;
}

/* ---- ranks ---- */

static void distance_read(struct reader *in, struct distance *out) {
    out->least = read_signed(in);
    out->most = read_signed(in);
}

static uint8_t *distance_write(uint8_t *at, const struct distance *d) { return number_write(number_write(at, as_read(d->least)), as_read(d->most)); }

static bool rank_read(struct reader *in, struct kept_rank *out) {
    out->regs = read_number(in);
    out->slots = read_number(in);
    if (out->regs >> REGS != 0) { return false; }
    for (uint64_t regs = out->regs; regs != 0; regs &= regs - 1) { distance_read(in, &out->by_reg[__builtin_ctzll(regs)]); }
    for (uint64_t slots = out->slots; slots != 0; slots &= slots - 1) { distance_read(in, &out->by_slot[__builtin_ctzll(slots)]); }
    return !in->bad;
}

static uint8_t *rank_write(uint8_t *at, const struct kept_rank *rank) {
    at = number_write(number_write(at, rank->regs), rank->slots);
    for (uint64_t regs = rank->regs; regs != 0; regs &= regs - 1) { at = distance_write(at, &rank->by_reg[__builtin_ctzll(regs)]); }
    for (uint64_t slots = rank->slots; slots != 0; slots &= slots - 1) { at = distance_write(at, &rank->by_slot[__builtin_ctzll(slots)]); }
    return at;
}

/* ---- changes ---- */

/* The masks, in the order in which they are read. */
static uint64_t *mask_of(struct said *said, uint32_t index) {
    uint64_t *const masks[] = {&said->unset, &said->loose, &said->wide, &said->unused, &said->plain};
    return masks[index];
}
static const uint16_t mask_parts[] = {CHANGE_UNSET, CHANGE_LOOSE, CHANGE_WIDE, CHANGE_UNUSED, CHANGE_PLAIN};
enum { MASKS_ALONE = 5 };

static bool slots_read(struct reader *in, struct said *out) {
    for (uint64_t slots = out->slots; slots != 0; slots &= slots - 1) {
        struct kept_slot *slot = &out->given_slots[__builtin_ctzll(slots)];
        slot->written = read_byte(in);
        slot->zeros = read_byte(in);
        slot->held = read_byte(in);
        if (slot->held >> 3 != 0 && !kept_read(in, &slot->reg)) { return false; }
    }
    return true;
}

bool said_read(struct reader *in, uint32_t ranks, struct said *out) {
    out->parts = read_number(in);
    out->rank_count = (out->parts & CHANGE_RANKS) != 0 ? ranks : 0;
    if ((out->parts & ~(uint64_t)CHANGE_ALL) != 0 || ranks > RANKS) { return false; }
    for (uint32_t i = 0; i < MASKS_ALONE; i++) { *mask_of(out, i) = (out->parts & mask_parts[i]) != 0 ? read_number(in) : 0; }
    out->regs = (out->parts & CHANGE_REGS) != 0 ? read_number(in) : 0;
    if (out->regs >> REGS != 0) { return false; }
    for (uint64_t regs = out->regs; regs != 0; regs &= regs - 1) {
        if (!kept_read(in, &out->given[__builtin_ctzll(regs)])) { return false; }
    }
    out->slots = (out->parts & CHANGE_SLOTS) != 0 ? read_number(in) : 0;
    if (!slots_read(in, out)) { return false; }
    for (uint32_t i = 0; i < out->rank_count; i++) {
        if (!rank_read(in, &out->ranks[i])) { return false; }
    }
    return !in->bad;
}

uint8_t *said_write(uint8_t *at, const struct said *said) {
    at = number_write(at, said->parts);
    for (uint32_t i = 0; i < MASKS_ALONE; i++) {
        if ((said->parts & mask_parts[i]) != 0) { at = number_write(at, *mask_of((struct said *)said, i)); }
    }
    if ((said->parts & CHANGE_REGS) != 0) {
        at = number_write(at, said->regs);
        for (uint64_t regs = said->regs; regs != 0; regs &= regs - 1) { at = kept_write(at, &said->given[__builtin_ctzll(regs)]); }
    }
    if ((said->parts & CHANGE_SLOTS) != 0) {
        at = number_write(at, said->slots);
        for (uint64_t slots = said->slots; slots != 0; slots &= slots - 1) {
            const struct kept_slot *slot = &said->given_slots[__builtin_ctzll(slots)];
            *at++ = slot->written;
            *at++ = slot->zeros;
            *at++ = slot->held;
            if (slot->held >> 3 != 0) { at = kept_write(at, &slot->reg); }
        }
    }
    for (uint32_t i = 0; i < said->rank_count; i++) { at = rank_write(at, &said->ranks[i]); }
    return at;
}

/* ---- loops ---- */

bool loop_read(struct reader *in, struct said_loop *out) {
    uint8_t first = read_byte(in);
    out->place = first & ~PLACE_MORE;
    out->step = read_number(in);
    out->trip = read_number(in);
    out->moved_count = 0;
    for (bool more = (first & PLACE_MORE) != 0; more && !in->bad; out->moved_count++) {
        if (out->moved_count == MOVED_MOST) { return false; }
        uint8_t place = read_byte(in);
        more = (place & PLACE_MORE) != 0;
        out->moved[out->moved_count].place = place & ~PLACE_MORE;
        out->moved[out->moved_count].least = read_number(in);
        out->moved[out->moved_count].most = read_number(in);
    }
    return !in->bad;
}

uint8_t *loop_write(uint8_t *at, const struct said_loop *loop) {
    *at++ = (uint8_t)(loop->place | (loop->moved_count != 0 ? PLACE_MORE : 0));
    at = number_write(at, loop->step);
    at = number_write(at, loop->trip);
    for (uint32_t i = 0; i < loop->moved_count; i++) {
        *at++ = (uint8_t)(loop->moved[i].place | (i + 1 < loop->moved_count ? PLACE_MORE : 0));
        at = number_write(at, loop->moved[i].least);
        at = number_write(at, loop->moved[i].most);
    }
    return at;
}
