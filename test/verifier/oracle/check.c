#include "check.h"

static uint64_t map_value_base(const struct places *w, const struct reg *r, uint64_t addr) {
    (void)w;
    return addr - (uint64_t)(int64_t)r->off;
}

/* The variable part of a pointer with this address, from the base of its object. */
static bool pointer_admits(const struct places *w, const struct reg *r, uint64_t addr) {
    uint64_t base = 0;
    switch (r->kind) {
    case REG_CONTEXT: base = w->context; break;
    case REG_MEMORY: base = w->memory; break;
    case REG_PACKET: base = w->packet; break;
    case REG_STACK: base = w->stack_top - (uint64_t)r->frame * BPF_STACK_BYTES; break;
    case REG_FUNCTION: return true; /* wherever it lies: run.c */
    case REG_PACKET_END: return addr == w->packet_end;
    case REG_MAP: return addr == w->map[r->map];
    case REG_MAP_VALUE_OR_NULL:
        if (addr == 0) { return true; }
        [[fallthrough]];
    case REG_MAP_VALUE:
        for (uint32_t i = 0; i < w->entries[r->map]; i++) { /* some entry makes it fit */
            uint64_t value = w->map_values[r->map] + i * w->value_stride[r->map];
            if (scalar_contains(&r->var, map_value_base(w, r, addr) - value)) { return true; }
        }
        return false;
    default: return false;
    }
    uint64_t variable = addr - base - (uint64_t)(int64_t)r->off;
    if (r->kind == REG_PACKET && r->range != 0 && w->packet + variable + r->range > w->packet_end) { return false; }
    return scalar_contains(&r->var, variable);
}

static bool reg_admits(const struct places *w, const struct reg *r, uint64_t value) {
    if (r->kind == REG_UNINIT) { return true; }
    return r->kind == REG_SCALAR ? scalar_contains(&r->var, value) : pointer_admits(w, r, value);
}

/* Registers with one id: the same number or distance from the packet, but for the constant part; the same map value. */
static bool ids_admit(const struct reg *a, uint64_t x, const struct reg *b, uint64_t y) {
    if (a->id == 0 || a->id != b->id || a->kind != b->kind) { return true; }
    if (a->kind == REG_SCALAR || a->kind == REG_PACKET) { return x - (uint64_t)(int64_t)a->off == y - (uint64_t)(int64_t)b->off; }
    if (a->kind == REG_MAP_VALUE_OR_NULL) { return (x == 0) == (y == 0); }
    return true;
}

static uint64_t bytes_at(uint64_t addr, uint32_t count) {
    uint64_t value = 0;
    for (uint32_t b = 0; b < count; b++) { value |= (uint64_t)((const uint8_t *)(uintptr_t)addr)[b] << (8 * b); }
    return value;
}

/* What is kept whole here, the ids that it shares with registers, and zeros. */
static bool slot_admits(const struct frame *frame, const struct slot *slot, const struct places *w, uint64_t addr, const uint64_t *regs) {
    for (uint32_t b = 0; slot->zeros >> b != 0; b++) {
        if ((slot->zeros >> b & 1) != 0 && bytes_at(addr + b, 1) != 0) { return false; }
    }
    if (slot->spill_bytes == 0) { return true; }
    uint64_t value = bytes_at(addr + slot->spill_at, slot->spill_bytes);
    if (!reg_admits(w, &slot->reg, value)) { return false; }
    for (uint32_t r = 0; regs != nullptr && slot->reg.id != 0 && r < FRAME_POINTER; r++) {
        if (!ids_admit(&frame->regs[r], regs[r], &slot->reg, value)) { return false; }
    }
    return true;
}

static bool stack_admits(const struct frame *frame, const struct places *w, uint64_t top, const uint64_t *regs) {
    for (uint64_t used = frame->used; used != 0; used &= used - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(used);
        if (!slot_admits(frame, &frame->slots[i], w, top - BPF_STACK_BYTES + 8 * i, regs)) { return false; }
    }
    return true;
}

bool state_admits(const struct state *state, const struct places *places, const uint64_t regs[11], const char **reason) {
    static const char *const names[11] = {"r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10"};
    const struct frame *frame = &state->frames[state->depth];
    for (uint32_t r = 0; r < 11; r++) {
        *reason = names[r];
        if (!reg_admits(places, &frame->regs[r], regs[r])) { return false; }
        for (uint32_t o = 0; o < r && frame->regs[r].id != 0; o++) {
            if (!ids_admit(&frame->regs[r], regs[r], &frame->regs[o], regs[o])) { return false; }
        }
    }
    *reason = "stack";
    for (uint32_t f = 0; f <= state->depth; f++) {
        uint64_t top = places->stack_top - (uint64_t)f * BPF_STACK_BYTES;
        if (!stack_admits(&state->frames[f], places, top, f == state->depth ? regs : nullptr)) { return false; }
    }
    return true;
}
