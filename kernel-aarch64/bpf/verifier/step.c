/* One instruction of the abstract machine: dispatch, jumps, and the facts that the JIT may rely on. */

#include "bpf/verifier/step.h"

static bool upper_zero(const struct reg *r) { return r->kind == REG_SCALAR && scalar_fits_u32(&r->var); }

static bool source_nonzero(const struct reg *src, struct bpf_insn insn) {
    if (src->kind != REG_SCALAR) { return false; }
    bool is64 = insn_class(insn) == BPF_CLASS_ALU64;
    return is64 ? src->var.umin != 0 || src->var.smax < 0 || src->var.value != 0 : src->var.umin32 != 0;
}

/* A fact holds when it held each time; until the first time every fact may still hold. */
static void note_facts(struct verifier *v, struct state *s, struct bpf_insn insn, uint8_t shape) {
    uint8_t seen = FACT_REACHED;
    if (upper_zero(reg_at(s, insn_dst(insn)))) { seen |= FACT_DST_UPPER_ZERO; }
    if (shape != SHAPE_LD_IMM64) { /* its src is no register */
        const struct reg *src = reg_at(s, insn_src(insn));
        if (upper_zero(src)) { seen |= FACT_SRC_UPPER_ZERO; }
        if (shape == SHAPE_DIV_X && source_nonzero(src, insn)) { seen |= FACT_SRC_NONZERO; }
    }
    uint8_t *flags = &v->facts->flags[s->pc];
    uint8_t always = *flags & FACT_JUMP_TARGET;
    *flags = (uint8_t)(((*flags & FACT_REACHED) != 0 ? *flags & (seen | FACT_ALWAYS_TAKEN | FACT_NEVER_TAKEN) : seen) | always);
}

static void note_way(struct verifier *v, uint32_t pc, bool first, enum certainty certainty) {
    uint8_t way = certainty == ALWAYS ? FACT_ALWAYS_TAKEN : certainty == NEVER ? FACT_NEVER_TAKEN : 0;
    uint8_t *flags = &v->facts->flags[pc];
    uint8_t held = first ? way : *flags & way;
    *flags = (uint8_t)((*flags & ~(FACT_ALWAYS_TAKEN | FACT_NEVER_TAKEN)) | held);
}

static enum flow jump_to(struct verifier *v, struct state *s, uint32_t target) {
    v->facts->flags[target] |= FACT_JUMP_TARGET;
    s->pc = target;
    return FLOW_JUMPED;
}

[[gnu::noinline]] static enum flow step_branch(struct verifier *v, struct state *s, struct bpf_insn insn, uint8_t shape) {
    bool first = (v->facts->flags[s->pc] & FACT_REACHED) == 0;
    note_facts(v, s, insn, shape);
    enum certainty certainty;
    if (branch_certainty(v, s, insn, &certainty) != STATUS_OK) { return FLOW_REFUSED; }
    note_way(v, s->pc, first, certainty);
    uint32_t target = s->pc + 1 + (uint32_t)insn.off;
    if (certainty != NEVER) { v->facts->flags[target] |= FACT_JUMP_TARGET; }
    if (certainty == SOMETIMES) { return FLOW_BRANCH; }
    s->pc = certainty == ALWAYS ? target : s->pc + 1;
    return certainty == ALWAYS ? FLOW_ALWAYS : FLOW_NEVER;
}

[[gnu::noinline]] static enum status load_imm64(struct verifier *v, struct state *s, struct bpf_insn insn) {
    struct reg *dst = reg_at(s, insn_dst(insn));
    struct bpf_insn next = v->program->insns[s->pc + 1];
    switch (insn_src(insn)) {
    case BPF_PSEUDO_IMM64_MAP:
        reg_set_pointer(dst, REG_MAP);
        dst->map = (uint8_t)insn.imm;
        break;
    case BPF_PSEUDO_IMM64_MAP_VALUE: {
        const struct bpf_map_shape *map = &v->program->maps[insn.imm];
        if (map->type != MAP_TYPE_ARRAY) {
            return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "map %u is no array; its values have no fixed address", (uint64_t)insn.imm);
        }
        if ((uint32_t)next.imm >= map->value_size) {
            return refuse(v, STATUS_MAP_VALUE_OUT_OF_BOUNDS, s->pc, "offset %u, value is %u bytes", (uint64_t)(uint32_t)next.imm,
                          (uint64_t)map->value_size);
        }
        reg_set_pointer(dst, REG_MAP_VALUE);
        dst->map = (uint8_t)insn.imm;
        dst->off = next.imm;
        dst->id = 0x80000000u + (uint32_t)insn.imm; /* the same address each time */
        if (dst->off >= OFFSET_LIMIT || dst->off < 0) {
            return refuse(v, STATUS_UNBOUNDED_OFFSET, s->pc, "offset %u", (uint64_t)(uint32_t)next.imm);
        }
        break;
    }
    default:
        reg_set_scalar(dst);
        scalar_set_const(&dst->var, (uint32_t)insn.imm | (uint64_t)(uint32_t)next.imm << 32);
        break;
    }
    s->pc++;
    return STATUS_OK;
}

