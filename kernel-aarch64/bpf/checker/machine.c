/* One instruction: the fast ways for what is common, step.h for the rest. Long: they share what is loose and what is settled. */

#include "bpf/checker/machine.h"
#include "bpf/checker/stack.h"

#include "bpf/verifier/structure.h"

/* ---- masks ---- */

void machine_settle(struct machine *m, uint32_t r) {
    if (!in_mask(m->loose, r)) { return; }
    struct scalar *var = &m->frame->regs[r].var;
    if (in_mask(m->narrow, r)) {
        scalar_set_loaded(var, 4, false);
    } else {
        scalar_set_unknown(var);
    }
    m->loose &= ~(1u << r);
}

void machine_loosen(struct machine *m, uint32_t r, bool narrow) {
    reg_set_scalar(&m->frame->regs[r]);
    m->masks = (m->masks & ~(EACH << r)) | (NUMBER | LOOSE | (narrow ? NARROW : 0)) << r;
}

void machine_unset(struct machine *m, uint32_t r) {
    m->frame->regs[r].kind = REG_UNINIT;
    m->masks &= ~(EACH << r);
}

void machine_note(struct machine *m, uint32_t r) {
    const struct reg *reg = &m->frame->regs[r];
    uint64_t is = reg->kind == REG_UNINIT ? 0 : POINTER;
    if (reg->kind == REG_SCALAR) { is = scalar_fits_u32(&reg->var) ? NUMBER | NARROW : NUMBER; }
    m->masks = (m->masks & ~(EACH << r)) | is << r;
}

static void note_all(struct machine *m) {
    for (uint32_t r = 0; r < FRAME_POINTER; r++) {
        if (!in_mask(m->loose, r)) { machine_note(m, r); }
    }
}

/* Numbers that are linked to one that was compared know what it knows. */
static void note_linked(struct machine *m, uint32_t id) {
    for (uint32_t regs = id == 0 ? 0 : m->number & ~(uint32_t)m->loose; regs != 0; regs &= regs - 1) {
        uint32_t r = (uint32_t)__builtin_ctz(regs);
        if (m->frame->regs[r].id == id) { machine_note(m, r); }
    }
}

void machine_note_slots(struct machine *m) {
    m->plain = 0;
    for (uint64_t used = m->frame->used; used != 0; used &= used - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(used);
        const struct slot *slot = &m->frame->slots[i];
        if (slot->written == 255 && slot->spill_bytes == 0 && slot->zeros == 0) { m->plain |= (uint64_t)1 << i; }
    }
}

void machine_begin(struct verifier *v, struct machine *m, struct frame *frame) {
    m->v = v;
    m->frame = m->state.frames = frame;
    state_begin(v, &m->state);
    m->loose = m->number = m->narrow = 0;
    m->pointer = 1u << FRAME_POINTER;
    machine_note(m, 1);
    machine_note(m, 2); /* no other is set */
    m->plain = 0;
    m->rank_count = 0;
    rank_note(m);
}

/* ---- what an instruction makes of numbers, when their values need not be known ---- */

/* Whether the upper half of the result is certainly zero. `by`: what src is; `imm` when it is an immediate. */
static inline bool result_narrow(struct bpf_insn insn, bool dst, bool src) {
    if (insn_class(insn) != BPF_CLASS_ALU64) { return true; }
    switch (insn.opcode & 0xf0u) {
    case BPF_ALU_AND: return dst || src;
    case BPF_ALU_OR:
    case BPF_ALU_XOR: return dst && src;
    case BPF_ALU_RSH: return dst || ((insn.opcode & BPF_SRC_X) == 0 && (insn.imm & 63) >= 32);
    case BPF_ALU_ARSH: return dst;
    case BPF_ALU_DIV:
    case BPF_ALU_MOD: return dst && insn.off == 0;
    default: return false;
    }
}

static inline bool swap_narrow(struct bpf_insn insn, bool dst) {
    return insn.imm < 64 || (dst && insn_class(insn) == BPF_CLASS_ALU && (insn.opcode & BPF_SRC_X) == 0);
}

static inline bool move_narrow(struct bpf_insn insn, bool src) {
    return insn_class(insn) != BPF_CLASS_ALU64 || (src && insn.off == 0);
}

/* ---- facts ---- */

