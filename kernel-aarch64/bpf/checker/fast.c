/* An instruction here is two words: opcode in bits 0..7 of the first, dst 8..11, src 12..15, off 16..31; imm (RFC 9669 §3). The
 * masks of the machine stand in a register while the loop goes. As one switch, and longer than others, for that reason. */

#include "bpf/checker/fast.h"
#include "bpf/checker/light.h"
#include "bpf/checker/rows.h"

/* Where an access must end, from the base of a pointer; 0 where it is not as simple as that. */
static inline uint64_t reach_of(const struct machine *m, const struct reg *p, bool writes) {
    switch (p->kind) {
    case REG_MEMORY: return p->range;
    case REG_PACKET: return writes && (m->v->type->flags & TYPE_PACKET_WRITE) == 0 ? 0 : p->range;
    case REG_MAP_VALUE: {
        const struct bpf_map_shape *map = &m->v->program->maps[p->map];
        return writes && (map->flags & MAP_FLAG_READ_ONLY) != 0 ? 0 : map->value_size;
    }
    default: return 0;
    }
}

/* Eight bytes of the stack, or what lies inside a slot that is plain. */
static inline bool stack_access(struct loop *l, const struct reg *p, int64_t off, uint32_t bytes, bool writes) {
    struct machine *m = l->m;
    uint64_t at = (uint64_t)(off + BPF_STACK_BYTES);
    if (p->kind != REG_STACK || (p->var.mask | p->var.value) != 0 || at >= BPF_STACK_BYTES || (at & (bytes - 1)) != 0) { return false; }
    uint64_t bit = (uint64_t)1 << at / 8;
    if (m->followed_slots != 0) { return false; }
    if ((m->plain & bit) == 0) {
        if (!writes || bytes != 8 || (l->c->held_slots & bit) != 0) { return false; }
        struct slot *slot = &m->frame->slots[at / 8];
        slot->written = 255;
        slot->spill_bytes = slot->zeros = 0;
        m->frame->used |= bit;
        m->plain |= bit;
    }
    uint32_t depth = BPF_STACK_BYTES - ((uint32_t)at & ~7u);
    struct function *function = &m->v->functions[0];
    if (depth > function->stack_bytes) { function->stack_bytes = (uint16_t)depth; }
    return true;
}

/* `base` is a pointer. A range is proven of what lies behind base and number of a packet pointer, of others behind the base. */
static bool access(struct loop *l, uint32_t fields, uint32_t base, bool writes) {
    const struct reg *p = &l->regs[base];
    uint32_t bytes = access_bytes(fields);
    int64_t off = p->off + (int64_t)((int32_t)fields >> 16), end = off + bytes;
    if (p->kind != REG_PACKET) { end += p->var.smax; }
    if (off + p->var.smin >= 0 && end <= (int64_t)reach_of(l->m, p, writes)) { return true; }
    return stack_access(l, p, off, bytes, writes);
}

/* The register is any number from now on; `was`: the masks shifted down to it. False when it may not be written. */
static inline bool loosen(struct loop *l, uint64_t was, uint32_t dst, uint64_t narrow) {
    if ((was & LOOSE) == 0) {
        if (!is_free(l, dst)) { return false; }
        reg_set_scalar(&l->regs[dst]);
    }
    l->masks = (l->masks & ~((NUMBER | LOOSE | NARROW | POINTER) << dst)) | (NUMBER | LOOSE | narrow << NARROW_AT) << dst;
    return true;
}

/* Pointers that numbers are simply added to. */
static const uint32_t movable = 1u << REG_STACK | 1u << REG_MAP_VALUE | 1u << REG_PACKET | 1u << REG_MEMORY | 1u << REG_PACKET_META;

/* A constant added to a pointer. */
static inline bool move_pointer(struct reg *p, int64_t by) {
    int64_t off = p->off + by;
    if ((movable >> p->kind & 1) == 0 || by <= -OFFSET_LIMIT || by >= OFFSET_LIMIT || off <= -OFFSET_LIMIT || off >= OFFSET_LIMIT) { return false; }
    p->off = (int32_t)off;
    return true;
}

/* The register is a copy of a pointer from now on. */
static inline void copy_pointer(struct loop *l, uint32_t dst, uint32_t src) {
    reg_copy(&l->regs[dst], &l->regs[src]);
    l->masks = (l->masks & ~((NUMBER | LOOSE | NARROW | POINTER) << dst)) | POINTER << dst;
}

