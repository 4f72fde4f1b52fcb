#include "twist.h"

#include "bpf/verifier/instruction.h"
#include <string.h>

static uint32_t below(struct scene s, uint32_t limit) { return random_below(s.random, limit); }
static bool chance(struct scene s, uint32_t percent) { return random_chance(s.random, percent); }

/* One that the program has, or one next to it, or any. */
static int64_t some_number(struct scene s) {
    if (chance(s, 15)) { return (int64_t)(random_next(s.random) >> below(s, 64)); }
    if (chance(s, 20)) { return random_imm(s.random); }
    return (int64_t)s.program->insns[below(s, s.program->count)].imm + below(s, 3) - 1;
}

static int64_t limit_or_number(struct scene s) {
    static const int64_t limits[] = {INT64_MIN, INT64_MAX, INT32_MIN, INT32_MAX, (int64_t)1 << 62, -((int64_t)1 << 62), (int64_t)1 << 32, 0, -1, 1};
    if (chance(s, 50)) { return some_number(s); }
    return (int64_t)((uint64_t)limits[below(s, sizeof(limits) / sizeof(limits[0]))] + below(s, 3) - 1);
}

/* A bit of the mask; 0 when it has none. */
static uint64_t a_bit_of(struct scene s, uint64_t mask) {
    uint32_t count = (uint32_t)__builtin_popcountll(mask);
    for (uint32_t skip = count == 0 ? 0 : below(s, count); skip != 0; skip--) { mask &= mask - 1; }
    return mask & -mask;
}

/* ---- numbers ---- */

/* Where each part's numbers begin. */
enum { CONST_AT = 0, BITS_AT = 1, UNSIGNED_AT = 3, SIGNED_AT = 5, UNSIGNED_32_AT = 7, SIGNED_32_AT = 9 };

static void say_range(struct scene s, const struct scalar *var, struct kept *out) {
    uint64_t least = var->umin, most = var->umax, other = (uint64_t)some_number(s);
    if (chance(s, 40)) { least = chance(s, 60) ? 0 : least - below(s, 4); }
    if (chance(s, 60)) { most = other >= most || chance(s, 5) ? other : most + below(s, 12); }
    if (chance(s, 5)) { most = UINT64_MAX; }
    out->parts = PART_UNSIGNED;
    out->numbers[UNSIGNED_AT] = least;
    out->numbers[UNSIGNED_AT + 1] = most - least;
}

static void say_all(const struct scalar *var, struct kept *out) {
    const uint64_t numbers[NUMBERS] = {var->value, var->value, var->mask, var->umin, var->umax - var->umin, as_read(var->smin), (uint64_t)var->smax - (uint64_t)var->smin,
                                       var->umin32, var->umax32 - var->umin32, as_read(var->smin32), (uint32_t)var->smax32 - (uint32_t)var->smin32};
    memcpy(out->numbers, numbers, sizeof(numbers));
}

/* A register that says as much as this one, or less, or something else. */
static void say_register(struct scene s, const struct reg *now, struct kept *out) {
    static const uint8_t ids[] = {ID_NONE, ID_NONE, ID_SAME, ID_SAME, ID_NEW};
    *out = (struct kept){.kind = now->kind, .map = now->map, .frame = now->frame, .off = as_read(now->off), .range = now->range};
    out->id = now->kind == REG_SCALAR ? ids[below(s, 5)] : ids[2 + below(s, 3)];
    say_all(&now->var, out);
    if (now->kind == REG_SCALAR ? chance(s, 75) : now->var.mask != 0 || chance(s, 30)) {
        say_range(s, &now->var, out);
    } else {
        out->parts = now->var.mask == 0 ? PART_CONST : (uint8_t)(1u << (1 + below(s, 5)) | (chance(s, 50) ? PART_UNSIGNED | PART_SIGNED : 0));
    }
    if (now->kind != REG_SCALAR && chance(s, 10)) { out->range = (uint64_t)some_number(s); }
    if (now->kind != REG_SCALAR && chance(s, 10)) { out->off = as_read(now->off + (int64_t)below(s, 17) - 8); }
    if (chance(s, 6)) { out->kind = (uint8_t)below(s, REG_OBJECT_OR_NULL + 1); }
    if (now->kind == REG_SCALAR && scalar_is_const(&now->var) && now->var.value == 0 && chance(s, 30)) { /* null */
        *out = (struct kept){.kind = REG_MAP_VALUE_OR_NULL, .map = (uint8_t)below(s, 3), .id = ID_NEW, .parts = PART_CONST};
    }
    if (now->kind == REG_MAP_VALUE && chance(s, 30)) { out->kind = REG_MAP_VALUE_OR_NULL; }
}

