/* One instruction of the abstract machine: dispatch, jumps, and the facts that the JIT may rely on. */

#include "bpf/verifier/callback.h"
#include "bpf/verifier/global.h"
#include "bpf/verifier/small.h"
#include "bpf/verifier/step.h"
#include "bpf/verifier/timer.h"

static bool upper_zero(const struct reg *r) { return r->kind == REG_SCALAR && scalar_fits_u32(&r->var); }

static bool source_nonzero(const struct reg *src, struct bpf_insn insn) {
    if (src->kind != REG_SCALAR) { return false; }
    bool is64 = insn_class(insn) == BPF_CLASS_ALU64;
    return is64 ? src->var.umin != 0 || src->var.smax < 0 || src->var.value != 0 : src->var.umin32 != 0;
}

/* A slot was executed before. What adds a number to a pointer should do so each time. */
static inline void note_again(struct verifier *v, uint32_t pc, const struct reg *dst, const struct reg *src) {
    bool adds = (dst->kind == REG_SCALAR) != (src->kind == REG_SCALAR);
    if (adds != ((v->facts->flags[pc] & FACT_ADDRESS) != 0)) { note_index(v, pc, nullptr, nullptr, false); }
}

#if OTHER_PLATFORMS
/* Linux wants each access to be in an arena on all ways to it, or on none. */
static void note_arena(struct verifier *v, uint32_t pc, struct bpf_insn insn, const struct reg *dst, const struct reg *src) {
    uint32_t class = insn_class(insn);
    bool stores = class == BPF_CLASS_ST || class == BPF_CLASS_STX;
    if ((stores && dst->kind == REG_ARENA) || (class == BPF_CLASS_LDX && src->kind == REG_ARENA)) { v->facts->arena[pc] |= ARENA_ACCESS; }
}
#endif

/* A fact holds when it held each time; until the first time every fact may still hold. */
static inline void note_facts(struct verifier *v, uint32_t pc, struct bpf_insn insn, uint8_t shape, const struct reg *dst,
                              const struct reg *src) {
    uint32_t seen = FACT_REACHED;
    if (upper_zero(dst)) { seen |= FACT_DST_UPPER_ZERO; }
    if (upper_zero(src) && shape != SHAPE_LD_IMM64) { seen |= FACT_SRC_UPPER_ZERO; } /* its src is no register */
    if (shape == SHAPE_DIV_X && source_nonzero(src, insn)) { seen |= FACT_SRC_NONZERO; }
#if OTHER_PLATFORMS
    note_arena(v, pc, insn, dst, src);
#endif
    uint32_t flags = v->facts->flags[pc];
    uint32_t held = (flags & FACT_REACHED) != 0 ? flags & (seen | FACT_ALWAYS_TAKEN | FACT_NEVER_TAKEN | FACT_ADDRESS) : seen;
    v->facts->flags[pc] = (uint8_t)(held | (flags & FACT_JUMP_TARGET));
    if (shape == SHAPE_ALU_X && (flags & FACT_REACHED) != 0) { note_again(v, pc, dst, src); }
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
    note_facts(v, s->pc, insn, shape, reg_at(s, insn_dst(insn)), reg_at(s, insn_src(insn)));
    enum certainty certainty;
    if (branch_certainty(v, s, insn, &certainty) != STATUS_OK) { return FLOW_REFUSED; }
    note_way(v, s->pc, first, certainty);
    uint32_t target = s->pc + 1 + (uint32_t)insn.off;
    if (certainty != NEVER) { v->facts->flags[target] |= FACT_JUMP_TARGET; }
    if (certainty == SOMETIMES) { return FLOW_BRANCH; }
    s->pc = certainty == ALWAYS ? target : s->pc + 1;
    return certainty == ALWAYS ? FLOW_ALWAYS : FLOW_NEVER;
}

/* Of the number that this instruction loads. */
static uint8_t origin_of_number(const struct verifier *v, uint32_t pc) {
    if (is_noted(v, pc, NOTE_PER_CPU)) { return (uint8_t)(ORIGIN_PER_CPU + (v->program->notes[pc] & NOTE_PER_CPU) / (NOTE_PER_CPU & -NOTE_PER_CPU) - 1); }
    return is_noted(v, pc, NOTE_NO_STRUCT) ? ORIGIN_NO_STRUCT : ORIGIN_ANY;
}

/* The address of something in an arena, for users: a number, before it is cast. */
static enum status load_arena(struct verifier *v, struct state *s, struct reg *dst, const struct bpf_map_shape *map, uint32_t offset) {
    uint64_t size = (uint64_t)map->max_entries * PLATFORM_ARENA_PAGE_BYTES;
    if (offset > size) { return refuse(v, STATUS_MAP_VALUE_OUT_OF_BOUNDS, s->pc, "offset %u, the arena has %u bytes", (uint64_t)offset, size); }
    reg_lose(dst, ORIGIN_ANY);
    s->pc++;
    return STATUS_OK;
}