/* A number of a known range and a pointer to a known place, added: the number is all that is not known of the place then. */
static inline bool index_pointer(struct loop *l, uint64_t to, uint64_t from, uint32_t dst, uint32_t src) {
    const uint32_t kinds = movable & ~(1u << REG_PACKET | 1u << REG_PACKET_META);
    bool reversed = (from & POINTER) != 0;
    if (((reversed ? to : from) & (NUMBER | LOOSE)) != NUMBER) { return false; }
    struct reg *p = &l->regs[reversed ? src : dst];
    const struct scalar *by = &l->regs[reversed ? dst : src].var;
    if (by->mask == 0 || (p->var.mask | p->var.value) != 0 || (kinds >> p->kind & 1) == 0) { return false; }
    if (by->smin <= -OFFSET_LIMIT || by->smax >= OFFSET_LIMIT) { return false; }
    struct scalar number = *by;
    if (reversed) { copy_pointer(l, dst, src); }
    l->regs[dst].var = number;
    return true;
}

static inline void keep_known(struct loop *l, uint32_t dst) { l->masks &= ~(LOOSE << dst); }

/* The low bits of any number. */
static inline void mask_number(struct scalar *s, uint64_t mask) {
    *s = (struct scalar){0, mask, 0, mask, 0, (int64_t)mask, 0, (uint32_t)mask, 0, (int32_t)mask};
}

enum stepped { NOT_SIMPLE /* and nothing done */, STEPPED, BRANCHES, NARROWS, JUMPS };

/* Arithmetic whose result matters, as step.h has it. */
[[gnu::noinline]] static void operate(struct machine *m, struct bpf_insn insn) {
    uint32_t dst = insn_dst(insn), src = insn_src(insn), op = insn.opcode & 0xf0u;
    struct reg *r = &m->frame->regs[dst];
    struct scalar by;
    machine_settle(m, dst);
    if ((insn.opcode & BPF_SRC_X) == 0) {
        scalar_set_const(&by, (uint64_t)(int64_t)insn.imm);
    } else if (in_mask(m->loose, src)) {
        scalar_set_loaded(&by, in_mask(m->narrow, src) ? 4 : 8, false);
    } else {
        by = m->frame->regs[src].var;
    }
    if ((r->id | r->map) != 0) { reg_shift_link(r, insn); }
    if (insn_class(insn) == BPF_CLASS_ALU64) {
        scalar_alu64(op, false, &r->var, &by);
    } else {
        scalar_alu32(op, false, &r->var, &by);
    }
    uint32_t bit = 1u << dst;
    m->narrow = (uint16_t)((m->narrow & ~bit) | (scalar_fits_u32(&r->var) ? bit : 0));
}

static inline enum stepped operate_known(struct loop *l, uint32_t fields, uint32_t imm) {
    if (!is_free(l, fields >> 8 & 15)) { return NOT_SIMPLE; }
    l->m->masks = l->masks; /* the followed ones are not asked for */
    operate(l->m, (struct bpf_insn){(uint8_t)fields, (uint8_t)(fields >> 8), 0, (int32_t)imm});
    l->masks = l->m->masks;
    return STEPPED;
}

