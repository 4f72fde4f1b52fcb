#pragma once
/* States that wait lightly, for fast.c. Most conditions jump forward over a few instructions, and say nothing that need be
 * known: then the state that jumps is the one that goes on, and where they meet only the masks differ. So only its masks are
 * kept, and what it knows of registers and slots stays where the machine has it, for as long as nothing writes there (`held`);
 * a register that is written all the same goes on a shelf before. */

#include "bpf/checker/fast.h"
#include "bpf/checker/format.h"
#include "bpf/checker/pass.h"
#include <stddef.h>

enum : uint32_t { no_registers = 0xffffu & ~(uint32_t)ALL_REGS };

/* What the parts of the loop share. */
struct loop {
    struct machine *m;
    struct checker *c;
    const struct bpf_insn *insns;
    struct reg *regs;
    struct bpf_facts *facts;
    uint8_t *flags;
    uint64_t masks; /* the machine's, but for followed registers of which nothing is known; in a register while the loop goes */
    uint64_t count;       /* slots of the program */
    uint64_t start, end;  /* slots: where the loop began, and where it ends at the latest */
    uint64_t stop;        /* next slot before which something is to be done */
    uint64_t passed;      /* slot before which nothing is to be done any more, or NO_SLOT */
    uint64_t changed;     /* slot of the jump whose state differs from the one that goes on, or NO_SLOT */
    uint64_t tracked;     /* slot of the last instruction whose result matters, or NO_SLOT */
    uint64_t linked;      /* the same, and with EVENT_LINK */
    const struct bpf_map_shape *maps;
    uint64_t lowest;      /* byte of the stack that was reached */
    uint64_t walked;      /* most instructions that a run has executed when it comes to a slot, less the slot */
    struct light *free, *full, *most; /* place for the next state that waits lightly; the last such place; how far they went */
    struct light *noted;  /* of those from here on the stack is as the machine has it, and not noted yet */
    uint64_t held_slots;  /* not written here: some state that waits lightly knows them; of those that are noted */
    uint64_t held;        /* masks of registers, below */
};
/* Where each mask of registers begins in `held`. */
enum {
    BARRED_AT = 0, /* not written here, unless they are loose: those that are known, or followed, and r10 */
    HIDDEN_AT = 16, /* followed, and nothing is known of them: `masks` has them as not set, so that they are not looked at */
    KNOWN_AT = 32, /* some state that waits lightly knows them */
    DROPPED_AT = 48, /* no registers but ranks: of those that the machine has, the state that waits has not */
};
static_assert(RANKS <= 16);
static const uint64_t NO_SLOT = UINT64_MAX;
/* Set in the flags of l->stop while the loop goes, before anything is known of it: then it is FACT_ADDRESS. */
enum { STOPS = 1 << 7 };
static_assert(STOPS == FACT_ADDRESS);

static inline void stop_at(struct loop *l, uint64_t slot) {
    l->stop = slot;
    if ((l->flags[slot] & FACT_REACHED) == 0) { l->flags[slot] |= STOPS; }
}
static inline void stop_no_more(const struct loop *l) {
    if ((l->flags[l->stop] & FACT_REACHED) == 0) { l->flags[l->stop] &= (uint8_t)~STOPS; }
}

static inline uint64_t due_slot(const struct loop *l) {
    uint64_t after = l->c->due - l->c->steps;
    return after < l->end - l->start ? l->start + after : l->end;
}

/* The loop begins at this slot, with the machine's state. */
static inline void begin_at(struct loop *l, uint64_t pc) {
    uint64_t last = l->count - 1, left = l->c->budget - l->c->steps; /* what follows the last is not simple */
    l->start = l->passed = pc;
    l->end = left < last - pc ? pc + left : last;
    l->changed = l->tracked = l->linked = NO_SLOT;
    stop_at(l, due_slot(l));
}

static inline void count_steps(struct loop *l, uint64_t pc) {
    l->c->steps += pc - l->start;
    l->c->reached += (uint32_t)(pc - l->start);
    l->start = pc;
}

static inline void scalar_copy(struct scalar *to, const struct scalar *from) { __builtin_memcpy_inline(to, from, sizeof(*to)); }

static inline bool is_free(const struct loop *l, uint32_t dst) { return (l->held >> dst & 1) == 0; }

/* What the masks of the machine say of registers that are hidden. */
static inline uint64_t hidden_in(uint64_t held) {
    uint64_t hidden = held >> HIDDEN_AT & ALL_REGS;
    return hidden << NUMBER_AT | hidden << LOOSE_AT;
}