[[gnu::noinline]] static enum status load_imm64(struct verifier *v, struct state *s, struct bpf_insn insn) {
    struct reg *dst = reg_at(s, insn_dst(insn));
    struct bpf_insn next = insn_at(v, s->pc + 1);
    switch (insn_src(insn)) {
    case BPF_PSEUDO_IMM64_MAP:
        reg_set_pointer(dst, REG_MAP);
        dst->map = (uint8_t)insn.imm;
        break;
    case BPF_PSEUDO_IMM64_FUNCTION:
        reg_set_pointer(dst, REG_FUNCTION);
        dst->off = (int32_t)s->pc + 1 + insn.imm;
        break;
    case BPF_PSEUDO_IMM64_MAP_VALUE: {
        const struct bpf_map_shape *map = &v->program->maps[insn.imm];
        if (OTHER_PLATFORMS && is_privileged(v) && map->type == PLATFORM_MAP_ARENA) { return load_arena(v, s, dst, map, (uint32_t)next.imm); }
        if (map->type != MAP_TYPE_ARRAY) {
            return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "map %u is no array; its values have no fixed address", (uint64_t)insn.imm);
        }
        if (OTHER_PLATFORMS && is_privileged(v) && map->max_entries != 1) {
            return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "map %u has %u values; only that of a map of one has a fixed address",
                          (uint64_t)insn.imm, (uint64_t)map->max_entries);
        }
        if ((uint32_t)next.imm >= map->value_size) {
            return refuse(v, STATUS_MAP_VALUE_OUT_OF_BOUNDS, s->pc, "offset %u, value is %u bytes", (uint64_t)(uint32_t)next.imm,
                          (uint64_t)map->value_size);
        }
        reg_set_pointer(dst, REG_MAP_VALUE);
        dst->map = (uint8_t)insn.imm;
        dst->off = next.imm;
        dst->id = fixed_ids + (uint32_t)insn.imm;
        if (dst->off >= OFFSET_LIMIT || dst->off < 0) {
            return refuse(v, STATUS_UNBOUNDED_OFFSET, s->pc, "offset %u", (uint64_t)(uint32_t)next.imm);
        }
        break;
    }
    default:
        reg_set_scalar(dst);
        scalar_set_const(&dst->var, (uint32_t)insn.imm | (uint64_t)(uint32_t)next.imm << 32);
        dst->map = origin_of_number(v, s->pc);
        break;
    }
    s->pc++;
    return STATUS_OK;
}

/* A helper from which more follows than a result. */
static enum flow step_leading_helper(struct verifier *v, struct state *s, uint32_t id) {
    uint32_t flags = v->platform->helpers[id].flags;
    if ((flags & HELPER_ITERATES) != 0) { return FLOW_ITERATES; }
    if (step_helper(v, s, id) != STATUS_OK) { return FLOW_REFUSED; }
    if (OTHER_PLATFORMS && timer_is_set_by(&v->platform->helpers[id])) {
        if (timer_set(v, s, v->platform->helpers[id].arguments[0] == ARG_WORK) != STATUS_OK) { return FLOW_REFUSED; }
        callback_skip(s);
        return FLOW_JUMPED;
    }
    return (flags & HELPER_THROWS) != 0 ? FLOW_EXIT : FLOW_CALLBACK;
}

[[gnu::noinline]] static enum flow step_jump(struct verifier *v, struct state *s, struct bpf_insn insn, uint8_t shape) {
    if (shape == SHAPE_EXIT) {
        bool ended;
        if (step_exit(v, s, &ended) != STATUS_OK) { return FLOW_REFUSED; }
        return ended ? FLOW_EXIT : FLOW_JUMPED;
    }
    if (shape == SHAPE_CALL && insn_src(insn) == BPF_PSEUDO_CALL_HELPER) { return step_leading_helper(v, s, (uint32_t)insn.imm); }
    if (OTHER_PLATFORMS && shape == SHAPE_MAY_GOTO) {
        v->facts->flags[s->pc + 1 + (uint32_t)insn.off] |= FACT_JUMP_TARGET;
        return FLOW_MAY_GOTO;
    }
    if (shape != SHAPE_CALL) { return jump_to(v, s, s->pc + 1 + (uint32_t)(shape == SHAPE_JA ? insn.off : insn.imm)); }
    uint32_t target = s->pc + 1 + (uint32_t)insn.imm;
    v->facts->flags[target] |= FACT_JUMP_TARGET;
    return step_call(v, s, target) == STATUS_OK ? FLOW_JUMPED : FLOW_REFUSED;
}

/* The common arithmetic: numbers of which little must be known to know all of the result. */
static inline bool alu_is_small(struct bpf_insn insn, uint8_t shape, struct reg *dst, const struct reg *src) {
    if (dst->kind != REG_SCALAR) { return false; }
    struct small by = small_const((uint64_t)(int64_t)insn.imm);
    if (shape == SHAPE_ALU_X) {
        if (src->kind != REG_SCALAR) { return false; }
        by = small_of(&src->var);
    }
    uint8_t origin = shape == SHAPE_ALU_X ? origin_moved(insn, dst, src) : ORIGIN_ANY;
    if (!scalar_alu_small(insn.opcode & 0xf0u, &dst->var, &by)) { return false; }
    if ((dst->id | dst->map) != 0) { reg_shift_link(dst, insn); }
    if (origin != ORIGIN_ANY) { dst->map = origin; }
    return true;
}