/* One instruction, as two words. `to`, `from`: the masks shifted down to dst and src; `narrow`: whether these are. */
static inline enum stepped step(struct loop *l, uint32_t fields, uint32_t imm, uint64_t to, uint64_t from, uint32_t narrow, bool track) {
    const struct row *row = &rows[(uint8_t)fields];
    uint32_t dst = fields >> 8 & 15, src = fields >> 12 & 15, result;
    const uint32_t not_k = 0xfffff000, not_x = 0xffff0000, not_st = 0xf000, not_j = 0xff00;
    switch (row->kind) {
    case ADD_X:
        if (((to | from) & POINTER) != 0) {
            return ((fields & not_x) | imm) == 0 && is_free(l, dst) && index_pointer(l, to, from, dst, src) ? STEPPED : NOT_SIMPLE;
        }
        [[fallthrough]];
    case ALU_X:
        if (((fields & not_x) | imm) != 0 || (to & from & NUMBER) == 0) { return NOT_SIMPLE; }
        if (track) { return operate_known(l, fields, imm); }
        result = row->narrow >> narrow;
        break;
    case AND_K:
        if (track && (to & (NUMBER | LOOSE)) == (NUMBER | LOOSE) && (int32_t)imm > 0 && (fields & not_k) == 0) {
            if (!is_free(l, dst) || !loosen(l, to, dst, 1)) { return NOT_SIMPLE; }
            keep_known(l, dst);
            mask_number(&l->regs[dst].var, imm);
            return STEPPED;
        }
        goto with_constant;
    case ADD_K:
        if ((to & POINTER) != 0) {
            return (fields & not_k) == 0 && is_free(l, dst) && move_pointer(&l->regs[dst], (int32_t)imm) ? STEPPED : NOT_SIMPLE;
        }
        [[fallthrough]];
    case RIGHT_K:
    case ALU_K:
    with_constant:
        if ((fields & not_k) != 0 || (to & NUMBER) == 0) { return NOT_SIMPLE; }
        if (track) { return operate_known(l, fields, imm); }
        result = row->narrow >> ((narrow & 1) | (~imm >> 31 << 1));
        if (row->kind == RIGHT_K) { result |= imm >> 5; } /* by 32 bits or more */
        break;
    case MOV_K:
        if ((fields & not_k) != 0) { return NOT_SIMPLE; }
        result = row->narrow >> (~imm >> 31 << 1) & 1;
        if ((track && !is_free(l, dst)) || !loosen(l, to, dst, result)) { return NOT_SIMPLE; }
        if (track) {
            keep_known(l, dst);
            scalar_set_const(&l->regs[dst].var, result != 0 ? imm : (uint64_t)(int64_t)(int32_t)imm);
        }
        return STEPPED;
    case MOV_X:
        if (((fields & not_x) | imm) != 0) { return NOT_SIMPLE; }
        if ((from & NUMBER) == 0) {
            bool copies = (from & POINTER) != 0 && (uint8_t)fields == (BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_X);
            if (!copies || !is_free(l, dst) || (l->m->followed >> src & 1) != 0) { return NOT_SIMPLE; }
            copy_pointer(l, dst, src);
            return STEPPED;
        }
        if (track) { return NOT_SIMPLE; }
        result = row->narrow >> narrow;
        break;
    case LOAD:
        if (imm != 0 || (from & POINTER) == 0 || (track && (access_bytes(fields) >= 4 || !is_free(l, dst)))) { return NOT_SIMPLE; }
        if (!access(l, fields, src, false)) { return NOT_SIMPLE; }
        result = row->narrow;
        if (track) {
            if (!loosen(l, to, dst, 1)) { return NOT_SIMPLE; }
            keep_known(l, dst);
            scalar_set_loaded(&l->regs[dst].var, access_bytes(fields), false);
            return STEPPED;
        }
        break;
    case STORE_X: return imm == 0 && (from & NUMBER) != 0 && !track && (to & POINTER) != 0 && access(l, fields, dst, true) ? STEPPED : NOT_SIMPLE;
    case STORE_K: return (fields & not_st) == 0 && !track && (to & POINTER) != 0 && access(l, fields, dst, true) ? STEPPED : NOT_SIMPLE;
    case JUMP: return (fields & not_j) == 0 && imm == 0 ? JUMPS : NOT_SIMPLE;
    case CONDITION_X: return imm == 0 && (to & from & NUMBER) != 0 && !track ? BRANCHES : NOT_SIMPLE;
    case CONDITION_K:
        if ((fields & not_st) != 0 || (to & NUMBER) == 0) { return NOT_SIMPLE; }
        return !track ? BRANCHES : (to & LOOSE) == 0 ? NARROWS : NOT_SIMPLE;
    case SLOW: return NOT_SIMPLE; /* a word of zeros among them */
    default: unreachable();
    }
    return loosen(l, to, dst, result & 1) ? STEPPED : NOT_SIMPLE;
}

