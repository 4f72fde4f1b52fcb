/* An instruction here is two words: opcode in bits 0..7 of the first, dst 8..11, src 12..15, off 16..31; imm (RFC 9669 §3). The
 * masks of the machine stand in a register while the loop goes. All of it is one function for that reason, step_one() a long part. */

#include "bpf/checker/events.h"
#include "bpf/checker/stack.h"
#include "bpf/checker/tracked.h"

/* Of two kinds, or any that are like the first in that, whether it is the second: in one bit. */
static inline bool is_kind(uint32_t row, uint32_t first, uint32_t second) { return (row & second & ~first) != 0; }

/* Whether it is a shift by 32 bits or more, in bit 0; few instructions ask it: it is not computed for all of them. */
static inline uint32_t by_far(uint32_t imm) {
    imm >>= 5;
    __asm__ volatile("" : "+r"(imm));
    return imm;
}

/* One instruction, and the masks that it leads to; what its own jump leads to waits lightly. Nothing is done unless it is common. */
[[gnu::always_inline]] static inline enum way step_one(struct loop *l, uint8_t *flags, uint64_t pc, uint64_t insn, const uint16_t *row_of, uint64_t each, uint64_t *at, uint32_t flag) {
    uint64_t masks = *at;
    uint32_t fields = (uint32_t)insn, imm = (uint32_t)(insn >> 32);
    uint64_t dst = fields >> 8 & 15, src = fields >> 12 & 15;
    uint32_t row = row_of[(uint8_t)fields];
    uint64_t to = masks >> dst, from = masks >> src, narrow;
    uint64_t seen = keep_at_hand((from >> (NARROW_AT - 1) & 2) | (to >> NARROW_AT & 1));
    if (__builtin_expect((row & WITH_X) == 0, false)) {
        if ((row & WITH_K) != 0) {
            if (fields >> 12 != 0) { return WAY_ODD; }
            if (((to | row >> FRESH_AT) & NUMBER) == 0) {
                if ((row & KIND) != ADD_K || !move_pointer(l, to, dst, (int32_t)keep_at_hand(imm))) { return WAY_ODD; }
                goto stepped;
            }
            narrow = row >> ((insn >> 62 & 2) | (seen & 1));
            if ((row & BY_FAR) != 0) { narrow |= by_far(imm); }
        } else if ((row & ACCESS) != 0) {
            uint64_t bytes = row >> BYTES_AT & 15;
            if ((row & STORES) != 0) {
                if (((is_kind(row, STORE_K, STORE_X) ? imm | (~from & NUMBER) : src) != 0) || (to & POINTER) == 0 || !access(l, fields, bytes, dst, (uint32_t)src)) { return WAY_ODD; }
                goto stepped;
            }
            if (imm != 0 || (from & POINTER) == 0 || !access(l, fields, bytes, src, NOTHING)) { return WAY_ODD; }
            narrow = row;
        } else {
            if ((row & KIND) == CONDITION_K) {
                if (src != 0 || (to & NUMBER) == 0) { return WAY_ODD; }
            } else if ((row & KIND) != CONDITION_X || imm != 0 || (to & from & NUMBER) == 0) {
                return WAY_ODD;
            }
            int64_t by = (int32_t)fields >> 16;
            uint64_t waiting = masks;
            flags[pc] = (uint8_t)(flag | seen << 1); /* first: it may lead to itself */
            if (!may_wait(l, flags, pc, by)) { return WAY_CHANGED; }
            if ((flag & CHANGED) != 0 && !take_change(l, pc, &waiting)) { return WAY_CHANGED; }
            wait_lightly(l, flags, pc, by, waiting);
            return WAY_COMMON;
        }
    } else {
        if (insn >> 16 != 0) { return WAY_ODD; }
        if (((to | row >> FRESH_AT) & from & NUMBER) == 0) {
            if (is_kind(row, ALU_X | MOV_X, ADD_X)) {
                if (!index_pointer(l, pc, to, from, dst, src)) { return WAY_ODD; }
                flag |= FACT_ADDRESS;
            } else if (!point(l, fields, from)) {
                return WAY_ODD;
            }
            masks = (masks & ~(each << dst)) | POINTER << dst;
            goto stepped;
        }
        narrow = row >> seen;
    }
    if ((to & LOOSE) == 0) {
        if (!is_free(l, (uint32_t)dst)) { return WAY_ODD; }
        reg_set_head(&l->regs[dst], REG_SCALAR);
        masks = (masks & ~(POINTER << dst)) | (NUMBER | LOOSE) << dst;
    }
    masks ^= ((narrow ^ seen) & 1) << dst << NARROW_AT;
stepped:
    flags[pc] = (uint8_t)(flag | seen << 1);
    *at = masks;
    return WAY_COMMON;
}

/* All of an instruction. */
static inline uint64_t insn_word(const struct bpf_insn *insns, uint64_t pc) {
    uint64_t word;
    __builtin_memcpy(&word, __builtin_assume_aligned(&insns[pc], alignof(struct bpf_insn)), sizeof(word));
    return word;
}