static void twist_register(struct scene s, struct kept *kept) {
    switch (below(s, 9)) {
    case 0: kept->kind = (uint8_t)below(s, REG_OBJECT_OR_NULL + 1); break;
    case 1: kept->id = (uint8_t)below(s, 3); break;
    case 2: kept->parts ^= (uint8_t)(1u << below(s, 6)); break;
    case 3: kept->off = as_read(limit_or_number(s)); break;
    case 4: kept->range = (uint64_t)limit_or_number(s); break;
    case 5: kept->map = (uint8_t)below(s, 4); break;
    case 6: kept->numbers[below(s, NUMBERS)] = (uint64_t)limit_or_number(s); break;
    default: kept->numbers[below(s, NUMBERS)] += (uint64_t)below(s, 9) - 4; break;
    }
}

/* ---- changes ---- */

static void say_slot(struct scene s, const struct slot *now, struct kept_slot *out) {
    *out = (struct kept_slot){.written = now->written, .zeros = now->zeros, .held = (uint8_t)(now->spill_at | now->spill_bytes << 3)};
    if (chance(s, 15)) { out->written &= (uint8_t)random_next(s.random); }
    if (chance(s, 25)) { out->zeros &= (uint8_t)random_next(s.random); }
    if (chance(s, 10)) { out->held = (uint8_t)random_next(s.random); }
    if (now->spill_bytes != 0) {
        say_register(s, &now->reg, &out->reg);
        if (out->reg.kind != REG_SCALAR || chance(s, 80)) { out->zeros = 0; }
    } else {
        out->held = chance(s, 90) ? 0 : out->held;
    }
}

static void with(struct said *said, uint64_t part, uint64_t *mask, uint64_t bits) {
    *mask = (said->parts & part) != 0 ? *mask ^ bits : bits;
    said->parts |= part;
}

static uint64_t set_registers(const struct machine *m) { return (m->number | m->pointer) & (uint64_t)ALL_REGS; }

static void twist_registers(struct scene s, struct said *said) {
    const struct machine *m = s.machine;
    uint64_t bit = a_bit_of(s, set_registers(m));
    if (bit == 0) { return; }
    uint32_t r = (uint32_t)__builtin_ctzll(bit);
    bool given = (said->parts & CHANGE_REGS) != 0 && (said->regs & bit) != 0;
    if (given && chance(s, 60)) { return twist_register(s, &said->given[r]); }
    if (given && chance(s, 40)) { return with(said, CHANGE_REGS, &said->regs, bit); }
    if (!given) { with(said, CHANGE_REGS, &said->regs, bit); }
    say_register(s, &m->frame->regs[r], &said->given[r]);
}

static void twist_slots(struct scene s, struct said *said) {
    const struct frame *frame = s.machine->frame;
    uint64_t bit = a_bit_of(s, frame->used);
    if (bit == 0) { return; }
    uint32_t i = (uint32_t)__builtin_ctzll(bit);
    bool given = (said->parts & CHANGE_SLOTS) != 0 && (said->slots & bit) != 0;
    if (given && chance(s, 50)) { return twist_register(s, &said->given_slots[i].reg); }
    if (given && chance(s, 40)) { return with(said, CHANGE_SLOTS, &said->slots, bit); }
    if (!given) { with(said, CHANGE_SLOTS, &said->slots, bit); }
    say_slot(s, &frame->slots[i], &said->given_slots[i]);
}

void take_ranks(const struct machine *m, struct said *said) {
    said->rank_count = 0;
    for (uint32_t i = 0; i < m->rank_count; i++) {
        const struct rank *rank = &m->ranks[i];
        if ((rank->regs | rank->slots) == 0) { continue; }
        struct kept_rank *out = &said->ranks[said->rank_count++];
        out->regs = rank->regs;
        out->slots = rank->slots;
        memcpy(out->by_reg, rank->by_reg, sizeof(out->by_reg));
        memcpy(out->by_slot, rank->by_slot, sizeof(out->by_slot));
    }
}

static void twist_distance(struct scene s, struct distance *d) {
    if (chance(s, 50)) { d->least = chance(s, 70) ? (int64_t)((uint64_t)d->least - below(s, 4)) : limit_or_number(s); }
    if (chance(s, 50)) { d->most = chance(s, 70) ? (int64_t)((uint64_t)d->most + below(s, 4)) : limit_or_number(s); }
}

static void twist_ranks(struct scene s, struct said *said) {
    bool had = (said->parts & CHANGE_RANKS) != 0;
    if (!had || chance(s, 30)) { take_ranks(s.machine, said); }
    said->parts |= CHANGE_RANKS;
    if (had && chance(s, 20)) {
        said->parts &= ~(uint64_t)CHANGE_RANKS;
        said->rank_count = 0;
    }
    if (said->rank_count == 0) { return; }
    struct kept_rank *rank = &said->ranks[below(s, said->rank_count)];
    switch (below(s, 5)) {
    case 0: rank->regs = rank->slots = 0; break;
    case 1: rank->regs &= random_next(s.random); break;
    case 2: rank->slots &= random_next(s.random); break;
    default:
        if (rank->regs != 0) { twist_distance(s, &rank->by_reg[__builtin_ctzll(a_bit_of(s, rank->regs))]); }
        if (rank->slots != 0) { twist_distance(s, &rank->by_slot[__builtin_ctzll(a_bit_of(s, rank->slots))]); }
        break;
    }
}