/* A condition on a number that is known, compared with a constant: the state that does not jump goes on. */
[[gnu::noinline]] static bool narrow_known(struct loop *l, uint64_t pc, uint32_t fields, uint32_t imm, uint32_t *way) {
    struct checker *c = l->c;
    struct reg *r = &l->regs[fields >> 8 & 15];
    uint32_t dst = fields >> 8 & 15, op = fields & 0xf0;
    bool is64 = (fields & 7) == BPF_CLASS_JMP;
    uint64_t target = pc + 1 + (uint64_t)(int64_t)((int32_t)fields >> 16);
    struct scalar k, k2, taken, passed;
    if (target >= l->m->v->program->count) { return false; }
    scalar_set_const(&k, (uint64_t)(int64_t)(int32_t)imm);
    enum certainty certainty = scalar_compare(op, &r->var, &k, is64);
    if (certainty == NEVER) {
        *way = FACT_NEVER_TAKEN;
        return true;
    }
    const struct reader before = c->in;
    uint64_t loose, masks = l->masks, bit = NARROW << dst;
    bool changes = c->event == EVENT_JUMP && c->due == c->steps + (pc - l->m->state.pc);
    if (certainty == ALWAYS || r->id != 0 || !is_free(l, dst) || !changes || !loosened(c, masks & ALL_REGS, &loose)) { return false; }
    taken = passed = r->var;
    k2 = k;
    if (!scalar_assume(op, &taken, &k, is64) || !scalar_assume(comparison_negated(op), &passed, &k2, is64)) {
        c->in = before;
        return false;
    }
    masks = (masks & ~bit) | (scalar_fits_u32(&taken) ? bit : 0) | loose << LOOSE_AT;
    if ((loose >> dst & 1) == 0 || !wait_lightly(l, pc, target, masks)) {
        c->in = before;
        return false;
    }
    next_event_at(c, c->due);
    r->var = passed;
    l->masks = (l->masks & ~bit) | (scalar_fits_u32(&passed) ? bit : 0);
    return true;
}

/* ---- the loop ---- */

/* The slot at which the next event comes, if it comes on the way from here. */
static inline uint64_t due_slot(const struct checker *c, uint64_t end) {
    uint64_t after = c->due - c->steps, start = c->machine.state.pc;
    return after < end - start ? start + after : end;
}

/* Steps what makes any number of any number, and stores, from pc up to `stop` at most. */
static inline uint64_t step_loose(struct loop *l, const struct bpf_insn *insns, uint8_t *flags, uint64_t pc, uint64_t stop) {
    uint64_t masks = l->masks;
    for (; pc != stop && flags[pc] == 0; pc++) {
        uint32_t fields, imm, kind, narrow;
        __builtin_memcpy(&fields, &insns[pc], sizeof(fields));
        __builtin_memcpy(&imm, &insns[pc].imm, sizeof(imm));
        uint32_t dst = fields >> 8 & 15, src = fields >> 12 & 15;
        uint64_t to = masks >> dst, from = masks >> src;
        uint32_t before = (to >> NARROW_AT & 1) | (from >> NARROW_AT & 1) << 1;
        const struct row *row = &rows[(uint8_t)fields];
        kind = row->kind;
        if ((kind & WITH_X) != 0) {
            if ((fields >> 16 | imm) != 0 || (to & LOOSE) == 0 || (from & NUMBER) == 0) { break; }
            narrow = row->narrow >> before;
        } else if ((kind & WITH_K) != 0) {
            if (fields >> 12 != 0 || (to & LOOSE) == 0) { break; }
            narrow = row->narrow >> ((before & 1) | ~imm >> 31 << 1);
            if (kind == RIGHT_K) { narrow |= imm >> 5; } /* by 32 bits or more */
        } else if (kind == LOAD) {
            if (imm != 0 || (to & LOOSE) == 0 || (from & POINTER) == 0 || !access(l, fields, src, false)) { break; }
            narrow = row->narrow;
        } else {
            bool stores = kind == STORE_X ? imm == 0 && (from & NUMBER) != 0 : kind == STORE_K && src == 0;
            if (!stores || (to & POINTER) == 0 || !access(l, fields, dst, true)) { break; }
            flags[pc] = (uint8_t)(FACT_REACHED | before << 1);
            continue;
        }
        uint64_t bit = NARROW << dst;
        masks = (narrow & 1) != 0 ? masks | bit : masks & ~bit;
        flags[pc] = (uint8_t)(FACT_REACHED | before << 1);
    }
    l->masks = masks;
    return pc;
}

