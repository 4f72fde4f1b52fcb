/* An instruction here is two words: opcode in bits 0..7 of the first, dst 8..11, src 12..15, off 16..31; imm (RFC 9669 §3). The
 * masks of the machine stand in a register while the loop goes. As one loop, and longer than others, for that reason. */

#include "bpf/checker/fast.h"
#include "bpf/checker/light.h"
#include "bpf/checker/rows.h"
#include "bpf/checker/stack.h"
#include "bpf/checker/tracked.h"

/* ---- loads and stores ---- */

/* What the compiler shall keep in a register. */
static inline uint64_t keep_at_hand(uint64_t x) {
    __asm__("" : "+r"(x));
    return x;
}

enum : uint32_t { NOTHING = 31 }; /* no register: it is a load */

/* What lies inside a slot of the stack that is plain. */
[[gnu::always_inline]] static inline bool stack_access(struct loop *l, int64_t off, uint64_t bytes) {
    const struct machine *m = l->m;
    uint64_t at = (uint64_t)(off + BPF_STACK_BYTES);
    if (at >= BPF_STACK_BYTES || (at & (bytes - 1)) != 0) { return false; }
    if (((m->plain & ~m->followed_slots) >> at / 8 & 1) == 0) { return false; }
    if (at < l->lowest) { l->lowest = at; }
    return true;
}

