#pragma once
/* Slots of which something is known before the loop of fast.c comes there: where a state waits lightly, or an event is due. */

#include "bpf/checker/reach.h"

enum way : uint8_t {
    WAY_COMMON,  /* none: the instruction is common, or was stepped */
    WAY_STEPPED,
    WAY_STOP,    /* before this slot something is to be done */
    WAY_ODD,     /* this instruction is not common */
    WAY_TRACKED, /* what this one makes or compares matters, and it is not common */
    WAY_CHANGED, /* a jump with a change, or whose state may not wait lightly */
    WAY_PARTS,   /* behind a jump */
    WAY_ENDED,   /* the way ends with this instruction */
};

/* What a change makes of the masks of a state, and the next event after it, when all of it is in single bytes and says only that
 * registers are loose, or not set; false, and nothing done, when it is not that simple. */
[[gnu::always_inline]] static inline bool take_change(struct loop *l, uint64_t pc, uint64_t *masks) {
    struct checker *c = l->c;
    const uint8_t *at = c->in.at;
    if (c->in.end - at < 4 || (at[0] & ~(CHANGE_UNSET | CHANGE_LOOSE)) != 0) { return false; }
    uint32_t parts = *at++, unset = (parts & CHANGE_UNSET) != 0 ? *at++ : 0, loose = (parts & CHANGE_LOOSE) != 0 ? *at++ : 0, number = *at++;
    if (((unset | loose | number) & 128) != 0 || (loose & ~(uint32_t)*masks) != 0 || ((unset | loose) & l->m->followed) != 0) { return false; }
    *masks = (*masks | (uint64_t)loose << LOOSE_AT) & ~(unset * EACH);
    c->in.at = at;
    c->event = number & 7;
    c->due += number >> 3;
    uint64_t due = pc + (number >> 3);
    stop_no_more(l);
    stop_at(l, due < l->end && due != pc ? due : l->end);
    return true;
}

/* What an event says of the instruction at its slot, above the flags of that. */
enum : uint32_t { TRACKED = 1 << 8, CHANGED = 1 << 9 };

static inline uint32_t marks_at(const struct loop *l, uint64_t pc) { return (l->tracked == pc ? TRACKED : 0) | (l->changed == pc ? CHANGED : 0); }

/* The event at this slot is one of its instruction, and the next one is read: marks; 0 when it is not that simple. */
[[gnu::always_inline]] static inline uint32_t take_event(struct loop *l, uint8_t *flags, uint64_t pc) {
    struct checker *c = l->c;
    uint64_t end = l->end, stop = end;
    uint32_t event = c->event, marks = CHANGED;
    if (pc == end) { return 0; }
    if (__builtin_expect(event == EVENT_TRACK, true)) {
        const uint8_t *at = c->in.at;
        marks = TRACKED;
        if (at == c->in.end) {
            c->event = EVENT_NONE;
            c->due = UINT64_MAX;
        } else {
            uint32_t number = *at++;
            if (number >= 128) {
                if (at == c->in.end || *at >= 128) { return 0; }
                number = (number & 127) | (uint32_t)*at++ << 7;
            }
            uint64_t after = number >> 3;
            event = number & 7;
            c->in.at = at;
            c->event = event;
            c->due += after;
            if (after != 0) {
                stop = pc + after < end ? pc + after : end;
            } else if (event == EVENT_JUMP) {
                l->changed = pc;
                marks = TRACKED | CHANGED;
            }
        }
    } else if (event == EVENT_JUMP) {
        l->changed = pc;
    } else {
        return 0;
    }
    l->stop = stop;
    if ((flags[stop] & FACT_REACHED) == 0) { flags[stop] |= STOPS; }
    return marks;
}

/* The low bits of any number, or a constant: both small. */
static inline void know_number(struct scalar *s, uint64_t value, uint64_t mask) {
    uint64_t most = value | mask;
    *s = (struct scalar){value, mask, value, most, (int64_t)value, (int64_t)most, (uint32_t)value, (uint32_t)most, (int32_t)value, (int32_t)most};
}

/* Whether it is nothing else. */
[[gnu::always_inline]] static inline bool is_masked(const struct scalar *s) {
    uint64_t mask = s->mask;
    if (mask > INT32_MAX || (s->value | s->umin | (uint64_t)s->smin) != 0 || s->umax != mask || s->smax != (int64_t)mask) { return false; }
    return (s->umin32 | (uint32_t)s->smin32) == 0 && s->umax32 == mask && s->smax32 == (int32_t)mask;
}