/* Of instructions that are no jumps. */
static bool writes_dst(uint8_t shape) {
    return shape != SHAPE_ST && shape != SHAPE_STX && shape != SHAPE_ATOMIC && shape != SHAPE_LEGACY_PACKET && shape != SHAPE_CALL;
}

/* Executes an instruction that is no jump. */
static inline enum status step_plain(struct verifier *v, struct state *s, struct bpf_insn insn, uint8_t shape, struct reg *dst,
                                     const struct reg *src) {
    if (OTHER_PLATFORMS && insn_dst(insn) == FRAME_POINTER && writes_dst(shape)) {
        return refuse(v, STATUS_FRAME_POINTER_WRITE, s->pc, "writes r10");
    }
    switch (shape) {
    case SHAPE_LD_IMM64: return load_imm64(v, s, insn);
    case SHAPE_LDX: return step_load(v, s, insn, false);
    case SHAPE_LDSX: return step_load(v, s, insn, true);
    case SHAPE_ST: return step_store(v, s, insn, false);
    case SHAPE_STX: return step_store(v, s, insn, true);
    case SHAPE_ATOMIC: return step_atomic(v, s, insn);
    case SHAPE_LEGACY_PACKET: return step_legacy_packet(v, s, insn);
    case SHAPE_CALL: return step_helper(v, s, (uint32_t)insn.imm);
    case SHAPE_ALU_K:
    case SHAPE_ALU_X:
        if (alu_is_small(insn, shape, dst, src)) { return STATUS_OK; }
        [[fallthrough]];
    default: return step_alu(v, s, insn, shape);
    }
}

enum status state_step(struct verifier *v, struct state *s, struct bpf_insn insn, uint8_t shape) {
    return step_plain(v, s, insn, shape, reg_at(s, insn_dst(insn)), reg_at(s, insn_src(insn)));
}

/* A tail call that finds its program does not come back, nor does a legacy load from outside the packet: the caller goes on. */
static bool may_leave(const struct verifier *v, struct bpf_insn insn, uint8_t shape) {
    return shape == SHAPE_LEGACY_PACKET || (shape == SHAPE_CALL && helper_tail_calls(v->platform, (uint32_t)insn.imm));
}

enum flow state_run(struct verifier *v, struct state *s, uint64_t *left) {
    const uint16_t *points = v->points;
    const struct bpf_insn *insns = v->program->insns;
    enum flow flow = FLOW_NEXT;
    uint64_t count = 0;
    do {
        count++;
        if (v->observer != nullptr) { v->observer(v->observer_cookie, s); }
        uint32_t pc = s->pc;
        struct bpf_insn insn = fetch(&insns[pc]);
        uint8_t shape = insn_shapes[insn.opcode];
        if (shape == SHAPE_COND_K || shape == SHAPE_COND_X) {
            flow = step_branch(v, s, insn, shape);
            break;
        }
        struct reg *dst = reg_at(s, insn_dst(insn));
        const struct reg *src = reg_at(s, insn_src(insn));
        note_facts(v, pc, insn, shape, dst, src);
        bool helper = shape == SHAPE_CALL && insn_src(insn) == BPF_PSEUDO_CALL_HELPER && !helper_leads_on(v->platform, (uint32_t)insn.imm);
        if (shape >= SHAPE_JA && !helper) {
            flow = step_jump(v, s, insn, shape);
            break;
        }
        if (step_plain(v, s, insn, shape, dst, src) != STATUS_OK) {
            flow = FLOW_REFUSED;
            break;
        }
        s->pc++;
        if (OTHER_PLATFORMS && s->depth != 0 && may_leave(v, insn, shape)) {
            flow = FLOW_LEAVES;
            break;
        }
    } while (points[s->pc] == 0 && count != *left);
    *left -= count;
    s->walked += count;
    return flow;
}

void state_begin(struct verifier *v, struct state *s) {
    struct frame *frame = &s->frames[0];
#pragma clang loop unroll(full)
    for (uint32_t r = 0; r < FRAME_POINTER; r++) { frame->regs[r].kind = REG_UNINIT; }
    reg_set_pointer(&frame->regs[FRAME_POINTER], REG_STACK);
    frame->used = 0;
    frame->call = 0;
    frame->function = 0;
    frame->point = 0;
    __builtin_memset_inline(frame->turns, 0, sizeof(frame->turns));
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
    if (OTHER_PLATFORMS && v->program->catches == CATCHES_ITSELF) {
        reg_set_scalar(&frame->regs[1]);
        scalar_set_unknown(&frame->regs[1].var);
    }
    if (OTHER_PLATFORMS && is_typed(v, v->entry)) { global_begin(v, s); }
    if (OTHER_PLATFORMS && v->timer != nullptr) { timer_begin(v, s); }
}