static inline void note_facts(struct machine *m, uint32_t pc, struct bpf_insn insn, uint8_t shape) {
    uint8_t *flags = &m->v->facts->flags[pc];
    uint32_t seen = FACT_REACHED | (m->narrow >> insn_dst(insn) & 1) * FACT_DST_UPPER_ZERO;
    if (shape != SHAPE_LD_IMM64) { seen |= (m->narrow >> insn_src(insn) & 1) * FACT_SRC_UPPER_ZERO; }
    if (shape == SHAPE_DIV_X && in_mask(m->number & ~m->loose, insn_src(insn))) {
        const struct scalar *by = &m->frame->regs[insn_src(insn)].var;
        bool nonzero = insn_class(insn) == BPF_CLASS_ALU64 ? by->umin != 0 || by->smax < 0 || by->value != 0 : by->umin32 != 0;
        seen |= nonzero ? FACT_SRC_NONZERO : 0;
    }
    uint32_t before = *flags;
    if ((before & FACT_REACHED) != 0) { seen = before & (seen | FACT_ALWAYS_TAKEN | FACT_NEVER_TAKEN | FACT_ADDRESS); }
    *flags = (uint8_t)(seen | (before & FACT_JUMP_TARGET));
    if (shape == SHAPE_ALU_X && (before & FACT_REACHED) != 0) {
        bool adds = ((m->pointer >> insn_dst(insn) ^ m->pointer >> insn_src(insn)) & 1) != 0;
        if (adds != ((before & FACT_ADDRESS) != 0)) { note_index(m->v, pc, nullptr, nullptr, false); }
    }
}

/* ---- arithmetic ---- */

bool machine_moves_by(struct machine *m, struct bpf_insn insn, struct distance *by) {
    uint32_t dst = insn_dst(insn), src = insn_src(insn), op = insn.opcode & 0xf0u;
    if (op != BPF_ALU_ADD && op != BPF_ALU_SUB) { return false; }
    *by = (struct distance){insn.imm, insn.imm};
    if ((insn.opcode & BPF_SRC_X) != 0) {
        if (!in_mask(m->number & ~m->loose, src)) { return false; }
        const struct scalar *var = &m->frame->regs[src].var;
        if (var->smin < -OFFSET_LIMIT || var->smax > OFFSET_LIMIT) { return false; }
        *by = (struct distance){var->smin, var->smax};
    }
    if (op == BPF_ALU_SUB) { *by = (struct distance){-by->most, -by->least}; }
    if (insn_class(insn) == BPF_CLASS_ALU64) { return true; }
    if (!in_mask(m->number & m->narrow & ~m->loose, dst)) { return false; }
    const struct scalar *was = &m->frame->regs[dst].var;
    return (int64_t)was->umin + by->least >= 0 && (int64_t)was->umax + by->most <= (int64_t)UINT32_MAX;
}

/* An operand that was only looked at is as loose as it was, so that fast.c, which does not look, comes to the same states. */
static void loosen_again(struct machine *m, uint32_t r, uint32_t was_loose) {
    if (m->frame->regs[r].kind == REG_SCALAR && m->frame->regs[r].id == 0) { m->loose |= (uint16_t)(was_loose & 1u << r); }
}

static enum flow slow_alu(struct machine *m, struct bpf_insn insn, uint8_t shape, bool track) {
    uint32_t dst = insn_dst(insn), src = insn_src(insn);
    bool reads_src = shape == SHAPE_ALU_X || shape == SHAPE_DIV_X || shape == SHAPE_MOV_X;
    uint32_t was_loose = m->loose;
    machine_settle(m, dst);
    if (reads_src) { machine_settle(m, src); }
    if (state_step(m->v, &m->state, insn, shape) != STATUS_OK) { return FLOW_REFUSED; }
    if (reads_src && src != dst) { loosen_again(m, src, was_loose); }
    machine_note(m, dst);
    if (!track && in_mask(m->number, dst)) { machine_loosen(m, dst, in_mask(m->narrow, dst)); }
    return FLOW_NEXT;
}

