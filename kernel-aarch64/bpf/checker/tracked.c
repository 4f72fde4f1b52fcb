/* Instructions whose result matters, for fast.c. Long: all of them share what may be written while states wait. */

#include "bpf/checker/tracked.h"
#include "bpf/verifier/small.h"

/* Arithmetic whose result matters, as step.h has it; false when it may not be written. */
[[gnu::noinline]] static bool operate(struct loop *l, uint32_t fields, uint32_t imm) {
    const struct bpf_insn insn = {(uint8_t)fields, (uint8_t)(fields >> 8), 0, (int32_t)imm};
    uint32_t dst = insn_dst(insn), src = insn_src(insn), op = insn.opcode & 0xf0u;
    struct machine *m = l->m;
    if (!may_write(l, dst)) { return false; }
    struct reg *r = &l->regs[dst];
    struct scalar by;
    struct distance moved;
    m->masks = l->masks; /* the hidden ones are not asked for */
    bool follows = in_mask(m->followed, dst), moves = follows && machine_moves_by(m, insn, &moved);
    machine_settle(m, dst);
    bool constant = (insn.opcode & BPF_SRC_X) == 0, known = !constant && !in_mask(m->loose, src);
    uint8_t origin = known ? origin_moved(insn, r, &l->regs[src]) : ORIGIN_ANY;
    if ((r->id | r->map) != 0) { reg_shift_link(r, insn); }
    if (origin != ORIGIN_ANY) { r->map = origin; }
    const struct small k = small_const((uint64_t)(int64_t)insn.imm);
    if (!constant || !scalar_alu_small(op, &r->var, &k)) { /* which both of these begin with */
        if (constant) {
            scalar_set_const(&by, k.low);
        } else if (known) {
            scalar_copy(&by, &l->regs[src].var);
        } else {
            scalar_set_loaded(&by, in_mask(m->narrow, src) ? 4 : 8, false);
        }
        if (insn_class(insn) == BPF_CLASS_ALU64) {
            scalar_alu64(op, false, &r->var, &by);
        } else {
            scalar_alu32(op, false, &r->var, &by);
        }
    }
    uint32_t bit = 1u << dst;
    m->narrow = (uint16_t)((m->narrow & ~bit) | (scalar_fits_u32(&r->var) ? bit : 0));
    l->masks = m->masks;
    if (moves) {
        rank_add(m, dst, moved);
    } else if (follows) {
        rank_forget(m, bit);
    }
    if (follows) { follow(l); }
    return true;
}

/* A number is copied: as step.h has it, both are linked from now on. */
[[gnu::noinline]] static bool move(struct loop *l, uint32_t fields) {
    uint32_t dst = fields >> 8 & 15, src = fields >> 12 & 15;
    bool wide = (fields & 7) == BPF_CLASS_ALU64, was_loose = (l->masks >> src & LOOSE) != 0;
    struct machine *m = l->m;
    struct reg *to = &l->regs[dst], *from = &l->regs[src];
    if (dst == src || !may_write(l, dst) || !may_write(l, src)) { return false; }
    m->masks = l->masks;
    machine_settle(m, src);
    bool same = wide || scalar_fits_u32(&from->var), follows = in_mask(m->followed, dst) || in_mask(m->followed, src);
    if (same && from->id == 0 && !scalar_is_const(&from->var)) { from->id = new_id(m->v); }
    reg_copy(to, from);
    if (!same) {
        reg_renumber(to);
        scalar_zero_extend_32(&to->var);
    }
    machine_note(m, dst);
    l->masks = m->masks | (was_loose && from->id == 0 ? LOOSE << src : 0);
    l->held &= ~((uint64_t)1 << HIDDEN_AT << dst);
    if (!follows) { return true; }
    if (same) {
        rank_move(m, dst, src);
    } else {
        rank_forget(m, 1u << dst);
    }
    follow(l);
    return true;
}

/* The same, and the copy is a number of its own. */
static bool copy(struct loop *l, uint32_t fields) {
    uint32_t dst = fields >> 8 & 15, src = fields >> 12 & 15;
    const uint64_t from = l->masks >> src & EACH;
    bool wide = (fields & 7) == BPF_CLASS_ALU64, same = wide || (from & NARROW) != 0;
    struct reg *to = &l->regs[dst];
    if (dst == src && same && (from & LOOSE) == 0) { return true; }
    if (!is_free(l, dst) && !unfollow(l, dst)) { return false; }
    if ((from & LOOSE) != 0) {
        reg_set_head(to, REG_SCALAR);
    } else {
        reg_copy(to, &l->regs[src]);
        reg_renumber(to);
        if (!same) { scalar_zero_extend_32(&to->var); }
    }
    l->masks = (l->masks & ~(EACH << dst)) | (wide ? from : from | NARROW) << dst;
    return true;
}