/* `base` is a pointer. A range is proven of what lies behind base and number of a packet pointer, of others behind the base. */
[[gnu::always_inline]] static inline bool access(struct loop *l, uint32_t fields, uint64_t bytes, uint64_t base, uint32_t stored) {
    const struct reg *p = &l->regs[base];
    const bool writes = stored != NOTHING;
    int64_t off = (int32_t)fields >> 16;
    if (base == FRAME_POINTER) { return stack_access(l, off, bytes); }
    off += p->off;
    int64_t first = off + p->var.smin, end = off + (int64_t)bytes + p->var.smax;
    uint64_t kind = p->kind;
    if (kind == REG_MEMORY) { return first >= 0 && end <= (int64_t)(uint64_t)p->range; }
    switch (keep_at_hand(kind)) { /* the commonest is asked for before all others */
    case REG_STACK: return (p->var.mask | p->var.value) == 0 && stack_access(l, off, bytes);
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
    if (n->var.smin <= -OFFSET_LIMIT || n->var.smax >= OFFSET_LIMIT) { return false; }
    note_first_index(l->m->v->facts, (uint32_t)pc, p, &n->var, n == r);
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

/* ---- events ---- */

enum way : uint8_t {
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
static inline uint32_t take_event(struct loop *l, uint64_t pc) {
    struct checker *c = l->c;
    uint32_t event = c->event, marks = 0;
    if (pc == l->end || event > EVENT_JUMP) { return 0; }
    l->passed = pc;
    if (event == EVENT_TRACK) {
        const uint8_t *at = c->in.at;
        if (at == c->in.end) { return 0; }
        uint32_t number = *at++;
        if (number >= 128) {
            if (at == c->in.end || *at >= 128) { return 0; }
            number = (number & 127) | (uint32_t)*at++ << 7;
        }
        c->in.at = at;
        event = number & 7;
        c->event = event;
        c->due += number >> 3;
        l->tracked = pc;
        marks = TRACKED;
        uint64_t due = pc + (number >> 3);
        if (due != pc) {
            stop_at(l, due < l->end ? due : l->end);
            return marks;
        }
    }
    if (event == EVENT_JUMP) {
        l->changed = pc;
        marks |= CHANGED;
    }
    stop_at(l, l->end);
    return marks;
}

/* The low bits of any number. */
static inline void mask_number(struct scalar *s, uint64_t mask) {
    *s = (struct scalar){0, mask, 0, mask, 0, (int64_t)mask, 0, (uint32_t)mask, 0, (int32_t)mask};
}

/* Whether a number that is known never compares so with a constant, as far as that is easily said. */
static inline bool is_never(const struct scalar *s, uint32_t opcode, uint64_t k) {
    return opcode == (BPF_CLASS_JMP | BPF_JMP_JGT | BPF_SRC_K) && s->umax <= k;
}

/* ---- the loop ---- */

/* Steps what is most common, until something is in the way; then `way` is where. Calls nothing: so all that it needs is in
 * registers. */
static inline enum way step_common(struct loop *l, uint64_t pc, uint64_t *at) {
    const struct bpf_insn *insns = l->m->v->program->insns;
    const uint16_t *row_of = (const uint16_t *)keep_at_hand((uintptr_t)rows);
    const uint64_t each = keep_at_hand(EACH);
    uint64_t masks = l->masks;
    uint8_t *const flags = l->flags;
    enum way way = WAY_ODD;
    for (uint32_t before = flags[pc] | marks_at(l, pc);; before = flags[++pc]) {
        uint32_t fields, imm;
        if (__builtin_expect(before != 0, false)) {
            bool stops = (before & STOPS) != 0;
            before &= ~(uint32_t)STOPS;
            way = WAY_STOP;
            if ((uint8_t)before != 0 && pc != l->passed) {
                l->masks = masks;
                masks = may_meet(l, pc) && !(stops && l->c->event > EVENT_JUMP) ? meet_lightly(l, masks) : 0;
                if (masks == 0) {
                    masks = l->masks;
                    break;
                }
                l->passed = pc;
            }
            if (stops) {
                flags[pc] = (uint8_t)before;
                uint32_t marks = take_event(l, pc);
                if (marks == 0) { break; }
                before |= marks;
            }
            way = WAY_ODD;
        }
        __builtin_memcpy(&fields, &insns[pc], sizeof(fields));
        __builtin_memcpy(&imm, &insns[pc].imm, sizeof(imm));
        uint64_t dst = fields >> 8 & 15, src = fields >> 12 & 15;
        uint32_t row = row_of[(uint8_t)fields], narrow;
        uint64_t to = masks >> dst, from = masks >> src;
        uint32_t seen = (to >> NARROW_AT & 1) | (from >> NARROW_AT & 1) << 1;
        if (__builtin_expect((row & WITH_X) == 0, false)) {
            if ((row & WITH_K) != 0) {
                if (fields >> 12 != 0) { break; }
                if (((to | row >> FRESH_AT) & NUMBER) == 0) {
                    if ((row & KIND) != ADD_K || !move_pointer(l, to, dst, (int32_t)keep_at_hand(imm))) { break; }
                    goto stepped;
                }
                if ((before & TRACKED) != 0) {
                    bool masks_any = (row & KIND) == AND_K && (to & LOOSE) != 0 && (int32_t)imm > 0 && is_free(l, dst);
                    if (!masks_any) {
                        way = WAY_TRACKED;
                        break;
                    }
                    reg_set_head(&l->regs[dst], REG_SCALAR);
                    mask_number(&l->regs[dst].var, imm);
                    masks = (masks & ~(each << dst)) | (NUMBER | NARROW) << dst;
                    goto stepped;
                }
                narrow = row >> ((seen & 1) | imm >> 31 << 1);
                if ((row & BY_FAR) != 0) { narrow |= imm >> 5; } /* by 32 bits or more */
            } else if ((row & ACCESS) != 0) {
                uint64_t bytes = row >> BYTES_AT & 15;
                if ((row & STORES) != 0) {
                    bool fits = (row & KIND) == STORE_K ? src == 0 : (imm | (~from & NUMBER)) == 0;
                    if (!fits || (to & POINTER) == 0 || (before & TRACKED) != 0 || !access(l, fields, bytes, dst, (uint32_t)src)) { break; }
                    goto stepped;
                }
                if (imm != 0 || (from & POINTER) == 0 || !access(l, fields, bytes, src, NOTHING)) { break; }
                if ((before & TRACKED) != 0 && bytes < 4) {
                    if (!is_free(l, dst)) { break; }
                    reg_set_head(&l->regs[dst], REG_SCALAR);
                    mask_number(&l->regs[dst].var, (1u << 8 * bytes) - 1);
                    masks = (masks & ~(each << dst)) | (NUMBER | NARROW) << dst;
                    goto stepped;
                }
                narrow = row;
            } else {
                bool condition = (row & KIND) == CONDITION_K ? src == 0 && (to & NUMBER) != 0 : (row & KIND) == CONDITION_X && imm == 0 && (to & from & NUMBER) != 0;
                if (!condition) { break; }
                int64_t by = (int32_t)fields >> 16;
                if ((before & TRACKED) != 0) {
                    bool never = is_never(&l->regs[dst].var, (uint8_t)fields, (uint64_t)(int64_t)(int32_t)imm);
                    if (!never || (to & LOOSE) != 0 || pc + 1 + (uint64_t)by >= l->count) {
                        way = WAY_TRACKED;
                        break;
                    }
                    flags[pc] = (uint8_t)(before | FACT_REACHED | seen << 1 | FACT_NEVER_TAKEN);
                    continue;
                }
                uint64_t waiting = masks;
                bool waits = may_wait(l, pc, by);
                if ((before & CHANGED) != 0) { waits = waits && take_change(l, pc, &waiting); }
                if (!waits) {
                    way = WAY_CHANGED;
                    break;
                }
                flags[pc] = (uint8_t)(before | FACT_REACHED | seen << 1);
                wait_lightly(l, pc, by, waiting);
                continue;
            }
        } else {
            if ((fields >> 16 | imm) != 0) { break; }
            if (((to | row >> FRESH_AT) & from & NUMBER) == 0) {
                if ((row & KIND) == ADD_X) {
                    if (!index_pointer(l, pc, to, from, dst, src)) { break; }
                    seen |= FACT_ADDRESS >> 1;
                } else if (!point(l, fields, from)) {
                    break;
                }
                masks = (masks & ~(each << dst)) | POINTER << dst;
                goto stepped;
            }
            if ((before & TRACKED) != 0) {
                way = WAY_TRACKED;
                break;
            }
            narrow = row >> seen;
        }
        if ((to & LOOSE) == 0) {
            if (!is_free(l, dst)) { break; }
            reg_set_head(&l->regs[dst], REG_SCALAR);
            masks = (masks & ~(POINTER << dst)) | (NUMBER | LOOSE) << dst;
        }
        masks ^= ((uint64_t)((narrow ^ seen) & 1) << dst) << NARROW_AT;
    stepped:
        flags[pc] = (uint8_t)(before | FACT_REACHED | seen << 1);
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

/* What is as simple, but not as common: the stack where it is not plain; conditions whose states wait with a change
 * that is long; jumps, and the program's end. False when it is none of them; its flags are set, whatever comes of it. */
[[gnu::noinline]] static bool step_odd(struct loop *l, uint64_t pc, enum way *way) {
    uint32_t fields, imm;
    __builtin_memcpy(&fields, &l->m->v->program->insns[pc], sizeof(fields));
    __builtin_memcpy(&imm, &l->m->v->program->insns[pc].imm, sizeof(imm));
    uint32_t dst = fields >> 8 & 15, src = fields >> 12 & 15, row = rows[(uint8_t)fields];
    uint64_t to = l->masks >> dst, from = l->masks >> src;
    int64_t off = (int32_t)fields >> 16;
    l->flags[pc] |= (uint8_t)(FACT_REACHED | (to >> NARROW_AT & 1) << 1 | (from >> NARROW_AT & 1) << 2);
    if (*way == WAY_CHANGED) {
        if (!(pc == l->changed ? wait_changed(l, pc, off, l->masks, 0, EVENT_JUMP) : covered_lightly(l, pc + 1 + (uint64_t)off, l->walked + pc + 1))) { *way = WAY_PARTS; }
        return true;
    }
    if ((row & ACCESS) != 0) { return pc != l->linked && reach_stack(l, fields, imm, row, pc == l->tracked); }
    if (imm != 0) { return false; }
    if (fields == (BPF_CLASS_JMP | BPF_JMP_EXIT)) {
        *way = WAY_ENDED;
        return exit_simply(l, pc, to);
    }
    bool jumps = (row & KIND) == JUMP && (fields & 0xff00) == 0;
    *way = jumps && jump_lightly(l, pc, off) ? WAY_ENDED : WAY_PARTS;
    return jumps;
}

/* Before an instruction that is left to others. */
static enum fast_end unstepped(const struct loop *l, uint64_t pc) { return l->tracked != pc ? FAST_SLOW : l->linked == pc ? FAST_LINKED : FAST_TRACKED; }

/* Before an instruction at which an event is due, or the loop ends. True when it goes on; l->tracked is this slot when the event
 * says so. */
[[gnu::noinline]] static bool pass_event(struct loop *l, uint64_t pc, enum fast_end *how) {
    struct checker *c = l->c;
    uint64_t last = l->m->v->program->count - 1;
    bool here = c->due == c->steps + (pc - l->start);
    if (here && c->event == EVENT_FALL && pc != l->start) { return false; }
    if (here && (c->event == EVENT_TRACK || c->event == EVENT_LINK) && (pc != l->end || pc == last)) {
        l->tracked = pc;
        if (c->event == EVENT_LINK) { l->linked = pc; }
        next_event_at(c, c->due);
    }
    if (pc == l->end) {
        if (pc == last) { *how = unstepped(l, pc); }
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

/* Steps until something is in the way that this loop can't do: its slot. */
static inline uint64_t step_many(struct loop *l, uint64_t pc, bool ended, enum fast_end *how) {
    for (;;) {
        *how = FAST_ENDED;
        if (ended && !go_on_lightly(l, &pc)) { return pc; }
        enum way way = step_common(l, pc, &pc);
        *how = FAST_STOP;
        ended = false;
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
            if (pass_event(l, pc, how)) { continue; }
            if (*how == FAST_STOP) { return pc; }
        }
        uint8_t before = l->flags[pc];
        bool stepped = way == WAY_TRACKED ? step_tracked(l, pc) : step_odd(l, pc, &way);
        if (!stepped) {
            l->flags[pc] = before;
            if (way == WAY_ODD && overwrites(l, pc)) { continue; }
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
    bool slow = v->observer != nullptr || is_privileged(v) || (v->facts->flags[m->state.pc] & FACT_REACHED) != 0 || (m->state.pc + 1 == v->program->count && c->light_count == 0);
    if (slow && !ended) {
        how = is_due(c, EVENT_LINK) ? FAST_LINKED : is_due(c, EVENT_TRACK) ? FAST_TRACKED : FAST_SLOW;
        if (how != FAST_SLOW) { next_event(c); }
        return how;
    }
    uint64_t start = m->state.pc;
    struct light *free = c->light + c->light_count, *full = c->light + LIGHTS;
    struct loop l = {.m = m, .c = c, .regs = m->frame->regs, .flags = v->facts->flags, .count = v->program->count,
                     .maps = v->program->maps, .lowest = BPF_STACK_BYTES, .walked = m->state.walked - start, .free = free, .full = full, .most = free,
                     .held_slots = c->held_slots, .held = held_of(m, c->held)};
    hide(&l, m->masks);
    begin_at(&l, start);
    if (free != c->light) { l.passed = NO_SLOT; }
    uint64_t pc = step_many(&l, start, ended, &how);
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