static inline enum flow step_operation(struct machine *m, struct bpf_insn insn, uint8_t shape, bool track) {
    uint32_t dst = insn_dst(insn), src = insn_src(insn);
    bool with_src = shape == SHAPE_ALU_X || shape == SHAPE_DIV_X;
    uint32_t needed = 1u << dst | (with_src ? 1u << src : 0);
    enum flow flow = FLOW_NEXT;
    struct distance by;
    bool follows = in_mask(m->followed, dst), moves = follows && machine_moves_by(m, insn, &by);
    if (!track && (needed & ~m->number) == 0 && !is_privileged(m->v)) {
        bool narrow_dst = in_mask(m->narrow, dst), narrow_src = with_src ? in_mask(m->narrow, src) : insn.imm >= 0;
        machine_loosen(m, dst, shape == SHAPE_SWAP ? swap_narrow(insn, narrow_dst) : result_narrow(insn, narrow_dst, narrow_src));
    } else {
        flow = slow_alu(m, insn, shape, track);
    }
    if (moves && flow == FLOW_NEXT) {
        rank_add(m, dst, by);
    } else if (follows) {
        rank_forget(m, 1u << dst);
    }
    return flow;
}

/* A number that was copied, or what its low half is: a number of its own. */
static void copy_number(struct machine *m, uint32_t dst, uint32_t src, bool same) {
    struct reg *to = &m->frame->regs[dst];
    if (dst == src && same) { return; }
    rank_forget(m, 1u << dst);
    reg_copy(to, &m->frame->regs[src]);
    reg_renumber(to);
    if (!same) { scalar_zero_extend_32(&to->var); }
    machine_note(m, dst);
}

static inline enum flow step_move(struct machine *m, struct bpf_insn insn, enum track track) {
    uint32_t dst = insn_dst(insn), src = insn_src(insn);
    bool narrow_src = in_mask(m->narrow, src), number = in_mask(m->number, src);
    enum flow flow = FLOW_NEXT;
    if (number && (track == TRACK_NOTHING || (track == TRACK_VALUE && in_mask(m->loose, src) && insn.off == 0))) {
        machine_loosen(m, dst, move_narrow(insn, narrow_src));
    } else if (number && track == TRACK_VALUE && insn.off == 0 && !is_privileged(m->v)) {
        copy_number(m, dst, src, insn_class(insn) == BPF_CLASS_ALU64 || narrow_src);
        return FLOW_NEXT;
    } else {
        flow = slow_alu(m, insn, SHAPE_MOV_X, track);
    }
    bool same = insn.off == 0 && (insn_class(insn) == BPF_CLASS_ALU64 || narrow_src);
    if (same && (!number || track == TRACK_LINKS || dst == src)) {
        rank_move(m, dst, src);
    } else {
        rank_forget(m, 1u << dst);
    }
    return flow;
}

static inline enum flow step_constant(struct machine *m, struct bpf_insn insn, bool track) {
    uint32_t dst = insn_dst(insn);
    bool narrow = insn_class(insn) != BPF_CLASS_ALU64 || insn.imm >= 0;
    machine_loosen(m, dst, narrow);
    if (track) {
        m->loose &= ~(1u << dst);
        scalar_set_const(&m->frame->regs[dst].var, narrow ? (uint32_t)insn.imm : (uint64_t)(int64_t)insn.imm);
    }
    rank_forget(m, 1u << dst);
    return FLOW_NEXT;
}

/* ---- memory ---- */

/* Bytes that may be read from the base of a pointer at a known place; 0 when that is not simply so. */
static inline uint64_t simple_limit(const struct machine *m, const struct reg *p) {
    if ((p->var.mask | p->var.value) != 0 || is_privileged(m->v)) { return 0; }
    switch (p->kind) {
    case REG_MEMORY: return p->range;
    case REG_PACKET: return p->range;
    case REG_MAP_VALUE: return m->v->program->maps[p->map].value_size;
    default: return 0;
    }
}

static inline bool simply_inside(const struct machine *m, const struct reg *p, struct bpf_insn insn) {
    int64_t first = (int64_t)p->off + insn.off;
    return first >= 0 && (uint64_t)first + access_bytes(insn.opcode) <= simple_limit(m, p);
}