/* Steps what is most common, until something is in the way; then it is returned, and *at is where. `marks`: of the first instruction.
 * Calls nothing: so all that it needs is in registers. */
static inline enum way step_common(struct loop *l, uint64_t pc, uint32_t marks, uint64_t *at) {
    const struct bpf_insn *insns = l->insns;
    const uint16_t *row_of = (const uint16_t *)keep_at_hand((uintptr_t)rows);
    const uint64_t each = keep_at_hand(EACH);
    uint8_t *const flags = l->flags;
    uint64_t masks = l->masks;
    enum way way;
    marks |= flags[pc];
    for (;;) {
        way = marks == 0 ? WAY_COMMON : look_closer(l, flags, pc, insn_word(insns, pc), row_of, &masks, &marks);
        if (way > WAY_STEPPED) { break; }
        if (way == WAY_STEPPED) {
            marks = flags[++pc];
            continue;
        }
        uint32_t flag = FACT_REACHED | marks;
        do {
            way = step_one(l, flags, pc, insn_word(insns, pc), row_of, each, &masks, flag);
            if (way != WAY_COMMON) { break; }
            marks = flags[++pc];
            flag = FACT_REACHED;
        } while (__builtin_expect(marks == 0, true));
        if (way != WAY_COMMON) { break; }
    }
    l->masks = masks;
    *at = pc;
    return way;
}

/* The program ends: `to` is what is known of r0. */
static inline bool exit_simply(struct loop *l, uint64_t pc, uint64_t to) {
    struct verifier *v = l->m->v;
    if ((to & NUMBER) == 0 || (v->type->flags & TYPE_EXIT_RANGE) != 0 || l->m->frame->call != 0) { return false; }
    if (l->walked + pc + 1 > v->result->bound) { v->result->bound = l->walked + pc + 1; }
    return true;
}

/* The state that jumps waits with a change, or another does that covers it. */
static bool leave_lightly(struct loop *l, uint64_t pc, int64_t by) {
    return pc == l->changed ? wait_changed(l, pc, by, l->masks, 0, EVENT_JUMP) : covered_lightly(l, pc + 1 + (uint64_t)by, l->walked + pc + 1);
}

/* What is as simple, but not as common: the stack where it is not plain; conditions whose states wait with a change
 * that is long; the program's end. False when it is none of them; its flags are set, whatever comes of it. */
[[gnu::always_inline]] static inline bool step_odd(struct loop *l, uint64_t pc, enum way *way) {
    uint64_t insn = insn_word(l->insns, pc);
    uint32_t fields = (uint32_t)insn, imm = (uint32_t)(insn >> 32), dst = fields >> 8 & 15, src = fields >> 12 & 15, row = rows[(uint8_t)fields];
    int64_t off = (int32_t)fields >> 16;
    l->flags[pc] |= (uint8_t)(FACT_REACHED | (l->masks >> dst >> NARROW_AT & 1) << 1 | (l->masks >> src >> NARROW_AT & 1) << 2);
    if ((row & ACCESS) != 0) { return pc != l->linked && reach_stack(l, fields, imm, row, pc == l->tracked); }
    if (*way == WAY_TRACKED) { return step_tracked(l, pc); }
    if (*way == WAY_CHANGED) {
        *way = leave_lightly(l, pc, off) ? WAY_COMMON : WAY_PARTS;
        return true;
    }
    if (fields == (BPF_CLASS_JMP | BPF_JMP_EXIT) && imm == 0) {
        *way = WAY_ENDED;
        return exit_simply(l, pc, l->masks);
    }
    return false;
}

/* A jump that is always taken: the way ends with it, or behind it. */
static inline bool step_jump(struct loop *l, uint64_t pc, enum way *way) {
    uint64_t insn = insn_word(l->insns, pc);
    if ((insn & 0xffffffff0000ff00) != 0) { return false; }
    l->flags[pc] |= (uint8_t)(FACT_REACHED | (l->masks >> NARROW_AT & 1) * (FACT_DST_UPPER_ZERO | FACT_SRC_UPPER_ZERO));
    *way = jump_lightly(l, pc, (int32_t)insn >> 16) ? WAY_ENDED : WAY_PARTS;
    return true;
}

/* Before an instruction that is left to others. */
static enum fast_end unstepped(const struct loop *l, uint64_t pc) { return l->tracked != pc ? FAST_SLOW : l->linked == pc ? FAST_LINKED : FAST_TRACKED; }

/* Before an instruction at which an event is due, or the loop ends. True when it goes on; l->tracked is this slot when the event
 * says so. */
[[gnu::noinline]] static bool pass_event(struct loop *l, uint64_t pc, enum fast_end *how) {
    struct checker *c = l->c;
    uint64_t last = l->count - 1;
    bool here = c->due == c->steps + (pc - l->start);
    if (here && c->event == EVENT_FALL && pc != l->start) { return false; }
    if (here && (c->event == EVENT_TRACK || c->event == EVENT_LINK) && (pc != l->end || pc == last)) {
        l->tracked = pc;
        if (c->event == EVENT_LINK) { l->linked = pc; }
        next_event_at(c, c->due);
    }
    if (pc == l->end) {
        if (pc == last) {
            *how = unstepped(l, pc);
            if (c->event == EVENT_JUMP) { l->changed = pc; }
        }
        return false;
    }
    uint64_t due = due_slot(l);
    if (due == pc) { /* an event of what this instruction leads to */
        if (c->event == EVENT_JUMP) { l->changed = pc; }
        due = l->end;
    }
    stop_at(l, due);
    l->passed = pc;
    return true;
}

