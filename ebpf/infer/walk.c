/* Stretches of code between sites, stepped by the checker's own machine. */

#include "inference.h"

struct entry *entry_keep(struct inference *f, struct machine *m) {
    struct entry *out = (struct entry *)f->v->free;
    if (!entry_pack(m, nullptr, 0, out, (uint64_t)(f->v->limit - f->v->free))) { return nullptr; }
    out->head = 0;
    return take_memory(f->v, out->bytes);
}

static uint64_t linked_slots(const struct frame *frame, uint32_t id) {
    uint64_t linked = 0;
    for (uint64_t used = frame->used; used != 0; used &= used - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(used);
        const struct slot *slot = &frame->slots[i];
        if (slot->spill_bytes != 0 && slot->reg.kind == REG_SCALAR && slot->reg.id == id) { linked |= (uint64_t)1 << i; }
    }
    return linked;
}

static void note_links(struct note *note, const struct machine *m, uint32_t r) {
    const struct reg *reg = &m->frame->regs[r];
    if (reg->kind != REG_SCALAR) { return; }
    note->linked |= (uint16_t)(1u << r);
    if (reg->id == 0) { return; }
    for (uint32_t other = 0; other < FRAME_POINTER; other++) {
        const struct reg *o = &m->frame->regs[other];
        if (o->kind == REG_SCALAR && o->id == reg->id) { note->linked |= (uint16_t)(1u << other); }
    }
    note->linked_slots |= linked_slots(m->frame, reg->id);
}

/* The slot that a load or store is about, where that is known. */
static void note_slot(struct note *note, const struct machine *m, struct bpf_insn insn, uint32_t base) {
    const struct reg *p = &m->frame->regs[base];
    int64_t at = (int64_t)p->off + (int64_t)p->var.value + insn.off + BPF_STACK_BYTES;
    bool known = p->kind == REG_STACK && scalar_is_const(&p->var) && at >= 0 && at < (int64_t)BPF_STACK_BYTES;
    note->elsewhere |= !known;
    if (known) { note->slots |= (uint64_t)1 << at / 8; }
}

/* Whether masking, or what else bounds its result by itself, makes the same of this number as of any. */
static bool keeps_known(const struct machine *m, struct bpf_insn insn) {
    uint32_t dst = insn_dst(insn), op = insn.opcode & 0xf0u;
    bool bounds = (op == BPF_ALU_AND && insn.imm >= 0) || op == BPF_ALU_RSH;
    if (!bounds || !in_mask(m->number, dst)) { return true; }
    if (in_mask(m->loose, dst)) { return false; }
    struct scalar of_this = m->frame->regs[dst].var, of_any, by;
    scalar_set_unknown(&of_any);
    scalar_set_const(&by, (uint64_t)(int64_t)insn.imm);
    if (insn_class(insn) == BPF_CLASS_ALU64) {
        scalar_alu64(op, false, &of_this, &by);
        scalar_alu64(op, false, &of_any, &by);
    } else {
        scalar_alu32(op, false, &of_this, &by);
        scalar_alu32(op, false, &of_any, &by);
    }
    return !scalar_covers(&of_this, &of_any);
}

static void take_note(struct inference *f, uint32_t pc) {
    struct note *note = &f->notes[pc];
    const struct machine *m = &f->machine;
    struct bpf_insn insn = insn_at(f->v, pc);
    note->pointers |= (uint16_t)m->pointer;
    switch (insn_shapes[insn.opcode]) {
    case SHAPE_COND_X: note_links(note, m, insn_src(insn)); [[fallthrough]];
    case SHAPE_COND_K: note_links(note, m, insn_dst(insn)); break;
    case SHAPE_ALU_K: note->keeps |= keeps_known(m, insn); break;
    case SHAPE_LDX:
    case SHAPE_LDSX: note_slot(note, m, insn, insn_src(insn)); break;
    case SHAPE_ST:
    case SHAPE_STX: note_slot(note, m, insn, insn_dst(insn)); break;
    default: break;
    }
}