/* The stack slot at a known place that holds all of the access, or null. */
static inline struct slot *simple_slot(const struct machine *m, const struct reg *p, struct bpf_insn insn, uint32_t *index, uint32_t *mask) {
    uint32_t bytes = access_bytes(insn.opcode), at = (uint32_t)(p->off + insn.off + (int32_t)BPF_STACK_BYTES);
    if (p->kind != REG_STACK || is_privileged(m->v) || (p->var.mask | p->var.value) != 0 || at >= BPF_STACK_BYTES || (at & (bytes - 1)) != 0) { return nullptr; }
    *index = at / 8;
    *mask = ((1u << bytes) - 1) << at % 8;
    return &m->frame->slots[*index];
}

static inline void use_stack(struct machine *m, uint32_t slot) {
    uint32_t depth = BPF_STACK_BYTES - 8 * slot;
    struct function *function = &m->v->functions[0];
    if (depth > function->stack_bytes) { function->stack_bytes = (uint16_t)depth; }
}

static inline enum flow step_read(struct machine *m, struct bpf_insn insn, uint8_t shape, enum track track) {
    uint32_t dst = insn_dst(insn), src = insn_src(insn), slot_index = STACK_SLOTS, mask, bytes = access_bytes(insn.opcode);
    const struct reg *p = &m->frame->regs[src];
    bool sign_extend = shape == SHAPE_LDSX, plain = false;
    if (in_mask(m->pointer, src)) {
        const struct slot *slot = simple_slot(m, p, insn, &slot_index, &mask);
        plain = slot != nullptr ? (m->plain >> slot_index & 1) != 0 : simply_inside(m, p, insn);
        if (slot != nullptr && plain) { use_stack(m, slot_index); }
    }
    if (!plain) {
        struct reg *kept = slot_index < STACK_SLOTS && track != TRACK_LINKS ? &m->frame->slots[slot_index].reg : nullptr;
        const uint32_t id = kept == nullptr ? 0 : kept->id;
        machine_settle(m, src);
        if (state_step(m->v, &m->state, insn, shape) != STATUS_OK) { return FLOW_REFUSED; }
        machine_note(m, dst);
        if (kept != nullptr && in_mask(m->number, dst)) {
            kept->id = id;
            reg_unlink(&m->frame->regs[dst]);
        }
        if (!track && in_mask(m->number, dst)) { machine_loosen(m, dst, in_mask(m->narrow, dst)); }
    } else {
        machine_loosen(m, dst, bytes < 8 && !sign_extend);
        if (track && (bytes < 4 || sign_extend)) {
            m->loose &= ~(1u << dst);
            scalar_set_loaded(&m->frame->regs[dst].var, bytes, sign_extend);
        }
    }
    if (slot_index < STACK_SLOTS && bytes == 8 && (track || in_mask(m->pointer, dst))) {
        rank_load(m, dst, slot_index);
    } else {
        rank_forget(m, 1u << dst);
    }
    return FLOW_NEXT;
}

/* A number that need not be kept, at a known place of the stack that it fills or where no register is kept. */
static inline bool store_number(struct machine *m, const struct reg *p, struct bpf_insn insn) {
    uint32_t index, mask;
    if (simple_slot(m, p, insn, &index, &mask) == nullptr || !store_part(m, index, mask)) { return false; }
    use_stack(m, index);
    return true;
}

/* Ranks follow what is stored whole, and kept. */
static void follow_store(struct machine *m, const struct reg *p, struct bpf_insn insn, bool kept) {
    uint32_t index, mask;
    if (simple_slot(m, p, insn, &index, &mask) == nullptr) {
        rank_forget_slots(m, UINT64_MAX);
    } else if (mask == 255 && kept) {
        rank_store(m, index, insn_src(insn));
    } else {
        rank_forget_slots(m, (uint64_t)1 << index);
    }
}

/* A number that was kept is one of its own; `id` is what it had before. */
static void unlink_kept(struct machine *m, const struct reg *p, struct bpf_insn insn, uint32_t id) {
    uint32_t index, mask;
    struct slot *slot = simple_slot(m, p, insn, &index, &mask);
    if (slot == nullptr) { return; }
    reg_unlink(&slot->reg);
    m->frame->regs[insn_src(insn)].id = id;
}

