/* Draws states, states that differ little from them, and runs. */

#include "waiting.h"

struct random chance;

static void draw_scalar(struct scalar *s, bool small) {
    do {
        scalar_set_unknown(s);
        uint32_t parts = below(32), low = below(6);
        if (small || one_in(2)) { scalar_set_range(s, low, low + below(5)); }
        if ((parts & 3) == 1) {
            s->mask = s->mask & ~(uint64_t)below(8);
            s->value &= s->mask | below(8);
            s->value &= ~s->mask;
        }
        if ((parts & 4) != 0) { scalar_set_const(s, small || one_in(2) ? below(6) : random_next(&chance)); }
        if (!small && parts == 8) { scalar_set_range(s, 0, UINT32_MAX); }
        if (!small && parts == 16) {
            s->smin = -(int64_t)below(5);
            s->smax = (int64_t)below(5);
        }
        if (!small && parts == 24) { scalar_set_range(s, UINT64_MAX - below(4), UINT64_MAX); }
    } while (!scalar_sync(s));
}

/* No two kinds share one: each is new when it is given. */
static uint32_t draw_id(uint8_t kind) {
    uint32_t id = below(3);
    if (kind == REG_MAP_VALUE && one_in(8)) { return fixed_ids + below(2); }
    return id == 0 ? 0 : id + 4 * kind_not_null(kind);
}


static void draw_reg(struct reg *r, bool kept) {
    static const uint8_t kinds[] = {REG_UNINIT, REG_SCALAR, REG_SCALAR, REG_SCALAR, REG_CONTEXT, REG_STACK, REG_MAP_VALUE, REG_MAP_VALUE, REG_MAP_VALUE_OR_NULL,
                                    REG_MAP_VALUE_OR_NULL, REG_PACKET, REG_PACKET, REG_PACKET_END, REG_MEMORY};
    reg_set_kind(r, kinds[kept ? 1 + below(sizeof(kinds) - 1) : below(sizeof(kinds))]);
    draw_scalar(&r->var, r->kind != REG_SCALAR);
    r->id = r->kind == REG_PACKET_END || r->kind == REG_CONTEXT ? 0 : draw_id(r->kind);
    if (r->kind != REG_SCALAR || r->id != 0) { r->off = (int32_t)below(4); }
    if (kind_not_null(r->kind) == REG_MAP_VALUE) { r->map = (uint8_t)below(MAPS); }
    if (r->kind == REG_MAP_VALUE_OR_NULL || (r->kind == REG_MAP_VALUE && one_in(2))) { /* where a lookup leads */
        r->off = 0;
        scalar_set_const(&r->var, 0);
    }
    if (r->kind == REG_PACKET) {
        r->range = below(12);
        r->frame = one_in(4) ? (uint8_t)below(3) : PAST_UNKNOWN;
    }
    if (r->kind == REG_PACKET && r->id == 0) { scalar_set_const(&r->var, 0); }
    if (r->kind == REG_MEMORY) { r->range = 8 + below(3); }
}

static void draw_slot(struct frame *frame, uint32_t index) {
    struct slot *slot = &frame->slots[index];
    *slot = (struct slot){.written = one_in(3) ? (uint8_t)below(256) : 255};
    if (one_in(4)) { return; }
    frame->used |= (uint64_t)1 << index;
    if (one_in(2)) {
        draw_reg(&slot->reg, true);
        bool whole = reg_is_pointer(&slot->reg) || one_in(2);
        slot->spill_bytes = whole ? 8 : (uint8_t)(1u << below(3));
        slot->spill_at = whole ? 0 : (uint8_t)(below(8 / slot->spill_bytes) * slot->spill_bytes);
        slot->written = 255;
    }
    if (slot->spill_bytes == 0 || !reg_is_pointer(&slot->reg)) { slot->zeros = one_in(2) ? 0 : (uint8_t)(below(256) & slot->written); }
    if (slot->written == 0) { frame->used &= ~((uint64_t)1 << index); }
}

static bool may_follow(const struct tried *t, uint32_t place) {
    const struct reg *r = reg_in(t, place);
    return r != nullptr && r->kind != REG_UNINIT && (place < TRIED_REGS || t->frame.slots[FIRST_SLOT + place - TRIED_REGS].spill_bytes == 8);
}

struct distance draw_distance(void) {
    int64_t least = (int64_t)below(8) - 4;
    return (struct distance){least, least + (int64_t)below(6)};
}

