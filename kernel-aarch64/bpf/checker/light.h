#pragma once
/* States that wait lightly, for fast.c. Most conditions jump forward over a few instructions, and say nothing that need be
 * known: then the state that jumps is the one that goes on, and where they meet only the masks differ. So only its masks are
 * kept, and what it knows of registers and slots stays where the machine has it, for as long as nothing writes there (`held`). */

#include "bpf/checker/format.h"
#include "bpf/checker/pass.h"

enum : uint32_t { no_registers = 0xffffu & ~(uint32_t)ALL_REGS };

/* What the loop needs at hand. `masks` are the machine's while the loop goes, but for followed registers: those are no simple
 * numbers. */
struct loop {
    struct machine *m;
    struct checker *c;
    struct reg *regs;
    uint64_t masks;
    uint32_t held; /* not written here unless it is loose: followed, or what some state that waits lightly knows; no registers */
};

/* Bits of the masks of a register, once they are shifted down to it. */
enum : uint64_t {
    NUMBER = 1ull << NUMBER_AT,
    LOOSE = 1ull << LOOSE_AT,
    NARROW = 1ull << NARROW_AT,
    POINTER = 1ull << POINTER_AT,
};

static inline bool is_free(const struct loop *l, uint32_t dst) { return (l->held >> dst & 1) == 0; }

/* What the masks know: registers whose values are kept. */
static inline uint32_t known_in(uint64_t masks) {
    return (uint32_t)(masks >> NUMBER_AT | masks >> POINTER_AT) & ~(uint32_t)(masks >> LOOSE_AT) & ALL_REGS;
}

/* The state jumps to `target`, as it is but for its masks, or does not when it can't wait there like that. */
static inline bool wait_lightly(struct loop *l, uint64_t pc, uint64_t target, uint64_t masks) {
    struct checker *c = l->c;
    struct machine *m = l->m;
    struct verifier *v = m->v;
    if (target <= pc || target >= v->program->count || v->facts->flags[target] != 0 || c->light_count == LIGHTS || m->rank_count != 0) { return false; }
    c->light[c->light_count++] = (struct light){masks, m->frame->used, m->plain, m->state.walked + (pc + 1 - m->state.pc), c->held_slots, (uint32_t)target, c->held};
    c->held |= known_in(masks);
    c->held_slots |= m->frame->used & ~m->plain;
    l->held |= c->held;
    v->facts->flags[target] = FACT_JUMP_TARGET;
    if (++v->states > v->result->states) { v->result->states = v->states; }
    return true;
}

/* The state comes to where the last one of those waits, and goes on as that one, which covers it; false when it is not so simple. */
static inline bool meet_lightly(struct loop *l) {
    struct checker *c = l->c;
    struct machine *m = l->m;
    const struct light *light = &c->light[c->light_count - 1];
    uint64_t now = l->masks, then = light->masks;
    uint32_t set_now = (uint32_t)(now >> NUMBER_AT | now >> POINTER_AT), set = (uint32_t)(then >> NUMBER_AT | then >> POINTER_AT);
    uint32_t loose = (uint16_t)(then >> LOOSE_AT), written = ((set_now & ~set) | (loose & ~(uint32_t)(now >> LOOSE_AT))) & ALL_REGS;
    bool less = ((loose & ~(uint32_t)now) | ((uint16_t)(then >> NARROW_AT) & loose & ~(uint32_t)(now >> NARROW_AT))) != 0;
    if (less || (written & light->held) != 0 || ((light->used & ~m->frame->used) | (light->plain & ~m->plain)) != 0) { return false; }
    for (uint32_t regs = written; regs != 0; regs &= regs - 1) {
        uint32_t r = (uint32_t)__builtin_ctz(regs);
        reg_set_kind(&l->regs[r], in_mask(loose, r) ? REG_SCALAR : REG_UNINIT);
    }
    l->masks = then;
    m->frame->used = light->used;
    m->plain = light->plain;
    c->held = light->held;
    c->held_slots = light->held_slots;
    l->held = no_registers | c->held | m->followed;
    c->light_count--;
    m->v->states--;
    return true;
}

/* What a change says of the state that jumps, when all it says is that registers are loose. */
static bool loosened(struct checker *c, uint64_t numbers, uint64_t *loose) {
    const struct reader before = c->in;
    if (read_number(&c->in) == CHANGE_LOOSE) {
        *loose = read_number(&c->in);
        if ((*loose & ~numbers) == 0 && !c->in.bad) { return true; }
    }
    c->in = before;
    return false;
}