static inline enum flow step_write(struct machine *m, struct bpf_insn insn, uint8_t shape, enum track track) {
    uint32_t dst = insn_dst(insn), src = insn_src(insn);
    const struct reg *p = &m->frame->regs[dst];
    bool number = shape == SHAPE_ST || in_mask(m->number, src);
    if (number && in_mask(m->pointer, dst) && p->kind == REG_STACK && !track && store_number(m, p, insn)) {
        follow_store(m, p, insn, false);
        return FLOW_NEXT;
    }
    uint32_t was_loose = m->loose, id = m->frame->regs[src].id;
    machine_settle(m, dst);
    if (shape == SHAPE_STX) { machine_settle(m, src); }
    if (state_step(m->v, &m->state, insn, shape) != STATUS_OK) { return FLOW_REFUSED; }
    if (shape == SHAPE_STX && number && track != TRACK_LINKS) { unlink_kept(m, p, insn, id); }
    if (shape == SHAPE_STX) { loosen_again(m, src, was_loose); }
    if (p->kind == REG_STACK) {
        machine_note_slots(m);
        follow_store(m, p, insn, shape == SHAPE_STX && (track || !number));
    }
    return FLOW_NEXT;
}

static enum flow step_exchange(struct machine *m, struct bpf_insn insn, bool track) {
    uint32_t fetched = (uint32_t)insn.imm == BPF_ATOMIC_CMPXCHG ? 0 : insn_src(insn);
    machine_settle(m, insn_dst(insn));
    machine_settle(m, insn_src(insn));
    machine_settle(m, 0);
    if (state_step(m->v, &m->state, insn, SHAPE_ATOMIC) != STATUS_OK) { return FLOW_REFUSED; }
    machine_note_slots(m);
    rank_forget_slots(m, UINT64_MAX);
    if ((insn.imm & BPF_ATOMIC_FETCH) != 0) {
        machine_note(m, fetched);
        if (!track && in_mask(m->number, fetched)) { machine_loosen(m, fetched, in_mask(m->narrow, fetched)); }
        rank_forget(m, 1u << fetched);
    }
    return FLOW_NEXT;
}

/* Calls of helpers and legacy packet loads: what they do to registers and stack is seen afterwards. */
static enum flow step_called(struct machine *m, struct bpf_insn insn, uint8_t shape, bool track) {
    for (uint32_t r = 0; r <= 5; r++) { machine_settle(m, r); }
    if (shape != SHAPE_CALL) { machine_settle(m, insn_src(insn)); }
    if (state_step(m->v, &m->state, insn, shape) != STATUS_OK) { return FLOW_REFUSED; }
    note_all(m);
    machine_note_slots(m);
    if (!track && in_mask(m->number, 0)) { machine_loosen(m, 0, in_mask(m->narrow, 0)); }
    rank_forget(m, 0x3f);
    rank_forget_slots(m, UINT64_MAX);
    return FLOW_NEXT;
}

static enum flow step_wide(struct machine *m, struct bpf_insn insn, bool track) {
    uint32_t dst = insn_dst(insn);
    if (state_step(m->v, &m->state, insn, SHAPE_LD_IMM64) != STATUS_OK) { return FLOW_REFUSED; }
    machine_note(m, dst);
    if (!track && in_mask(m->number, dst)) { machine_loosen(m, dst, in_mask(m->narrow, dst)); }
    rank_forget(m, 1u << dst);
    return FLOW_NEXT;
}

/* ---- jumps ---- */

static void note_way(struct machine *m, uint32_t pc, bool first, enum certainty certainty) {
    uint8_t way = certainty == ALWAYS ? FACT_ALWAYS_TAKEN : certainty == NEVER ? FACT_NEVER_TAKEN : 0;
    uint8_t *flags = &m->v->facts->flags[pc];
    uint8_t held = first ? way : *flags & way;
    *flags = (uint8_t)((*flags & ~(FACT_ALWAYS_TAKEN | FACT_NEVER_TAKEN)) | held);
}

static uint32_t compared(struct bpf_insn insn) {
    return 1u << insn_dst(insn) | ((insn.opcode & BPF_SRC_X) != 0 ? 1u << insn_src(insn) : 0);
}