/* The register is a number of a known range from now on, which the caller writes; null when it may not be written. */
static inline struct scalar *know(struct loop *l, uint32_t dst, bool narrow) {
    if (!is_free(l, dst) && !unfollow(l, dst)) { return nullptr; }
    reg_set_scalar(&l->regs[dst]);
    l->masks = (l->masks & ~(EACH << dst)) | (NUMBER | (narrow ? NARROW : 0)) << dst;
    return &l->regs[dst].var;
}

static inline bool set_number(struct scalar *s, uint64_t value) {
    if (s != nullptr) { scalar_set_const(s, value); }
    return s != nullptr;
}

static bool read_same(struct reader *in, const struct distance *d) { return read_signed(in) == d->least && read_signed(in) == d->most; }

/* Each rank is either as it is or dropped: those that are, and registers that are followed all the same. */
static bool read_dropped(struct checker *c, uint32_t *dropped, uint32_t *followed) {
    *followed = 0;
    for (uint32_t i = 0; i < c->machine.rank_count; i++) {
        const struct rank *rank = &c->machine.ranks[i];
        if ((rank->regs | rank->slots) == 0) { continue; }
        uint64_t regs = read_number(&c->in), slots = read_number(&c->in);
        if ((regs | slots) == 0) {
            *dropped |= 1u << i;
            continue;
        }
        if (regs != rank->regs || slots != rank->slots) { return false; }
        *followed |= rank->regs;
        for (; regs != 0; regs &= regs - 1) {
            if (!read_same(&c->in, &rank->by_reg[__builtin_ctzll(regs)])) { return false; }
        }
        for (; slots != 0; slots &= slots - 1) {
            if (!read_same(&c->in, &rank->by_slot[__builtin_ctzll(slots)])) { return false; }
        }
    }
    return true;
}

/* What a change makes of the masks of the state that jumps, when all it says is that registers are loose, or not set, and ranks
 * dropped. */
static bool change_masks(const struct loop *l, uint64_t *masks, uint64_t *held) {
    struct checker *c = l->c;
    const struct reader before = c->in;
    uint64_t hidden = *held >> HIDDEN_AT & ALL_REGS;
    uint32_t followed = l->m->followed, dropped = 0;
    uint64_t parts = read_number(&c->in), unset = 0, loose = 0, wide = 0;
    bool simple = (parts & ~(uint64_t)(CHANGE_UNSET | CHANGE_LOOSE | CHANGE_WIDE | CHANGE_RANKS)) == 0;
    if (simple && (parts & CHANGE_UNSET) != 0) { unset = read_number(&c->in); }
    if (simple && (parts & CHANGE_LOOSE) != 0) { loose = read_number(&c->in); }
    if (simple && (parts & CHANGE_WIDE) != 0) { wide = read_number(&c->in); }
    if (simple && (parts & CHANGE_RANKS) != 0) { simple = read_dropped(c, &dropped, &followed); }
    if (!simple || (wide & ~(uint64_t)ALL_REGS) != 0 || (unset & (~(uint64_t)ALL_REGS | followed)) != 0 || (loose & ~((*masks | hidden) & ALL_REGS)) != 0 || c->in.bad) {
        c->in = before;
        return false;
    }
    hidden = (hidden | (loose & l->m->followed)) & ~unset;
    *masks = (*masks | loose << LOOSE_AT) & ~(unset * EACH) & ~(hidden * (NUMBER | LOOSE)) & ~((wide & (*masks >> LOOSE_AT | loose | hidden)) << NARROW_AT);
    *held = (*held & ~((uint64_t)ALL_REGS << HIDDEN_AT)) | hidden << HIDDEN_AT | (uint64_t)dropped << DROPPED_AT;
    return true;
}

bool wait_changed(struct loop *l, uint64_t pc, int64_t by, uint64_t masks, uint32_t unknown, enum event event) {
    struct checker *c = l->c;
    const struct reader before = c->in;
    uint64_t at = event == EVENT_FALL ? pc + 1 : pc;
    if (!may_wait(l, l->flags, pc, by) || c->event != (uint32_t)event || c->due != c->steps + (at - l->start)) { return false; }
    uint64_t held = l->held;
    if (!change_masks(l, &masks, &held) || (known_in(masks) & unknown) != 0) {
        c->in = before;
        return false;
    }
    const uint64_t now = c->due;
    next_event_at(c, now);
    if (c->event == EVENT_LOOP && c->due == now + (event == EVENT_JUMP)) { /* it is entered right away */
        c->in = before;
        c->event = event;
        c->due = now;
        return false;
    }
    wait_lightly(l, l->flags, pc, by, masks);
    l->free[-1].held = held;
    uint64_t due = due_slot(l);
    stop_no_more(l);
    stop_at(l, due > pc ? due : l->end);
    return true;
}