/* What is held when states that wait lightly know these registers, but for what is hidden. */
static inline uint64_t held_of(const struct machine *m, uint64_t known) { return no_registers | m->followed | known << BARRED_AT | known << KNOWN_AT; }

/* These are the masks of the machine. */
static inline void hide(struct loop *l, uint64_t masks) {
    uint64_t hidden = (l->m->followed & masks >> LOOSE_AT) << HIDDEN_AT;
    l->held |= hidden;
    l->masks = masks & ~hidden_in(hidden);
}

/* No state waits lightly: what is followed may change here. */
static inline bool is_alone(const struct loop *l) { return l->free == l->c->light; }
/* As the machine has it now. */
static inline void follow(struct loop *l) { l->held = held_of(l->m, l->held >> KNOWN_AT & ALL_REGS) | (l->held & (uint64_t)ALL_REGS << HIDDEN_AT); }

/* What the masks know: registers whose values are kept. */
static inline uint32_t known_in(uint64_t masks) {
    return (uint32_t)(masks >> NUMBER_AT | masks >> POINTER_AT) & ~(uint32_t)(masks >> LOOSE_AT) & ALL_REGS;
}
/* What it knows as the machine has it. */
static inline uint32_t held_by(const struct light *light) { return known_in(light->masks) & ~light->shelved; }

/* ---- settle.c ---- */

/* What states that wait lightly know of these registers goes on their shelves: none holds them any more. False when there is no
 * room. */
[[nodiscard]] bool shelve(struct loop *l, uint32_t regs);
/* Puts what is on its shelves in the machine's registers, and what is there on its shelves, which are free from now on. */
void exchange(struct checker *c, const struct light *light);
/* Whether the machine's registers are what is on its shelves. */
[[nodiscard]] bool shelves_match(const struct loop *l, const struct light *light);
/* This register may be written once what states know of it is shelved, and each has dropped what follows it. */
[[nodiscard]] bool may_free(struct loop *l, uint32_t r);
/* The same, and what it holds is not followed any more. What it hid is seen again. */
[[nodiscard]] bool unfollow(struct loop *l, uint32_t r);
/* As is_free(), for what keeps ranks. */
static inline bool may_write(struct loop *l, uint32_t r) { return is_free(l, r) || may_free(l, r); }

/* ---- where states wait ---- */

/* Whether the state may wait lightly where the jump at pc leads. */
[[gnu::always_inline]] static inline bool may_wait(const struct loop *l, const uint8_t *flags, uint64_t pc, int64_t by) {
    uint64_t target = pc + 1 + (uint64_t)by;
    return target < l->count && (flags[target] & ~STOPS) == 0 && l->free != l->full;
}

/* From now on nothing writes what it knows. */
static inline void hold(struct loop *l, const struct light *light) {
    uint64_t known = known_in(light->masks);
    l->held |= known << BARRED_AT | known << KNOWN_AT;
}
static inline void hold_slots(struct loop *l, const struct light *light) { l->held_slots |= light->used & ~light->plain; }

/* It waits there, as it is but for its masks. Its stack is noted once that of the machine changes. */
[[gnu::always_inline]] static inline void wait_lightly(struct loop *l, uint8_t *flags, uint64_t pc, int64_t by, uint64_t masks) {
    uint64_t target = pc + 1 + (uint64_t)by;
    struct light *light = l->free++;
    light->masks = masks;
    light->walked = l->walked + pc + 1;
    light->where = target;
    light->held = l->held;
    hold(l, light);
    flags[target] |= FACT_JUMP_TARGET;
    if (l->free > l->most) { l->most = l->free; }
}

/* Pointers that numbers are simply added to. */
static const uint32_t movable = 1u << REG_STACK | 1u << REG_MAP_VALUE | 1u << REG_PACKET | 1u << REG_MEMORY | 1u << REG_PACKET_META;

/* A constant added to a pointer; false, and nothing done, when it is not that simple. */
static inline bool move_by(struct reg *p, int64_t by) {
    int64_t off = p->off + by;
    if ((movable >> p->kind & 1) == 0 || by <= -OFFSET_LIMIT || by >= OFFSET_LIMIT || off <= -OFFSET_LIMIT || off >= OFFSET_LIMIT) { return false; }
    p->off = (int32_t)off;
    return true;
}

/* As reg_set_kind(), in one word. */
static inline void reg_set_head(struct reg *r, uint64_t kind) {
    const uint64_t head[2] = {kind, 0};
    __builtin_memcpy(r, head, sizeof(head));
}
static_assert(offsetof(struct reg, kind) == 0 && offsetof(struct reg, var) == 16);

