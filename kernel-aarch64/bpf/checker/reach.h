#pragma once
/* Loads, stores and pointers, as the loop of fast.c steps them. */

#include "bpf/checker/light.h"
#include "bpf/checker/rows.h"

/* ---- loads and stores ---- */

/* What the compiler shall keep in a register. */
static inline uint64_t keep_at_hand(uint64_t x) {
    __asm__("" : "+r"(x));
    return x;
}

enum : uint32_t { NOTHING = 31 }; /* no register: it is a load */

/* Bytes of numbers that are written, none of them known to be 0, in a slot that keeps no register. */
static inline bool holds_numbers(const struct slot *slot, uint64_t at, uint64_t bytes) {
    uint32_t is, mask = ((1u << bytes) - 1) << at % 8;
    __builtin_memcpy(&is, &slot->written, sizeof(is));
    return ((is & 0xff0000) | (~is & mask) | (is & mask << 24)) == 0;
}
static_assert(offsetof(struct slot, spill_bytes) == offsetof(struct slot, written) + 2 && offsetof(struct slot, zeros) == offsetof(struct slot, written) + 3);

/* What lies inside a slot of the stack and leaves it as it is: one that is plain, or is to be one of `parts` that are numbers. */
[[gnu::always_inline]] static inline bool stack_access(struct loop *l, int64_t off, uint64_t bytes, bool parts) {
    const struct machine *m = l->m;
    uint64_t at = (uint64_t)(off + BPF_STACK_BYTES);
    if (at >= BPF_STACK_BYTES || (at & (bytes - 1)) != 0) { return false; }
    if (((m->plain & ~m->followed_slots) >> at / 8 & 1) == 0) {
        if (!parts || ((m->frame->used & ~m->followed_slots) >> at / 8 & 1) == 0 || !holds_numbers(&m->frame->slots[at / 8], at, bytes)) { return false; }
    }
    if (at < l->lowest) { l->lowest = at; }
    return true;
}

/* `base` is a pointer. A range is proven of what lies behind base and number of a packet pointer, of others behind the base. */
[[gnu::always_inline]] static inline bool access(struct loop *l, uint32_t fields, uint64_t bytes, uint64_t base, uint32_t stored) {
    const struct reg *p = &l->regs[base];
    const bool writes = stored != NOTHING;
    int64_t off = (int32_t)fields >> 16;
    if (base == FRAME_POINTER) { return stack_access(l, off, bytes, true); }
    off += p->off;
    int64_t first = off + p->var.smin, end = off + (int64_t)bytes + p->var.smax;
    uint64_t kind = p->kind;
    if (kind == REG_MEMORY) { return first >= 0 && end <= (int64_t)(uint64_t)p->range; }
    switch (keep_at_hand(kind)) { /* the commonest is asked for before all others */
    case REG_STACK: return (p->var.mask | p->var.value) == 0 && stack_access(l, off, bytes, false);
    case REG_PACKET: return first >= 0 && end <= PACKET_REACH_BYTES /* else FACT_ADDRESS is noted elsewhere */ && off + (int64_t)bytes <= (int64_t)(uint64_t)p->range && (!writes || (l->m->v->type->flags & TYPE_PACKET_WRITE) != 0);
    case REG_MAP_VALUE: {
        const struct bpf_map_shape *map = &l->maps[p->map];
        return first >= 0 && end <= (int64_t)(uint64_t)map->value_size && (!writes || (map->flags & MAP_FLAG_READ_ONLY) == 0);
    }
    default: return false;
    }
}

/* ---- pointers ---- */

/* A constant added to a pointer. */
static inline bool move_pointer(struct loop *l, uint64_t to, uint64_t dst, int64_t by) {
    return (to & POINTER) != 0 && is_free(l, dst) && move_by(&l->regs[dst], by);
}

/* A number of a known range and a pointer to a known place, added: the number is all that is not known of the place then. */
static inline bool index_pointer(struct loop *l, uint64_t pc, uint64_t to, uint64_t from, uint64_t dst, uint64_t src) {
    const uint32_t kinds = movable & ~(1u << REG_PACKET | 1u << REG_PACKET_META);
    struct reg *r = &l->regs[dst], *p = &l->regs[src], *n = r; /* pointer and number */
    if ((to & POINTER) != 0) {
        p = r;
        n = &l->regs[src];
        to = from;
    } else if ((from & POINTER) == 0) {
        return false;
    }
    if ((to & (NUMBER | LOOSE)) != NUMBER || !is_free(l, dst)) { return false; }
    if (n->var.mask == 0 || (p->var.mask | p->var.value) != 0 || (kinds >> p->kind & 1) == 0) { return false; }
    if (n->var.umax >= OFFSET_LIMIT) { return false; } /* below 0, too */
    if (((n->var.umax ^ n->var.value) & ~n->var.mask) != 0) { return false; } /* the sum ends below */
    note_first_index(l->facts, (uint32_t)pc, p, &n->var, n == r);
    if (n == r) {
        __builtin_memcpy_inline(r, p, offsetof(struct reg, var));
    } else {
        scalar_copy(&r->var, &n->var);
    }
    return true;
}

/* What an instruction of a pointer and a register makes is a pointer from now on; false when it is not simple. */
static inline bool point(struct loop *l, uint32_t fields, uint64_t from) {
    uint64_t dst = fields >> 8 & 15, src = fields >> 12 & 15;
    bool copies = (from & POINTER) != 0 && (uint8_t)fields == (BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_X);
    if (!copies || !is_free(l, dst) || (l->m->followed >> src & 1) != 0) { return false; }
    reg_copy(&l->regs[dst], &l->regs[src]);
    return true;
}