/* Registers that hold the same number as this one, itself among them. False when another number is known to differ from it by a
 * constant, or is on the stack, or one of them may not be written. */
static bool same_numbers(struct loop *l, uint32_t r, uint32_t *same) {
    const struct reg *reg = &l->regs[r];
    *same = 1u << r;
    if (!may_write(l, r)) { return false; }
    if (reg->id == 0) { return true; }
    for (uint32_t others = known_in(l->masks) & (uint32_t)l->masks & ~(1u << r); others != 0; others &= others - 1) {
        uint32_t other = (uint32_t)__builtin_ctz(others);
        if (l->regs[other].id != reg->id) { continue; }
        if (l->regs[other].off != reg->off || !may_write(l, other)) { return false; }
        *same |= 1u << other;
    }
    const struct frame *frame = l->m->frame;
    for (uint64_t kept = frame->used & ~l->m->plain; kept != 0; kept &= kept - 1) {
        const struct slot *slot = &frame->slots[__builtin_ctzll(kept)];
        if (slot->spill_bytes != 0 && slot->reg.kind == REG_SCALAR && slot->reg.id == reg->id) { return false; }
    }
    return true;
}

/* These registers hold such a number from now on. */
static void write_numbers(struct loop *l, uint32_t same, const struct scalar *var) {
    for (; same != 0; same &= same - 1) { scalar_copy(&l->regs[__builtin_ctz(same)].var, var); }
}

/* What the masks say then. */
static uint64_t masks_with(uint64_t masks, uint32_t same, const struct scalar *var) {
    uint64_t all = (uint64_t)same << NARROW_AT;
    return (masks & ~all) | (scalar_fits_u32(var) ? all : 0);
}

/* The state that jumps, whose numbers are those of `taken` in the registers of `same`, is covered where it leads. False, and nothing
 * done, when it is not so simple. */
static bool jumps_covered(struct loop *l, uint64_t pc, uint64_t target, const uint32_t *same, const struct scalar *taken, uint64_t masks) {
    const uint64_t now = l->masks;
    const uint32_t a = (uint32_t)__builtin_ctz(same[0]), b = same[1] == 0 ? a : (uint32_t)__builtin_ctz(same[1]);
    struct scalar before[2];
    if (l->changed == pc) { return false; }
    scalar_copy(&before[0], &l->regs[a].var);
    scalar_copy(&before[1], &l->regs[b].var);
    write_numbers(l, same[0], &taken[0]);
    write_numbers(l, same[1], &taken[1]);
    l->masks = masks;
    bool covered = covered_lightly(l, target, l->walked + pc + 1);
    l->masks = now;
    if (!covered) {
        write_numbers(l, same[0], &before[0]);
        write_numbers(l, same[1], &before[1]);
    }
    return covered;
}

/* A condition on a number that is known, compared with another or a constant: the state that does not jump goes on. */
[[gnu::noinline]] static bool narrow_known(struct loop *l, uint64_t pc, uint32_t fields, uint32_t imm) {
    uint32_t dst = fields >> 8 & 15, src = fields >> 12 & 15, op = fields & 0xf0, same[2] = {0, 0};
    bool is64 = (fields & 7) == BPF_CLASS_JMP, constant = (fields & BPF_SRC_X) == 0;
    int64_t by = (int32_t)fields >> 16;
    struct scalar taken[2], passed[2];
    if (pc + 1 + (uint64_t)by >= l->count) { return false; }
    scalar_copy(&taken[0], &l->regs[dst].var);
    if (constant) {
        scalar_set_const(&taken[1], (uint64_t)(int64_t)(int32_t)imm);
    } else {
        scalar_copy(&taken[1], &l->regs[src].var);
    }
    enum certainty certainty = scalar_compare(op, &taken[0], &taken[1], is64);
    if (certainty == NEVER) {
        l->flags[pc] |= FACT_NEVER_TAKEN;
        return true;
    }
    if (certainty == ALWAYS || !same_numbers(l, dst, &same[0])) { return false; }
    if (!constant && (!same_numbers(l, src, &same[1]) || (same[0] & same[1]) != 0)) { return false; }
    scalar_copy(&passed[0], &taken[0]);
    scalar_copy(&passed[1], &taken[1]);
    if (!scalar_assume(op, &taken[0], &taken[1], is64) || !scalar_assume(comparison_negated(op), &passed[0], &passed[1], is64)) { return false; }
    uint64_t masks = masks_with(masks_with(l->masks, same[0], &taken[0]), same[1], &taken[1]);
    bool left = may_wait(l, l->flags, pc, by) ? wait_changed(l, pc, by, masks, same[0] | same[1], EVENT_JUMP)
                                              : jumps_covered(l, pc, pc + 1 + (uint64_t)by, same, taken, masks);
    if (!left) { return false; }
    write_numbers(l, same[0], &passed[0]);
    write_numbers(l, same[1], &passed[1]);
    l->masks = masks_with(masks_with(l->masks, same[0], &passed[0]), same[1], &passed[1]);
    return true;
}