/* The last instruction, and it has no event. */
static inline bool is_last(const struct loop *l, uint64_t pc) { return pc + 1 == l->count && l->c->due != l->c->steps + (pc - l->start); }

/* Steps until something is in the way that this loop can't do: its slot. */
static inline uint64_t step_many(struct loop *l, uint64_t pc, bool ended, enum fast_end *how) {
    for (uint32_t marks = 0;;) { /* where an event was read last, and not stepped yet */
        *how = FAST_ENDED;
        if (ended && (is_alone(l) || !go_on_lightly(l, &pc))) { return pc; }
        enum way way = step_common(l, pc, marks, &pc);
        *how = FAST_STOP;
        ended = false;
        marks = 0;
        if (way == WAY_STOP) {
            if (l->flags[pc] != 0 && pc != l->passed) {
                ended = end_lightly(l, pc);
                if (ended) { continue; }
                return pc;
            }
            if (pc != l->stop) { return pc; }
            if (l->c->event == EVENT_FALL && pc != l->start && says_little(&l->c->in)) {
                ended = end_lightly(l, pc);
                if (ended) { continue; }
            }
            if (!is_last(l, pc)) {
                if (pass_event(l, pc, how)) {
                    marks = marks_at(l, pc);
                    continue;
                }
                if (*how == FAST_STOP) { return pc; }
            }
        }
        uint8_t before = l->flags[pc];
        bool jumps = l->insns[pc].opcode == (BPF_CLASS_JMP | BPF_JMP_JA);
        if (!(jumps ? step_jump(l, pc, &way) : step_odd(l, pc, &way))) {
            l->flags[pc] = before;
            if (way == WAY_ODD && overwrites(l, pc)) {
                marks = marks_at(l, pc);
                continue;
            }
            if (way == WAY_ODD && step_followed(l, pc)) {
                pc++;
                continue;
            }
            *how = unstepped(l, pc);
            return pc;
        }
        pc++;
        ended = way == WAY_ENDED;
        *how = way == WAY_PARTS ? FAST_PARTS : FAST_STOP;
        if (way == WAY_PARTS || (pc == l->count && !ended)) { return pc; }
    }
}

[[gnu::noinline]] enum fast_end fast_run(struct checker *c, bool ended) {
    struct machine *m = &c->machine;
    struct verifier *v = m->v;
    enum fast_end how = FAST_SLOW;
    if (ended && c->light_count == 0) { return FAST_ENDED; }
    /* As long as others wait where this way began, it ends wherever a state waits: not looked for in here. */
    bool slow = v->observer != nullptr || is_privileged(v) || c->rest != 0 || (v->facts->flags[m->state.pc] & FACT_REACHED) != 0 || (m->state.pc + 1 == v->program->count && c->light_count == 0);
    if (slow && !ended) {
        how = is_due(c, EVENT_LINK) ? FAST_LINKED : is_due(c, EVENT_TRACK) ? FAST_TRACKED : FAST_SLOW;
        if (how != FAST_SLOW) { next_event(c); }
        return how;
    }
    uint64_t start = m->state.pc;
    struct light *free = c->light + c->light_count, *full = c->light + LIGHTS;
    struct loop l = {.m = m, .c = c, .insns = v->program->insns, .regs = m->frame->regs, .facts = v->facts, .flags = v->facts->flags, .count = v->program->count,
                     .maps = v->program->maps, .lowest = BPF_STACK_BYTES, .walked = m->state.walked - start, .free = free, .full = full, .most = free,
                     .noted = free, .held_slots = c->held_slots, .held = held_of(m, c->held)};
    hide(&l, m->masks);
    begin_at(&l, start);
    if (free != c->light) { l.passed = NO_SLOT; }
    uint64_t pc = step_many(&l, start, ended, &how);
    note_stack(&l);
    stop_no_more(&l);
    count_steps(&l, pc);
    uint32_t depth = BPF_STACK_BYTES - ((uint32_t)l.lowest & ~7u);
    if (depth > v->functions[0].stack_bytes) { v->functions[0].stack_bytes = (uint16_t)depth; }
    uint32_t most = v->states + (uint32_t)(l.most - c->light);
    if (most > v->result->states) { v->result->states = most; }
    c->light_count = (uint32_t)(l.free - c->light);
    c->held = l.held >> KNOWN_AT & ALL_REGS;
    c->held_slots = l.held_slots;
    m->masks = l.masks | hidden_in(l.held);
    m->state.pc = (uint32_t)pc;
    m->state.walked = l.walked + pc;
    return how;
}
static_assert(FACT_DST_UPPER_ZERO == 2 && FACT_SRC_UPPER_ZERO == 4);