static void draw_ranks(struct tried *t) {
    t->rank_count = below(TRIED_RANKS + 1);
    for (uint32_t i = 0; i < t->rank_count; i++) {
        struct rank *rank = &t->ranks[i];
        *rank = (struct rank){.head = (uint16_t)(FIRST_HEAD + i), .index = (uint8_t)(i & 1)};
        for (uint32_t place = 0; place < TRIED; place++) {
            if (!may_follow(t, place) || !one_in(3)) { continue; }
            if (place < TRIED_REGS) {
                rank->regs |= (uint16_t)(1u << place);
                rank->by_reg[place] = draw_distance();
            } else {
                rank->slots |= (uint64_t)1 << (FIRST_SLOT + place - TRIED_REGS);
                rank->by_slot[FIRST_SLOT + place - TRIED_REGS] = draw_distance();
            }
        }
    }
}

void draw_state(struct tried *t) {
    t->frame.used = 0;
    t->frame.call = 0;
    for (uint32_t r = 0; r < TRIED_REGS; r++) { draw_reg(&t->frame.regs[r], false); }
    for (uint32_t i = 0; i < TRIED_SLOTS; i++) { draw_slot(&t->frame, FIRST_SLOT + i); }
    draw_ranks(t);
}

static bool is_zero(const struct reg *r) { return r->kind == REG_SCALAR && (r->var.value | r->var.mask) == 0; }

static void change_reg(struct reg *r) {
    struct scalar other, by;
    switch (below(12)) {
    case 0: draw_reg(r, true); break;
    case 1: r->kind = REG_UNINIT; break;
    case 2:
    case 3:
        draw_scalar(&other, r->kind != REG_SCALAR);
        scalar_join(&r->var, &other);
        break;
    case 4: r->id = draw_id(r->kind); break;
    case 5: r->range -= r->range != 0; break;
    case 6: r->range++; break;
    case 7:
        if (r->kind != REG_MAP_VALUE && !is_zero(r)) { break; }
        *r = (struct reg){.kind = REG_MAP_VALUE_OR_NULL, .map = r->kind == REG_SCALAR ? (uint8_t)below(MAPS) : r->map, .off = r->off, .id = draw_id(REG_MAP_VALUE_OR_NULL), .var = r->var};
        if (one_in(2)) {
            r->off = 0;
            scalar_set_const(&r->var, 0);
        }
        break;
    case 8:
    case 9: /* the same, with another constant part */
        scalar_set_const(&by, (uint64_t)r->off);
        r->off = (int32_t)below(4);
        scalar_alu64(BPF_ALU_ADD, false, &r->var, &by);
        scalar_set_const(&by, -(uint64_t)r->off);
        scalar_alu64(BPF_ALU_ADD, false, &r->var, &by);
        break;
    case 10: r->off = (int32_t)below(4); break;
    default: r->frame = r->kind == REG_PACKET ? PAST_UNKNOWN : 0; break;
    }
    if (r->kind == REG_SCALAR && r->id == 0) { r->off = 0; }
    if (r->kind == REG_PACKET && r->id == 0) { scalar_set_const(&r->var, 0); }
}

void change_state(struct tried *t) {
    for (uint32_t r = 0; r < TRIED_REGS; r++) {
        if (one_in(3)) { change_reg(&t->frame.regs[r]); }
    }
    for (uint32_t i = FIRST_SLOT; i < STACK_SLOTS; i++) {
        struct slot *slot = &t->frame.slots[i];
        switch (below(8)) {
        case 0: t->frame.used &= ~((uint64_t)1 << i); break;
        case 1: slot->zeros &= (uint8_t)below(256); break;
        case 2:
            if (slot->spill_bytes != 0) { change_reg(&slot->reg); }
            break;
        case 3: draw_slot(&t->frame, i); break;
        default: break;
        }
        if (slot->spill_bytes != 0 && slot->reg.kind == REG_UNINIT) { slot->spill_bytes = 0; }
        if (slot->spill_bytes != 0 && reg_is_pointer(&slot->reg)) { *slot = (struct slot){.reg = slot->reg, .written = 255, .spill_bytes = 8}; }
    }
    if (one_in(3)) { draw_ranks(t); }
    for (uint32_t i = 0; i < t->rank_count; i++) {
        for (uint32_t place = 0; place < TRIED_REGS; place++) {
            if (one_in(3)) { t->ranks[i].by_reg[place].most += 1; }
            if (!may_follow(t, place)) { t->ranks[i].regs &= (uint16_t)~(1u << place); }
        }
        for (uint32_t place = TRIED_REGS; place < TRIED; place++) {
            if (!may_follow(t, place)) { t->ranks[i].slots &= ~((uint64_t)1 << (FIRST_SLOT + place - TRIED_REGS)); }
        }
    }
}

