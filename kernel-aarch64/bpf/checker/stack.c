/* What is kept on the stack, for fast.c, where a slot is not plain: parts of slots, first stores, pointers that are kept whole. */

#include "bpf/checker/stack.h"

bool store_part(struct machine *m, uint32_t index, uint32_t mask) {
    struct slot *slot = &m->frame->slots[index];
    uint64_t bit = (uint64_t)1 << index;
    if ((m->frame->used & bit) == 0) {
        m->frame->used |= bit;
        slot->written = slot->zeros = 0;
    } else if (mask != 255 && slot->spill_bytes != 0) {
        return false;
    }
    slot->spill_bytes = 0;
    slot->written |= (uint8_t)mask;
    slot->zeros &= (uint8_t)~mask;
    if (slot->written == 255 && slot->zeros == 0) { m->plain |= bit; }
    return true;
}

static void store_pointer(struct machine *m, uint32_t index, const struct reg *from) {
    struct slot *slot = &m->frame->slots[index];
    uint64_t bit = (uint64_t)1 << index;
    m->frame->used |= bit;
    m->plain &= ~bit;
    slot->written = 255;
    slot->zeros = slot->spill_at = 0;
    slot->spill_bytes = 8;
    reg_copy(&slot->reg, from);
}

static bool store(struct loop *l, uint32_t fields, uint32_t row, uint32_t index, uint32_t mask) {
    uint32_t src = fields >> 12 & 15;
    uint64_t from = l->masks >> src;
    if ((l->held_slots >> index & 1) != 0) { return false; }
    if ((row & KIND) == STORE_K) { return src == 0 && store_part(l->m, index, mask); }
    if ((from & NUMBER) != 0) { return store_part(l->m, index, mask); }
    if ((from & POINTER) == 0 || mask != 255 || in_mask(l->m->followed, src)) { return false; }
    store_pointer(l->m, index, &l->regs[src]);
    return true;
}

static bool load(struct loop *l, uint32_t fields, uint32_t index, uint32_t mask) {
    uint32_t dst = fields >> 8 & 15;
    const struct slot *slot = &l->m->frame->slots[index];
    if ((l->m->frame->used >> index & 1) == 0 || !is_free(l, dst)) { return false; }
    bool pointer = slot->spill_bytes != 0;
    if (pointer) {
        if (slot->spill_bytes != 8 || mask != 255 || !reg_is_pointer(&slot->reg)) { return false; }
        reg_copy(&l->regs[dst], &slot->reg);
    } else {
        if ((mask & ~(uint32_t)slot->written) != 0 || (mask & slot->zeros) != 0) { return false; }
        reg_set_head(&l->regs[dst], REG_SCALAR);
    }
    uint64_t now = pointer ? POINTER : mask == 255 ? NUMBER | LOOSE : NUMBER | LOOSE | NARROW;
    l->masks = (l->masks & ~(EACH << dst)) | now << dst;
    return true;
}

bool reach_stack(struct loop *l, uint32_t fields, uint32_t imm, uint32_t row) {
    bool stores = (row & STORES) != 0;
    uint32_t base = fields >> (stores ? 8 : 12) & 15, bytes = row >> BYTES_AT & 15;
    const struct reg *p = &l->regs[base];
    bool exact = (l->masks >> base & POINTER) != 0 && p->kind == REG_STACK && (p->var.mask | p->var.value) == 0;
    if (!exact || (imm != 0 && (row & KIND) != STORE_K)) { return false; }
    uint32_t at = (uint32_t)(p->off + ((int32_t)fields >> 16) + (int32_t)BPF_STACK_BYTES), index = at / 8, mask = ((1u << bytes) - 1) << at % 8;
    if (at >= BPF_STACK_BYTES || (at & (bytes - 1)) != 0 || (l->m->followed_slots >> index & 1) != 0) { return false; }
    if (!(stores ? store(l, fields, row, index, mask) : load(l, fields, index, mask))) { return false; }
    if (at < l->lowest) { l->lowest = at; }
    return true;
}