static inline enum flow step_condition(struct machine *m, struct bpf_insn insn, bool track, bool first) {
    uint32_t pc = m->state.pc, target = pc + 1 + (uint32_t)insn.off;
    enum certainty certainty = SOMETIMES;
    if (track || (compared(insn) & ~m->number) != 0) {
        machine_settle(m, insn_dst(insn));
        if ((insn.opcode & BPF_SRC_X) != 0) { machine_settle(m, insn_src(insn)); }
        if (branch_certainty(m->v, &m->state, insn, &certainty) != STATUS_OK) { return FLOW_REFUSED; }
    }
    note_way(m, pc, first, certainty);
    if (certainty == SOMETIMES) { return FLOW_BRANCH; }
    m->state.pc = certainty == ALWAYS ? target : pc + 1;
    return certainty == ALWAYS ? FLOW_ALWAYS : FLOW_NEVER;
}

bool machine_narrows(const struct machine *m, bool track) {
    return track || (compared(insn_at(m->v, m->state.pc)) & ~m->number) != 0;
}

bool machine_assume(struct machine *m, bool track, bool taken) {
    struct bpf_insn insn = insn_at(m->v, m->state.pc);
    uint32_t regs = compared(insn);
    if (!machine_narrows(m, track)) {
        m->state.pc += 1 + (taken ? (uint32_t)insn.off : 0);
        return true;
    }
    uint32_t src = (insn.opcode & BPF_SRC_X) != 0 ? insn_src(insn) : insn_dst(insn);
    const struct reg *at = m->frame->regs;
    bool pointers = (regs & ~m->number) != 0;
    if (!state_assume(m->v, &m->state, taken)) { return false; }
    if (pointers) {
        note_all(m);
        return true;
    }
    machine_note(m, insn_dst(insn));
    note_linked(m, at[insn_dst(insn)].id);
    if (src != insn_dst(insn)) {
        machine_note(m, src);
        note_linked(m, at[src].id);
    }
    return true;
}

void machine_save(struct machine *m, struct machine_masks *saved) {
    *saved = (struct machine_masks){m->masks, m->state.pc};
    m->v->undo_active = true;
}

void machine_restore(struct machine *m, const struct machine_masks *saved) {
    state_undo(m->v);
    m->v->undo_active = false;
    m->state.pc = saved->pc;
    m->masks = saved->masks;
}

static enum flow step_exit_main(struct machine *m) {
    bool ended;
    machine_settle(m, 0);
    return step_exit(m->v, &m->state, &ended) == STATUS_OK ? FLOW_EXIT : FLOW_REFUSED;
}

static inline enum flow step_shape(struct machine *m, struct bpf_insn insn, uint8_t shape, enum track track, bool first) {
    switch (shape) {
    case SHAPE_MOV_K: return step_constant(m, insn, track);
    case SHAPE_MOV_X: return step_move(m, insn, track);
    case SHAPE_LDX:
    case SHAPE_LDSX: return step_read(m, insn, shape, track);
    case SHAPE_ST:
    case SHAPE_STX: return step_write(m, insn, shape, track);
    case SHAPE_COND_K:
    case SHAPE_COND_X: return step_condition(m, insn, track, first);
    case SHAPE_LD_IMM64: return step_wide(m, insn, track);
    case SHAPE_ATOMIC: return step_exchange(m, insn, track);
    case SHAPE_CALL:
    case SHAPE_LEGACY_PACKET: return step_called(m, insn, shape, track);
    case SHAPE_EXIT: return step_exit_main(m);
    case SHAPE_JA:
    case SHAPE_JA32: m->state.pc = (uint32_t)jump_target(insn, shape, m->state.pc); return FLOW_JUMPED;
    default: return step_operation(m, insn, shape, track);
    }
}

/* For tests: what is known of loose numbers too. */
[[gnu::noinline]] static void observe(struct machine *m) {
    uint32_t loose = m->loose;
    for (uint32_t r = 0; r < FRAME_POINTER; r++) { machine_settle(m, r); }
    m->v->observer(m->v->observer_cookie, &m->state);
    m->loose = loose;
}

enum flow machine_step(struct machine *m, enum track track) {
    uint32_t pc = m->state.pc;
    if (m->v->observer != nullptr) { observe(m); }
    struct bpf_insn insn = fetch(&m->v->program->insns[pc]);
    uint8_t shape = insn_shapes[insn.opcode];
    bool first = (m->v->facts->flags[pc] & FACT_REACHED) == 0;
    note_facts(m, pc, insn, shape);
    m->state.walked++;
    enum flow flow = step_shape(m, insn, shape, track, first);
    if (flow == FLOW_NEXT) { m->state.pc++; }
    return flow;
}
