/* Which numbers matter: those that reach an address, an argument of a helper, a condition that refines one of these or never
 * goes one way, what ranks a loop. Backward over the program until nothing is added. All others may be any number. */

#include "inference.h"

struct need {
    uint32_t regs;
    uint64_t slots;
};

static bool needs(const struct need *n, uint32_t r) { return (n->regs >> r & 1) != 0; }
static void add(struct need *n, uint32_t regs) { n->regs |= regs; }
static void drop(struct need *n, uint32_t regs) { n->regs &= ~regs; }

static void add_site(const struct inference *f, struct need *n, int64_t pc) {
    uint32_t site;
    if (!site_at(f, (uint32_t)pc, &site)) { return; }
    n->regs |= f->sites[site].regs;
    n->slots |= f->sites[site].slots;
}

static void before_operation(struct need *n, struct note *note, struct bpf_insn insn, uint8_t flags) {
    uint32_t dst = insn_dst(insn), src = insn_src(insn);
    bool with_src = (insn.opcode & BPF_SRC_X) != 0 && insn_shapes[insn.opcode] != SHAPE_SWAP;
    note->track = needs(n, dst);
    if (insn_shapes[insn.opcode] == SHAPE_ALU_K && !note->keeps) { drop(n, 1u << dst); }
    if (with_src && (note->pointers >> dst & 1) != 0) { add(n, 1u << src); }
    if (with_src && (note->pointers >> src & 1) != 0) { add(n, 1u << dst); }
    if (with_src && (needs(n, dst) || (flags & FACT_SRC_NONZERO) != 0)) { add(n, 1u << src); }
}

static void before_store(struct need *n, struct note *note, struct bpf_insn insn, bool from_register) {
    note->track = false;
    note->track = (n->slots & note->slots) != 0;
    if (from_register && note->track) { add(n, 1u << insn_src(insn)); }
    bool one = (note->slots & (note->slots - 1)) == 0 && !note->elsewhere;
    if (one && access_bytes(insn.opcode) == 8) { n->slots &= ~note->slots; }
}

static void before_load(struct need *n, struct note *note, struct bpf_insn insn) {
    note->track = needs(n, insn_dst(insn));
    drop(n, 1u << insn_dst(insn));
    if (note->track) { n->slots |= note->slots; }
    if ((note->pointers >> insn_src(insn) & 1) == 0) { add(n, 1u << insn_src(insn)); }
}

/* Arguments whose value a helper's prototype asks about. */
static uint32_t weighed(const struct inference *f, struct bpf_insn insn) {
    uint32_t id = (uint32_t)insn.imm, regs = 0;
    if (platform_has_vector(f->v->platform, id)) { return ((1u << vector_argument_count(id)) - 1) << 1; }
    const struct helper_prototype *prototype = platform_helper(f->v->platform, id);
    for (uint32_t i = 0; prototype != nullptr && i < 5 && prototype->arguments[i] != ARG_NONE; i++) {
        uint8_t type = prototype->arguments[i];
        bool any = type == ARG_ANY || (type == ARG_SCALAR && prototype->returns != RETURNS_LENGTH);
        if (!any) { regs |= 2u << i; }
    }
    return regs;
}

static void before_condition(const struct inference *f, struct need *n, struct note *note, uint32_t pc, struct bpf_insn insn) {
    uint32_t compared = 1u << insn_dst(insn) | ((insn.opcode & BPF_SRC_X) != 0 ? 1u << insn_src(insn) : 0);
    add_site(f, n, jump_target(insn, SHAPE_COND_K, pc));
    bool pointers = (note->pointers & compared) != 0;
    note->track = pointers || note->decided || (note->linked & n->regs) != 0 || (note->linked_slots & n->slots) != 0;
    if (note->track) { add(n, compared & ~(uint32_t)note->pointers); }
}

static void before(const struct inference *f, struct need *n, uint32_t pc) {
    struct bpf_insn insn = insn_at(f->v, pc);
    struct note *note = &f->notes[pc];
    uint8_t shape = insn_shapes[insn.opcode];
    uint32_t dst = insn_dst(insn);
    switch (shape) {
    case SHAPE_MOV_X:
        note->track = needs(n, dst);
        drop(n, 1u << dst);
        if (note->track) { add(n, 1u << insn_src(insn)); }
        break;
    case SHAPE_MOV_K:
    case SHAPE_LD_IMM64:
        note->track = needs(n, dst);
        drop(n, 1u << dst);
        break;
    case SHAPE_LDX:
    case SHAPE_LDSX: before_load(n, note, insn); break;
    case SHAPE_ST: before_store(n, note, insn, false); break;
    case SHAPE_STX: before_store(n, note, insn, true); break;
    case SHAPE_ATOMIC: {
        uint32_t fetched = (uint32_t)insn.imm == BPF_ATOMIC_CMPXCHG ? 0 : insn_src(insn);
        note->track = (insn.imm & BPF_ATOMIC_FETCH) != 0 && needs(n, fetched);
        if ((insn.imm & BPF_ATOMIC_FETCH) != 0) { drop(n, 1u << fetched); }
        break;
    }
    case SHAPE_CALL:
    case SHAPE_LEGACY_PACKET:
        note->track = needs(n, 0);
        drop(n, 0x3f);
        if (shape == SHAPE_CALL) { add(n, weighed(f, insn)); }
        break;
    case SHAPE_JA:
    case SHAPE_JA32:
        *n = (struct need){0};
        add_site(f, n, jump_target(insn, shape, pc));
        break;
    case SHAPE_COND_K:
    case SHAPE_COND_X: before_condition(f, n, note, pc, insn); break;
    case SHAPE_EXIT: *n = (struct need){.regs = (f->v->type->flags & TYPE_EXIT_RANGE) != 0}; break;
    default: before_operation(n, note, insn, f->v->facts->flags[pc]); break;
    }
}

/* What ranks the loop that begins here. */
static void add_place(const struct site *site, struct need *n) {
    if (site->place < PLACE_SLOT) { n->regs |= 1u << site->place; }
    if (site->place >= PLACE_SLOT && site->place != NO_PLACE) { n->slots |= (uint64_t)1 << (site->place - PLACE_SLOT); }
}

static bool sweep(struct inference *f) {
    struct need n = {0};
    bool changed = false;
    for (uint32_t pc = f->v->program->count; pc-- > 0;) {
        if ((f->v->marks[pc] & MARK_SECOND) != 0) { continue; }
        before(f, &n, pc);
        uint32_t index;
        if (!site_at(f, pc, &index)) { continue; }
        struct site *site = &f->sites[index];
        add_place(site, &n);
        changed |= (n.regs & ~(uint32_t)site->regs) != 0 || (n.slots & ~site->slots) != 0;
        n.regs |= site->regs;
        n.slots |= site->slots;
        site->regs = (uint16_t)n.regs;
        site->slots = n.slots;
    }
    return changed;
}

void find_needs(struct inference *f) {
    while (sweep(f)) {}
}