void twist_said(struct scene s, struct said *said) {
    const struct machine *m = s.machine;
    uint64_t bit;
    switch (below(s, 16)) {
    case 0: said->parts ^= CHANGE_NEW; break;
    case 1: /* less is said than was: a part is gone */
        bit = a_bit_of(s, said->parts & ~(uint64_t)CHANGE_RANKS);
        said->parts &= ~bit;
        break;
    case 2: with(said, CHANGE_UNSET, &said->unset, a_bit_of(s, set_registers(m))); break;
    case 3:
    case 4: with(said, CHANGE_LOOSE, &said->loose, a_bit_of(s, m->number)); break;
    case 5: with(said, CHANGE_WIDE, &said->wide, a_bit_of(s, ALL_REGS)); break;
    case 6: with(said, CHANGE_UNUSED, &said->unused, a_bit_of(s, m->frame->used)); break;
    case 7: with(said, CHANGE_PLAIN, &said->plain, a_bit_of(s, m->frame->used)); break;
    case 8:
    case 9:
    case 10: twist_registers(s, said); break;
    case 11:
    case 12: twist_slots(s, said); break;
    case 13: twist_ranks(s, said); break;
    case 14: with(said, CHANGE_LOOSE, &said->loose, m->number & random_next(s.random)); break;
    default: with(said, CHANGE_UNSET, &said->unset, random_next(s.random) & random_next(s.random) & ALL_REGS); break;
    }
}

/* ---- loops ---- */

uint64_t far_trip(struct scene s, uint64_t turns) {
    static const uint64_t ends[] = {(uint64_t)1 << 62, (uint64_t)1 << 63, 0 /* 2^64 */, (uint64_t)3 << 62};
    uint64_t end = ends[below(s, 4)] - (chance(s, 50) ? s.machine->state.walked : 0) + below(s, 32) - 24;
    if (turns == 0 || chance(s, 20)) { return end; }
    return end / turns + below(s, 3) - 1;
}

static uint32_t some_place(struct scene s) {
    const struct machine *m = s.machine;
    uint64_t slots = a_bit_of(s, m->frame->used & ~m->plain), regs = a_bit_of(s, chance(s, 70) ? m->number : set_registers(m));
    if (chance(s, 3)) { return below(s, PLACE_MORE); }
    if (slots != 0 && chance(s, 30)) { return PLACE_SLOT + (uint32_t)__builtin_ctzll(slots); }
    return regs == 0 ? 0 : (uint32_t)__builtin_ctzll(regs);
}

static uint64_t some_step(struct scene s) { return as_read(chance(s, 70) ? (int64_t)below(s, 9) - 4 : limit_or_number(s)); }

static void move_beside(struct scene s, struct said_loop *loop) {
    if (loop->moved_count == MOVED_MOST) { return; }
    int64_t by = chance(s, 80) ? (int64_t)below(s, 9) - 4 : limit_or_number(s), more = chance(s, 70) ? 0 : (int64_t)below(s, 5);
    loop->moved[loop->moved_count].place = (uint8_t)some_place(s);
    loop->moved[loop->moved_count].least = as_read(by);
    loop->moved[loop->moved_count++].most = as_read((int64_t)((uint64_t)by + (uint64_t)more));
}

void make_loop(struct scene s, struct said_loop *loop) {
    *loop = (struct said_loop){.place = (uint8_t)some_place(s), .step = some_step(s), .trip = below(s, 64)};
    if (chance(s, 20)) { move_beside(s, loop); }
}

static void twist_moved(struct scene s, struct said_loop *loop) {
    uint32_t i = loop->moved_count == 0 ? 0 : below(s, loop->moved_count);
    switch (loop->moved_count == 0 ? 0 : below(s, 5)) {
    case 0: move_beside(s, loop); break;
    case 1: loop->moved[i] = loop->moved[--loop->moved_count]; break;
    case 2: loop->moved[i].place = (uint8_t)some_place(s); break;
    case 3: loop->moved[i].least = some_step(s); break;
    default: loop->moved[i].most = some_step(s); break;
    }
}

void twist_loop(struct scene s, struct said_loop *loop) {
    switch (below(s, 8)) {
    case 0: loop->place = (uint8_t)some_place(s); break;
    case 1: loop->step = some_step(s); break;
    case 2: loop->step = as_read((int64_t)-(loop->step >> 1 ^ -(loop->step & 1))); break;
    case 3: loop->trip += (uint64_t)below(s, 5) - 2; break;
    case 4: loop->trip = (uint64_t)limit_or_number(s); break;
    case 5: loop->trip = far_trip(s, below(s, 12)); break;
    default: twist_moved(s, loop); break;
    }
}