/* After a step that was a jump of some kind; false when it leaves the loop. */
static inline bool goes_on(struct loop *l, enum stepped *stepped, uint64_t pc, uint32_t fields, uint32_t imm, uint32_t *way) {
    struct checker *c = l->c;
    if (*stepped == NARROWS && !narrow_known(l, pc, fields, imm, way)) { *stepped = NOT_SIMPLE; }
    if (*stepped != BRANCHES) { return *stepped == NARROWS; }
    const struct reader unread = c->in;
    uint64_t loose = 0;
    bool changes = c->event == EVENT_JUMP && c->due == c->steps + (pc - l->m->state.pc);
    if (changes && !loosened(c, l->masks & ALL_REGS, &loose)) { return false; }
    if (!wait_lightly(l, pc, pc + 1 + (uint64_t)(int64_t)((int32_t)fields >> 16), l->masks | loose << LOOSE_AT)) {
        c->in = unread;
        return false;
    }
    if (changes) { next_event_at(c, c->due); }
    return true;
}

/* Whether the loop may go on at a slot that something is known of already. */
static inline bool passes(struct loop *l, uint64_t pc, uint64_t start, uint64_t stop) {
    const struct checker *c = l->c;
    if (c->light_count == 0) { return pc == start; }
    bool here = c->light[c->light_count - 1].target == pc, at_jump = c->event == EVENT_TRACK || c->event == EVENT_JUMP;
    return here && (pc != stop || at_jump) && meet_lightly(l);
}

[[gnu::noinline]] enum fast_end fast_run(struct checker *c) {
    struct machine *m = &c->machine;
    struct verifier *v = m->v;
    uint64_t start = m->state.pc, pc = start, last = v->program->count - 1, left = c->budget - c->steps; /* what follows the last is not simple */
    bool track = false;
    if (v->observer != nullptr || is_privileged(v)) {
        track = is_due(c, EVENT_TRACK);
        if (track) { next_event(c); }
        return track ? FAST_TRACKED : FAST_SLOW;
    }
    const uint64_t hidden = m->masks & (uint64_t)m->followed * (NUMBER | LOOSE);
    struct loop l = {m, c, m->frame->regs, m->masks & ~hidden, no_registers | m->followed | c->held};
    const struct bpf_insn *insns = v->program->insns;
    uint8_t *flags = v->facts->flags;
    uint64_t end = left < last - pc ? pc + left : last, stop = due_slot(c, end);
    enum fast_end how = FAST_STOP;
    for (;;) {
        pc = step_loose(&l, insns, flags, pc, stop);
        uint32_t fields, imm, before = flags[pc], way = 0;
        if (before != 0 && !passes(&l, pc, start, stop)) { break; }
        if ((before & FACT_REACHED) != 0) { how = FAST_SLOW; }
        if (pc == stop) {
            bool here = c->due == c->steps + (pc - start);
            if (here && c->event == EVENT_FALL && pc != start) {
                how = FAST_STOP;
                break;
            }
            if (here && c->event == EVENT_TRACK && (pc != end || pc == last)) {
                track = true;
                next_event_at(c, c->due);
            }
            if (pc == end) {
                how = pc == last ? FAST_SLOW : how;
                break;
            }
            stop = due_slot(c, end);
            if (stop == pc) { stop = end; } /* an event of what this instruction leads to */
        }
        if (how == FAST_SLOW) { break; }
        __builtin_memcpy(&fields, &insns[pc], sizeof(fields));
        __builtin_memcpy(&imm, &insns[pc].imm, sizeof(imm));
        uint64_t to = l.masks >> (fields >> 8 & 15), from = l.masks >> (fields >> 12 & 15);
        uint32_t narrow = (to >> NARROW_AT & 1) | (from >> NARROW_AT & 1) << 1;
        enum stepped stepped = step(&l, fields, imm, to, from, narrow, track);
        bool stays = stepped == STEPPED || goes_on(&l, &stepped, pc, fields, imm, &way);
        if (stepped == NOT_SIMPLE) {
            how = FAST_SLOW;
            break;
        }
        flags[pc++] = (uint8_t)(before | FACT_REACHED | narrow << 1 | way);
        track = false;
        if (!stays) {
            how = FAST_PARTS;
            break;
        }
        if (stepped != STEPPED) { stop = due_slot(c, end); }
    }
    m->masks = l.masks | hidden;
    m->state.pc = (uint32_t)pc;
    m->state.walked += pc - start;
    c->steps += pc - start;
    c->reached += (uint32_t)(pc - start);
    return how == FAST_SLOW && track ? FAST_TRACKED : how;
}
static_assert(FACT_DST_UPPER_ZERO == 2 && FACT_SRC_UPPER_ZERO == 4);
