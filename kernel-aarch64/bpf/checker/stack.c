/* What is kept on the stack, for fast.c, where a slot is not plain: parts of slots, first stores, registers that are kept whole. */

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

static void keep_whole(struct machine *m, uint32_t index, const struct reg *from) {
    struct slot *slot = &m->frame->slots[index];
    uint64_t bit = (uint64_t)1 << index;
    m->frame->used |= bit;
    m->plain &= ~bit;
    slot->written = 255;
    slot->spill_at = 0;
    slot->spill_bytes = 8;
    reg_copy(&slot->reg, from);
    bool number = from->kind == REG_SCALAR;
    if (number) { reg_unlink(&slot->reg); }
    slot->zeros = number && (from->var.value | from->var.mask) == 0 ? 255 : 0;
}

static bool is_followed(const struct loop *l, uint32_t index) { return (l->m->followed_slots >> index & 1) != 0; }

static bool store(struct loop *l, uint32_t fields, uint32_t row, uint32_t index, uint32_t mask, bool tracked) {
    uint32_t src = fields >> 12 & 15;
    uint64_t from = l->masks >> src;
    bool constant = (row & KIND) == STORE_K, number = constant || (from & NUMBER) != 0;
    note_stack(l);
    if ((l->held_slots >> index & 1) != 0 || (constant && src != 0)) { return false; }
    if (number && !tracked) { return !is_followed(l, index) && store_part(l->m, index, mask); }
    if (constant || mask != 255 || (from & (number ? LOOSE : POINTER)) != (number ? 0 : POINTER)) { return false; }
    if (in_mask(l->m->followed, src) || is_followed(l, index)) {
        if (!is_alone(l)) { return false; }
        rank_store(l->m, index, src);
    }
    keep_whole(l->m, index, &l->regs[src]);
    return true;
}

/* A register that was kept whole. */
static bool load_kept(struct loop *l, uint32_t dst, uint32_t index, uint32_t mask, bool tracked) {
    const struct slot *slot = &l->m->frame->slots[index];
    const struct reg *kept = &slot->reg;
    if ((l->m->frame->used >> index & 1) == 0 || slot->spill_bytes != 8 || mask != 255) { return false; }
    bool pointer = reg_is_pointer(kept), follows = (pointer || tracked) && is_followed(l, index);
    if ((follows && !is_alone(l)) || dst >= FRAME_POINTER || (!is_free(l, dst) && !unfollow(l, dst))) { return false; }
    uint64_t now = pointer ? POINTER : scalar_fits_u32(&kept->var) ? NUMBER | NARROW : NUMBER;
    if (pointer || tracked) {
        reg_copy(&l->regs[dst], kept);
        if (!pointer) { reg_unlink(&l->regs[dst]); }
    } else {
        reg_set_head(&l->regs[dst], REG_SCALAR);
        now |= LOOSE;
    }
    l->masks = (l->masks & ~(EACH << dst)) | now << dst;
    if (follows) {
        rank_load(l->m, dst, index);
        follow(l);
    }
    return true;
}

[[gnu::noinline]] bool reach_stack(struct loop *l, uint32_t fields, uint32_t imm, uint32_t row, bool tracked) {
    bool stores = (row & STORES) != 0;
    uint32_t base = fields >> (stores ? 8 : 12) & 15, bytes = row >> BYTES_AT & 15;
    const struct reg *p = &l->regs[base];
    bool exact = (l->masks >> base & POINTER) != 0 && p->kind == REG_STACK && (p->var.mask | p->var.value) == 0;
    if (!exact || (imm != 0 && (row & KIND) != STORE_K)) { return false; }
    uint32_t at = (uint32_t)(p->off + ((int32_t)fields >> 16) + (int32_t)BPF_STACK_BYTES), index = at / 8, mask = ((1u << bytes) - 1) << at % 8;
    if (at >= BPF_STACK_BYTES || (at & (bytes - 1)) != 0) { return false; }
    if (!(stores ? store(l, fields, row, index, mask, tracked) : load_kept(l, fields >> 8 & 15, index, mask, tracked))) { return false; }
    if (at < l->lowest) { l->lowest = at; }
    return true;
}