/* Whether a number that is known never compares so with a constant, as far as that is easily said. */
static inline bool is_never(const struct scalar *s, uint32_t opcode, uint64_t k) {
    return opcode == (BPF_CLASS_JMP | BPF_JMP_JGT | BPF_SRC_K) && s->umax <= k;
}

/* A result that matters, and is simply that: a constant; a number of few bits, as it was loaded, masked or shifted down; a comparison
 * of one that never comes out so. False when it is not that simple, and nothing done. */
[[gnu::always_inline]] static inline bool know_simply(struct loop *l, uint8_t *flags, uint64_t pc, uint64_t insn, const uint16_t *row_of, uint64_t *masks, uint32_t marks) {
    uint32_t fields = (uint32_t)insn, imm = (uint32_t)(insn >> 32), row = row_of[(uint8_t)fields];
    uint64_t dst = fields >> 8 & 15, src = fields >> 12 & 15, to = *masks >> dst, from = *masks >> src, low;
    struct reg *r = &l->regs[dst];
    struct scalar *s = &r->var;
    marks |= (uint32_t)(to >> NARROW_AT & 1) << 1 | (uint32_t)(from >> NARROW_AT & 1) << 2 | FACT_REACHED;
    if ((row & WITH_K) != 0) {
        bool loose = (to & LOOSE) != 0;
        if (fields >> 12 != 0) { return false; }
        if ((row & KIND) == AND_K && (int32_t)imm > 0) {
            low = loose ? imm : s->mask & imm;
        } else if ((fields & 0xf0) == BPF_ALU_RSH && !loose && imm < 32) {
            low = s->mask >> imm;
        } else {
            if ((row & FRESH) == 0 || (int32_t)imm < 0 || !is_free(l, (uint32_t)dst)) { return false; }
            know_number(s, imm, 0);
            goto known;
        }
        if ((to & NUMBER) == 0 || (!loose && ((r->id | r->map) != 0 || !is_masked(s)))) { return false; }
    } else if ((row & ACCESS) != 0) {
        uint64_t bytes = row >> BYTES_AT & 15;
        if ((row & STORES) != 0 || bytes >= 4 || imm != 0 || (from & POINTER) == 0 || !access(l, fields, bytes, src, NOTHING)) { return false; }
        low = (1u << 8 * bytes) - 1;
    } else {
        bool never = src == 0 && (to & (NUMBER | LOOSE)) == NUMBER && is_never(s, (uint8_t)fields, (uint64_t)(int64_t)(int32_t)imm);
        if (!never || pc + 1 + (uint64_t)((int32_t)fields >> 16) >= l->count) { return false; }
        flags[pc] = (uint8_t)(marks | FACT_NEVER_TAKEN);
        return true;
    }
    if (!is_free(l, (uint32_t)dst)) { return false; }
    know_number(s, 0, low);
known:
    reg_set_head(r, REG_SCALAR);
    flags[pc] = (uint8_t)marks;
    *masks = (*masks & ~(EACH << dst)) | (NUMBER | NARROW) << dst;
    return true;
}

/* Before a slot of which something is known, or where something is to be done: WAY_COMMON when its instruction is to be stepped, with
 * `marks` besides what is noted of it; WAY_STEPPED when it was. */
[[gnu::always_inline]] static inline enum way look_closer(struct loop *l, uint8_t *flags, uint64_t pc, uint64_t insn, const uint16_t *row_of, uint64_t *masks, uint32_t *marks) {
    bool stops = (*marks & STOPS) != 0;
    *marks &= ~(uint32_t)STOPS;
    if ((uint8_t)*marks != 0 && pc != l->passed) {
        if (!may_meet(l, pc) || (stops && l->c->event > EVENT_JUMP)) { return WAY_STOP; }
        if (!meet_lightly(l, pc, masks)) { return WAY_STOP; }
        l->passed = pc;
    }
    if (stops) {
        flags[pc] = (uint8_t)*marks;
        uint32_t more = take_event(l, flags, pc);
        if (more == 0) { return WAY_STOP; }
        *marks |= more;
    }
    if ((*marks & TRACKED) == 0) { return WAY_COMMON; }
    if (know_simply(l, flags, pc, insn, row_of, masks, *marks)) { return WAY_STEPPED; }
    l->tracked = pc;
    return (row_of[(uint8_t)insn] & ACCESS) != 0 ? WAY_ODD : WAY_TRACKED;
}
