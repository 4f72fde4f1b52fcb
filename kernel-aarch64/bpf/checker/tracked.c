/* Instructions whose result matters, for fast.c. */

#include "bpf/checker/tracked.h"

/* Arithmetic whose result matters, as step.h has it; false when it may not be written. */
[[gnu::noinline]] static bool operate(struct loop *l, uint32_t fields, uint32_t imm) {
    const struct bpf_insn insn = {(uint8_t)fields, (uint8_t)(fields >> 8), 0, (int32_t)imm};
    uint32_t dst = insn_dst(insn), src = insn_src(insn), op = insn.opcode & 0xf0u;
    struct machine *m = l->m;
    if (!is_free(l, dst)) { return false; }
    struct reg *r = &l->regs[dst];
    struct scalar by;
    m->masks = l->masks; /* the followed ones are not asked for */
    machine_settle(m, dst);
    if ((insn.opcode & BPF_SRC_X) == 0) {
        scalar_set_const(&by, (uint64_t)(int64_t)insn.imm);
    } else if (in_mask(m->loose, src)) {
        scalar_set_loaded(&by, in_mask(m->narrow, src) ? 4 : 8, false);
    } else {
        by = l->regs[src].var;
    }
    bool known = (insn.opcode & BPF_SRC_X) != 0 && !in_mask(m->loose, src);
    uint8_t origin = known ? origin_moved(insn, r, &l->regs[src]) : ORIGIN_ANY;
    if ((r->id | r->map) != 0) { reg_shift_link(r, insn); }
    if (origin != ORIGIN_ANY) { r->map = origin; }
    if (insn_class(insn) == BPF_CLASS_ALU64) {
        scalar_alu64(op, false, &r->var, &by);
    } else {
        scalar_alu32(op, false, &r->var, &by);
    }
    uint32_t bit = 1u << dst;
    m->narrow = (uint16_t)((m->narrow & ~bit) | (scalar_fits_u32(&r->var) ? bit : 0));
    l->masks = m->masks;
    return true;
}

/* The register is a number of a known range from now on, which the caller writes; null when it may not be written. */
static inline struct scalar *know(struct loop *l, uint32_t dst, bool narrow) {
    if (!is_free(l, dst)) { return nullptr; }
    reg_set_scalar(&l->regs[dst]);
    l->masks = (l->masks & ~(EACH << dst)) | (NUMBER | (narrow ? NARROW : 0)) << dst;
    return &l->regs[dst].var;
}

static inline bool set_number(struct scalar *s, uint64_t value) {
    if (s != nullptr) { scalar_set_const(s, value); }
    return s != nullptr;
}

/* What a change makes of the masks of the state that jumps, when all it says is that registers are loose, or not set. */
static bool change_masks(struct checker *c, uint64_t *masks) {
    const struct reader before = c->in;
    uint64_t parts = read_number(&c->in), unset = 0, loose = 0;
    bool simple = (parts & ~(uint64_t)(CHANGE_UNSET | CHANGE_LOOSE)) == 0;
    if (simple && (parts & CHANGE_UNSET) != 0) { unset = read_number(&c->in); }
    if (simple && (parts & CHANGE_LOOSE) != 0) { loose = read_number(&c->in); }
    if (!simple || (unset & (~(uint64_t)ALL_REGS | c->machine.followed)) != 0 || (loose & ~(*masks & ALL_REGS)) != 0 || c->in.bad) {
        c->in = before;
        return false;
    }
    *masks = (*masks | loose << LOOSE_AT) & ~(unset * EACH);
    return true;
}

bool wait_changed(struct loop *l, uint64_t pc, int64_t by, uint64_t masks, uint32_t unknown) {
    struct checker *c = l->c;
    const struct reader before = c->in;
    if (!may_wait(l, pc, by) || c->event != EVENT_JUMP || c->due != c->steps + (pc - l->start)) { return false; }
    if (!change_masks(c, &masks) || (known_in(masks) & unknown) != 0) {
        c->in = before;
        return false;
    }
    wait_lightly(l, pc, by, masks);
    next_event_at(c, c->due);
    uint64_t due = due_slot(l);
    stop_no_more(l);
    stop_at(l, due > pc ? due : l->end);
    return true;
}

/* A condition on a number that is known, compared with a constant: the state that does not jump goes on. */
[[gnu::noinline]] static bool narrow_known(struct loop *l, uint64_t pc, uint32_t fields, uint32_t imm) {
    uint32_t dst = fields >> 8 & 15, op = fields & 0xf0;
    struct reg *r = &l->regs[dst];
    bool is64 = (fields & 7) == BPF_CLASS_JMP;
    int64_t by = (int32_t)fields >> 16;
    struct scalar k, k2, taken, passed;
    if (pc + 1 + (uint64_t)by >= l->m->v->program->count) { return false; }
    scalar_set_const(&k, (uint64_t)(int64_t)(int32_t)imm);
    enum certainty certainty = scalar_compare(op, &r->var, &k, is64);
    if (certainty == NEVER) {
        l->flags[pc] |= FACT_NEVER_TAKEN;
        return true;
    }
    uint64_t masks = l->masks, bit = NARROW << dst;
    if (certainty == ALWAYS || r->id != 0 || !is_free(l, dst)) { return false; }
    taken = passed = r->var;
    k2 = k;
    if (!scalar_assume(op, &taken, &k, is64) || !scalar_assume(comparison_negated(op), &passed, &k2, is64)) { return false; }
    masks = (masks & ~bit) | (scalar_fits_u32(&taken) ? bit : 0);
    if (!wait_changed(l, pc, by, masks, 1u << dst)) { return false; }
    scalar_copy(&r->var, &passed);
    l->masks = (l->masks & ~bit) | (scalar_fits_u32(&passed) ? bit : 0);
    return true;
}

bool step_tracked(struct loop *l, uint64_t pc) {
    uint32_t fields, imm;
    __builtin_memcpy(&fields, &l->m->v->program->insns[pc], sizeof(fields));
    __builtin_memcpy(&imm, &l->m->v->program->insns[pc].imm, sizeof(imm));
    uint32_t dst = fields >> 8 & 15, src = fields >> 12 & 15, row = rows[(uint8_t)fields];
    uint64_t to = l->masks >> dst, from = l->masks >> src;
    l->flags[pc] |= (uint8_t)(FACT_REACHED | (to >> NARROW_AT & 1) << 1 | (from >> NARROW_AT & 1) << 2);
    if ((row & WITH_X) != 0) {
        return (row & KIND) != MOV_X && (fields >> 16 | imm) == 0 && (to & from & NUMBER) != 0 && operate(l, fields, imm);
    }
    if ((row & KIND) == CONDITION_K) { return src == 0 && (to & (NUMBER | LOOSE)) == NUMBER && narrow_known(l, pc, fields, imm); }
    if ((row & WITH_K) == 0 || fields >> 12 != 0) { return false; }
    if ((row & KIND) != MOV_K) { return (to & NUMBER) != 0 && operate(l, fields, imm); }
    bool small = (row >> (imm >> 31 << 1) & 1) != 0;
    return set_number(know(l, dst, small), small ? imm : (uint64_t)(int64_t)(int32_t)imm);
}