/* The machine's state comes to where it is from `from`. */
static enum status arrive(struct inference *f, uint32_t from, edge_taker take) {
    uint32_t pc = f->machine.state.pc, site;
    if (!site_at(f, pc, &site)) { return STATUS_OK; }
    if (!site_from(f, from, pc, &site)) { return refuse(f->v, STATUS_TOO_MANY_STATES, pc, "%u places in turns of loops", (uint64_t)f->site_count); }
    return take(f, from, site);
}

static enum status part(struct inference *f, uint32_t from, bool track, edge_taker take, bool *ended) {
    struct machine *m = &f->machine;
    struct machine_masks saved;
    enum status status = STATUS_OK;
    uint32_t pc = m->state.pc;
    machine_save(m, &saved);
    bool possible = machine_assume(m, track, true);
    if (possible) { status = arrive(f, from, take); }
    machine_restore(m, &saved);
    if (status != STATUS_OK) { return status; }
    *ended = !machine_assume(m, track, false);
    f->notes[pc].decided |= !possible || *ended;
    return STATUS_OK;
}

/* A pointer that a sum leads too far, or may. */
static bool excuse_sum(struct machine *m, struct bpf_insn insn) {
    uint32_t dst = insn_dst(insn), op = insn.opcode & 0xf0u;
    bool moves = insn_class(insn) == BPF_CLASS_ALU64 && (op == BPF_ALU_ADD || op == BPF_ALU_SUB), by_constant = (insn.opcode & BPF_SRC_X) == 0;
    if (!moves || !in_mask(m->pointer, dst)) { return false; }
    reg_set_widest(&m->frame->regs[dst]);
    if (by_constant) {
        int64_t by = op == BPF_ALU_SUB ? -(int64_t)insn.imm : insn.imm;
        rank_add(m, dst, (struct distance){by, by});
    } else {
        rank_forget(m, 1u << dst);
    }
    return true;
}

/* Passes over what was refused because a pointer is not known to stay where it is used; false when it is not that. */
static bool excuse(struct inference *f) {
    struct machine *m = &f->machine;
    struct bpf_insn insn = insn_at(f->v, m->state.pc);
    uint8_t shape = insn_shapes[insn.opcode];
    bool loads = shape == SHAPE_LDX || shape == SHAPE_LDSX, stores = shape == SHAPE_ST || shape == SHAPE_STX;
    if (!f->lenient) { return false; }
    if (loads || stores) {
        uint32_t base = loads ? insn_src(insn) : insn_dst(insn);
        uint8_t kind = m->frame->regs[base].kind;
        if (!in_mask(m->pointer, base) || (kind != REG_MEMORY && kind != REG_MAP_VALUE && (kind != REG_STACK || stores))) { return false; }
    } else if ((shape != SHAPE_ALU_K && shape != SHAPE_ALU_X) || !excuse_sum(m, insn)) {
        return false;
    }
    if (loads) {
        machine_loosen(m, insn_dst(insn), shape == SHAPE_LDX && access_bytes(insn.opcode) < 8);
        rank_forget(m, 1u << insn_dst(insn));
    }
    m->state.pc++;
    return f->excused = true;
}

enum status walk_from(struct inference *f, uint32_t from, bool all, edge_taker take) {
    struct machine *m = &f->machine;
    for (;;) {
        uint32_t pc = m->state.pc, site;
        bool track = all || f->notes[pc].track, ended = false;
        if (f->steps++ >= f->budget) { return refuse(f->v, STATUS_BUDGET_EXCEEDED, pc, "%u instructions stepped", f->steps); }
        if (f->noting) { take_note(f, pc); }
        enum flow flow = machine_step(m, track ? track_of(f, pc) : TRACK_NOTHING);
        switch (flow) {
        case FLOW_REFUSED:
            if (!excuse(f)) { return f->v->result->status; }
            break;
        case FLOW_EXIT: return STATUS_OK;
        case FLOW_NEVER: f->notes[pc].decided = true; break;
        case FLOW_JUMPED:
        case FLOW_ALWAYS: f->notes[pc].decided |= flow == FLOW_ALWAYS; return arrive(f, from, take);
        case FLOW_BRANCH: {
            enum status status = part(f, from, track, take, &ended);
            if (status != STATUS_OK || ended) { return status; }
            break;
        }
        default: break;
        }
        if (site_at(f, m->state.pc, &site)) { return arrive(f, from, take); }
    }
}