/* Registers that are set now, or known, and are not so in the state that waits. */
static inline uint32_t written_since(uint64_t now, uint64_t then) {
    uint64_t unset = (now | now >> POINTER_AT) & ~(then | then >> POINTER_AT), loosened = (then & ~now) >> LOOSE_AT;
    return (uint32_t)(unset | loosened) & ALL_REGS;
}

/* They are, from now on, what they are in that one: any number, or not set. */
static inline void write_heads(struct reg *regs, uint32_t written, uint64_t then) {
    for (; written != 0; written &= written - 1) {
        uint32_t r = (uint32_t)__builtin_ctz(written);
        reg_set_head(&regs[r], then >> LOOSE_AT >> r & 1);
    }
}

/* Whether the last state that waits lightly does so here, and none of it is shelved; before the first there is one that waits nowhere. */
static inline bool may_meet(const struct loop *l, uint64_t pc) { return l->free[-1].where == pc; }
static_assert(offsetof(struct checker, light) == offsetof(struct checker, none) + sizeof(struct light));

/* Whether a state of the masks `now` says less than one of the masks `then`, but for what that one knows: that is where it was. */
static inline bool masks_less(uint64_t now, uint64_t then) {
    uint32_t loose = (uint16_t)(then >> LOOSE_AT);
    return (loose & (~(uint32_t)now | ((uint32_t)(then >> NARROW_AT) & ~(uint32_t)(now >> NARROW_AT)))) != 0;
}
/* The same of the stack. */
static inline bool stack_less(const struct loop *l, const struct light *light) {
    return light < l->noted && ((light->used & ~l->m->frame->used) | (light->plain & ~l->m->plain)) != 0;
}

/* The state comes to this slot, where that one waits, and goes on as that one, which covers it. False when it is not so simple, and
 * nothing done. */
static inline bool meet_lightly(struct loop *l, uint64_t pc, uint64_t *masks) {
    struct machine *m = l->m;
    struct light *light = l->free - 1;
    const uint64_t now = *masks, then = light->masks, held = light->held;
    uint32_t written = written_since(now, then);
    bool follows_less = ((held ^ l->held) & ((uint64_t)ALL_REGS << HIDDEN_AT | (uint64_t)0xffff << DROPPED_AT)) != 0;
    if (follows_less || masks_less(now, then) || (written & held) != 0) { return false; }
    if (light < l->noted) {
        if (stack_less(l, light)) { return false; }
        m->frame->used = light->used;
        m->plain = light->plain;
        l->held_slots = light->held_slots;
        l->noted = light;
    }
    write_heads(l->regs, written, then);
    if (light->walked > l->walked + pc) { l->walked = light->walked - pc; }
    l->held = held;
    l->free = light;
    *masks = then;
    return true;
}
static_assert(REG_UNINIT == 0 && REG_SCALAR == 1 && NUMBER_AT == 0);

/* ---- light.c ---- */

/* States that wait lightly wait like all others from now on. */
[[nodiscard]] enum status settle_lights(struct checker *c);
static inline enum status settle(struct checker *c) { return c->light_count == 0 ? STATUS_OK : settle_lights(c); }
/* Whether they may go on waiting so over what follows from how the loop ended: a step, or a jump that was stepped. */
bool spares_lights(const struct checker *c, enum fast_end how);
/* Before the machine's stack changes: it is noted of all states that wait lightly. */
void note_stacks(struct loop *l);
static inline void note_stack(struct loop *l) {
    if (l->noted != l->free) { note_stacks(l); }
}
/* Whether the state is covered by the one that waits at this slot, though not lightly, or ends a turn of the loop that begins
 * there. */
[[nodiscard]] bool arrive(struct loop *l, uint64_t slot, uint64_t walked);
/* Whether one that waits at this slot covers the state, to which so many instructions have led: then that is all. */
[[nodiscard]] bool covered_lightly(struct loop *l, uint64_t slot, uint64_t walked);
/* The jump at pc, which is taken always, ends the way: its state waits lightly, or one does that covers it. False, and nothing
 * done, when it is not so simple. */
[[nodiscard]] bool jump_lightly(struct loop *l, uint64_t pc, int64_t by);
/* Whether a change may be one with which states wait lightly; most at the heads of loops are not. */
static inline bool says_little(const struct reader *in) { return in->at != in->end && (*in->at & (CHANGE_UNUSED | CHANGE_PLAIN | CHANGE_REGS)) == 0; }
/* The same of a state that comes to where others wait, or where an event has it wait. */
[[nodiscard]] bool end_lightly(struct loop *l, uint64_t pc);
/* A way has ended before *pc, and states wait lightly: the loop begins where the pass goes on, when a state waits lightly there. Else false, and nothing
 * done. */
[[nodiscard]] bool go_on_lightly(struct loop *l, uint64_t *pc);
