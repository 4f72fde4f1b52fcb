/* When one register says less than another. */

#include "bpf/checker/entry.h"

bool ids_pair(struct ids *ids, uint32_t from, uint32_t to) {
    if (from == 0) { return true; }
    if (from >= fixed_ids) { return from == to; }
    for (uint32_t i = 0; i < ids->count; i++) {
        if (ids->from[i] == from) { return ids->to[i] == to && to != 0; }
    }
    if (ids->count == sizeof(ids->from) / sizeof(ids->from[0])) { return false; }
    ids->from[ids->count] = from;
    ids->to[ids->count++] = to;
    return true;
}

/* The same where a constant comes: numbers that are linked differ by their `off` then, too. */
static bool ids_fix(struct ids *ids, uint32_t from, uint64_t base) {
    uint32_t before = ids->count;
    if (!ids_pair(ids, from, ID_CONST)) { return false; }
    if (ids->count != before) { ids->base[before] = base; }
    for (uint32_t i = 0; i < ids->count; i++) {
        if (ids->from[i] == from) { return ids->base[i] == base; }
    }
    return false;
}

static bool is_null(const struct reg *r) { return r->kind == REG_SCALAR && scalar_is_const(&r->var) && r->var.value == 0; }

static bool at_base(const struct reg *r) { return r->off == 0 && scalar_is_const(&r->var) && r->var.value == 0; }

/* A pointer to a value, or null, where either may come. */
static bool covers_nullable(const struct reg *kept, const struct reg *now, struct ids *ids) {
    if (kept->kind != REG_MAP_VALUE_OR_NULL || kept->id == 0 || !at_base(kept)) { return false; }
    bool fits = is_null(now) || (now->kind == REG_MAP_VALUE && now->map == kept->map && now->frame == kept->frame && at_base(now));
    return fits && ids_pair(ids, kept->id, now->id);
}

static bool is_packet(const struct reg *r) { return r->kind == REG_PACKET || r->kind == REG_PACKET_META; }

/* The same address as seen from `kept`'s constant part. */
static bool covers_moved(const struct reg *kept, const struct reg *now, struct ids *ids) {
    if (kept->kind == REG_CONTEXT || kind_may_be_null(kept->kind)) { return false; }
    int64_t by = (int64_t)now->off - kept->off;
    struct scalar var = now->var, moved;
    scalar_set_const(&moved, (uint64_t)by);
    scalar_alu64(BPF_ALU_ADD, false, &var, &moved);
    bool packet = is_packet(kept);
    if (packet && kept->id == 0) { return false; }
    uint32_t range = now->range;
    if (packet) { range = by >= 0 && (int64_t)now->range > by ? (uint32_t)(now->range - by) : 0; }
    if (kept->range > range || !scalar_covers(&kept->var, &var)) { return false; }
    /* What is the same in packet pointers with one id is their variable part, which is another one now. */
    return ids_pair(ids, kept->id, packet ? 0 : now->id);
}

/* No id is an id as well for pointers: those without one have the same base, move together, or are null together. */
static bool keeps_no_id(const struct reg *kept, const struct reg *now) { return kept->kind == REG_SCALAR || kept->id != 0 || now->id == 0; }

/* Numbers with one id differ by their `off`. */
static bool covers_number(const struct reg *kept, const struct reg *now, struct ids *ids) {
    if (origin_is_readable(kept->map) && now->map != kept->map) { return false; }
    if ((kept->var.mask | now->var.mask) == 0 && kept->id == 0) { return kept->var.value == now->var.value; }
    if (!scalar_covers(&kept->var, &now->var)) { return false; }
    if (now->var.mask == 0 && kept->id != 0) { return ids_fix(ids, kept->id, now->var.value - (uint64_t)(int64_t)kept->off); }
    return kept->id == 0 || (kept->off == now->off && ids_pair(ids, kept->id, now->id));
}

bool reg_covers(const struct reg *kept, const struct reg *now, struct ids *ids) {
    if (kept->kind == REG_UNINIT) { return true; }
    if (!keeps_no_id(kept, now)) { return false; }
    if (kept->kind != now->kind) { return covers_nullable(kept, now, ids); }
    if (kept->kind == REG_SCALAR) { return covers_number(kept, now, ids); }
    bool same_frame = kept->frame == now->frame || (is_packet(kept) && kept->frame == PAST_UNKNOWN);
    if (kept->map != now->map || !same_frame) { return false; }
    if (kept->off != now->off) { return covers_moved(kept, now, ids); }
    return kept->range <= now->range && scalar_covers(&kept->var, &now->var) && ids_pair(ids, kept->id, now->id);
}

bool slot_covers(const struct slot *kept, const struct slot *now, struct ids *ids) {
    if ((kept->written & ~now->written) != 0 || (kept->zeros & ~now->zeros) != 0) { return false; }
    if (kept->spill_bytes != 0) {
        return now->spill_bytes == kept->spill_bytes && now->spill_at == kept->spill_at && reg_covers(&kept->reg, &now->reg, ids);
    }
    return now->spill_bytes == 0 || !reg_is_pointer(&now->reg); /* bytes of numbers cover a kept number, never a pointer */
}