[[gnu::noinline]] bool overwrites(struct loop *l, uint64_t pc) {
    uint32_t fields, row;
    __builtin_memcpy(&fields, &l->insns[pc], sizeof(fields));
    row = rows[(uint8_t)fields];
    uint32_t dst = fields >> 8 & 15, src = fields >> 12 & 15, kind = row & KIND, op = fields & 0xf0;
    bool follows = in_mask(l->m->followed, src) && (l->linked == pc || (l->masks >> src & NUMBER) == 0);
    bool copies = kind == MOV_X && (dst == src || follows);
    bool moves = in_mask(l->m->followed, dst) && (op == BPF_ALU_ADD || op == BPF_ALU_SUB);
    bool makes = (row & (WITH_X | WITH_K)) != 0 && ((row & FRESH) != 0 ? !copies : !moves);
    return (makes || kind == LOAD) && !is_free(l, dst) && unfollow(l, dst);
}

bool step_followed(struct loop *l, uint64_t pc) {
    uint32_t fields, imm;
    __builtin_memcpy(&fields, &l->insns[pc], sizeof(fields));
    __builtin_memcpy(&imm, &l->insns[pc].imm, sizeof(imm));
    uint32_t dst = fields >> 8 & 15, src = fields >> 12 & 15;
    int32_t by = (int32_t)imm;
    struct machine *m = l->m;
    uint8_t seen = (uint8_t)(FACT_REACHED | (l->masks >> dst >> NARROW_AT & 1) << 1 | (l->masks >> src >> NARROW_AT & 1) << 2);
    if (!is_alone(l) || fields >> 16 != 0 || dst >= FRAME_POINTER) { return false; }
    if ((uint8_t)fields == (BPF_CLASS_ALU64 | BPF_ALU_ADD | BPF_SRC_K) && src == 0) {
        if ((l->masks >> dst & POINTER) == 0 || !move_by(&l->regs[dst], by)) { return false; }
        rank_add(m, dst, (struct distance){by, by});
    } else {
        bool copies = (uint8_t)fields == (BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_X) && imm == 0 && (l->masks >> src & POINTER) != 0;
        if (!copies || src == FRAME_POINTER) { return false; }
        reg_copy(&l->regs[dst], &l->regs[src]);
        l->masks = (l->masks & ~(EACH << dst)) | POINTER << dst;
        l->held &= ~((uint64_t)1 << HIDDEN_AT << dst);
        rank_move(m, dst, src);
    }
    l->flags[pc] |= seen;
    follow(l);
    return true;
}

bool step_tracked(struct loop *l, uint64_t pc) {
    uint32_t fields, imm;
    __builtin_memcpy(&fields, &l->insns[pc], sizeof(fields));
    __builtin_memcpy(&imm, &l->insns[pc].imm, sizeof(imm));
    uint32_t dst = fields >> 8 & 15, src = fields >> 12 & 15, row = rows[(uint8_t)fields];
    uint64_t to = l->masks >> dst, from = l->masks >> src;
    if ((row & WITH_X) != 0) {
        if ((fields >> 16 | imm) != 0 || (from & NUMBER) == 0) { return false; }
        if ((row & KIND) == MOV_X) { return l->linked == pc ? move(l, fields) : copy(l, fields); }
        return (to & NUMBER) != 0 && operate(l, fields, imm);
    }
    if ((row & KIND) == CONDITION_K) { return src == 0 && (to & (NUMBER | LOOSE)) == NUMBER && narrow_known(l, pc, fields, imm); }
    if ((row & KIND) == CONDITION_X) { return imm == 0 && ((to | from) & (NUMBER | LOOSE)) == NUMBER && (to & from & NUMBER) != 0 && narrow_known(l, pc, fields, imm); }
    if ((row & WITH_K) == 0 || fields >> 12 != 0) { return false; }
    if ((row & KIND) != MOV_K) { return (to & NUMBER) != 0 && operate(l, fields, imm); }
    bool small = (row >> (imm >> 31 << 1) & 1) != 0;
    return set_number(know(l, dst, small), small ? imm : (uint64_t)(int64_t)(int32_t)imm);
}