/* Memory and helpers: instructions that go on to the next one. */
[[gnu::noinline]] static enum status step_plain(struct verifier *v, struct state *s, struct bpf_insn insn, uint8_t shape) {
    switch (shape) {
    case SHAPE_LD_IMM64: return load_imm64(v, s, insn);
    case SHAPE_LDX: return step_load(v, s, insn, false);
    case SHAPE_LDSX: return step_load(v, s, insn, true);
    case SHAPE_ST: return step_store(v, s, insn, false);
    case SHAPE_STX: return step_store(v, s, insn, true);
    case SHAPE_ATOMIC: return step_atomic(v, s, insn);
    case SHAPE_LEGACY_PACKET: return step_legacy_packet(v, s, insn);
    default: return step_helper(v, s, (uint32_t)insn.imm); /* SHAPE_CALL */
    }
}

[[gnu::noinline]] static enum flow step_jump(struct verifier *v, struct state *s, struct bpf_insn insn, uint8_t shape) {
    if (shape == SHAPE_EXIT) {
        bool ended;
        if (step_exit(v, s, &ended) != STATUS_OK) { return FLOW_REFUSED; }
        return ended ? FLOW_EXIT : FLOW_JUMPED;
    }
    if (shape != SHAPE_CALL) { return jump_to(v, s, s->pc + 1 + (uint32_t)(shape == SHAPE_JA ? insn.off : insn.imm)); }
    uint32_t target = s->pc + 1 + (uint32_t)insn.imm;
    v->facts->flags[target] |= FACT_JUMP_TARGET;
    return step_call(v, s, target) == STATUS_OK ? FLOW_JUMPED : FLOW_REFUSED;
}

enum flow state_step(struct verifier *v, struct state *s) {
    struct bpf_insn insn;
    __builtin_memcpy(&insn, &v->program->insns[s->pc], sizeof(insn)); /* as one word */
    uint8_t shape = insn_shapes[insn.opcode];
    if (shape == SHAPE_COND_K || shape == SHAPE_COND_X) { return step_branch(v, s, insn, shape); }
    note_facts(v, s, insn, shape);
    bool helper = shape == SHAPE_CALL && insn_src(insn) == BPF_PSEUDO_CALL_HELPER;
    if (shape >= SHAPE_JA && !helper) { return step_jump(v, s, insn, shape); }
    if (shape >= SHAPE_MOV_K && shape <= SHAPE_SWAP) {
        if (step_alu(v, s, insn, shape) != STATUS_OK) { return FLOW_REFUSED; }
        s->pc++;
        return FLOW_NEXT;
    }
    if (step_plain(v, s, insn, shape) != STATUS_OK) { return FLOW_REFUSED; }
    s->pc++;
    return FLOW_NEXT;
}

void state_begin(struct verifier *v, struct state *s) {
    struct frame *frame = &s->frames[0];
    for (uint32_t r = 0; r < FRAME_POINTER; r++) { frame->regs[r].kind = REG_UNINIT; }
    reg_set_pointer(&frame->regs[FRAME_POINTER], REG_STACK);
    frame->used = 0;
    frame->call = 0;
    frame->function = 0;
    frame->point = 0;
    for (uint32_t i = 0; i < NESTING; i++) { frame->turns[i] = 0; }
    s->pc = s->lineage = 0;
    state_set_depth(s, 0);
    s->walked = 0;
    if ((v->type->flags & TYPE_MEMORY) != 0) {
        reg_set_pointer(&frame->regs[1], REG_MEMORY);
        frame->regs[1].range = v->program->memory_size;
        reg_set_scalar(&frame->regs[2]);
        scalar_set_const(&frame->regs[2].var, v->program->memory_size);
    } else {
        reg_set_pointer(&frame->regs[1], REG_CONTEXT);
    }
}