uint64_t draw_from(const struct scalar *s) {
    uint64_t x = s->value | (random_next(&chance) & s->mask), near = s->umin + below(6);
    switch (below(5)) {
    case 0: return s->umin;
    case 1: return s->umax;
    case 2: return (uint64_t)s->smin + below(6);
    case 3: return scalar_contains(s, near) ? near : x;
    default: return x;
    }
}

static struct value draw_value(const struct reg *r) {
    struct value v = {.kind = REG_SCALAR, .number = draw_from(&r->var)};
    if (r->kind == REG_UNINIT) { v.number = one_in(2) ? below(6) : random_next(&chance); }
    if (r->kind <= REG_SCALAR) { return v; }
    if (kind_may_be_null(r->kind) && one_in(2)) { return (struct value){.kind = REG_SCALAR}; }
    return (struct value){kind_not_null(r->kind), r->map, r->id >= fixed_ids ? 0 : (uint8_t)below(ENTRIES), v.number + (uint64_t)(int64_t)r->off};
}

/* As another register with its id says. */
static void draw_linked(const struct tried *t, struct run *run, uint32_t place, const struct reg *r) {
    for (uint32_t o = 0; o < place; o++) {
        const struct reg *other = reg_in(t, o);
        if (other == nullptr || other->id != r->id || kind_not_null(other->kind) != kind_not_null(r->kind)) { continue; }
        struct value v = value_in(t, run, o);
        if (value_is_null(&v) && kind_may_be_null(r->kind)) { run->at[place] = (struct value){.kind = REG_SCALAR}; }
        if (v.kind != kind_not_null(r->kind)) { continue; }
        run->at[place].entry = v.entry;
        if (v.kind != REG_MAP_VALUE) { run->at[place].number = part_of(other, &v) + (uint64_t)(int64_t)r->off; }
    }
}

/* As one of the places that follow it says. */
static void draw_head(const struct rank *rank, struct run *run) {
    uint64_t places = (rank->regs & ((1u << TRIED_REGS) - 1)) | rank->slots >> FIRST_SLOT << TRIED_REGS;
    if (places == 0) { return; }
    uint32_t place = (uint32_t)__builtin_ctzll(places);
    const struct distance *d = place < TRIED_REGS ? &rank->by_reg[place] : &rank->by_slot[FIRST_SLOT + place - TRIED_REGS];
    run->heads[rank->head - FIRST_HEAD] = run->at[place].number - (uint64_t)(d->least + (int64_t)below((uint32_t)(d->most - d->least + 1)));
}

void draw_run(const struct tried *t, struct run *run) {
    run->packet_bytes = below(20);
    run->memory_bytes = 8 + below(4);
    for (uint32_t i = 0; i < TRIED; i++) {
        const struct reg *r = reg_in(t, i);
        run->at[i] = (struct value){.kind = REG_SCALAR, .number = one_in(2) ? 0 : random_next(&chance)};
        if (r != nullptr) {
            run->at[i] = draw_value(r);
            if (r->id != 0 || r->kind > REG_SCALAR) { draw_linked(t, run, i, r); }
        }
        if (i < TRIED_REGS || run->at[i].kind != REG_SCALAR) { continue; }
        const struct slot *slot = &t->frame.slots[FIRST_SLOT + i - TRIED_REGS];
        if (r != nullptr) { run->at[i].number = (run->at[i].number << 8 * slot->spill_at) | (slot->spill_bytes < 8 && one_in(2) ? random_next(&chance) << 8 * (slot->spill_at + slot->spill_bytes) % 64 : 0); }
        for (uint32_t b = 0; b < 8 && (t->frame.used >> (FIRST_SLOT + i - TRIED_REGS) & 1) != 0; b++) {
            if ((slot->zeros >> b & 1) != 0) { run->at[i].number &= ~((uint64_t)255 << 8 * b); }
        }
    }
    for (uint32_t i = 0; i < t->rank_count; i++) { draw_head(&t->ranks[i], run); }
}
