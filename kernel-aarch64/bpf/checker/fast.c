/* An instruction here is two words: opcode in bits 0..7 of the first, dst 8..11, src 12..15, off 16..31; imm (RFC 9669 §3). The
 * masks of the machine stand in a register while the loop goes. As one switch, and longer than others, for that reason. */

#include "bpf/checker/fast.h"

#include <stddef.h>

enum kind : uint8_t { SLOW, ALU_K, ALU_X, AND_K, RIGHT_K, ADD_K, ADD_X, MOV_K, MOV_X, LOAD, STORE_K, STORE_X, CONDITION_K, CONDITION_X, JUMP };

/* What an opcode is here, and whether the upper half of its result is zero: bit i for dst (1) and src or immediate (2) before. */
struct row {
    uint8_t kind, narrow;
};

enum { NEVER_NARROW = 0, BOTH = 8, EITHER = 14, LIKE_DST = 10, LIKE_SRC = 12, ALWAYS_NARROW = 15 };

#define OPERATION(op, kind_k, kind_x, narrow64)                                \
    [BPF_CLASS_ALU64 | BPF_ALU_##op | BPF_SRC_K] = {kind_k, narrow64},          \
    [BPF_CLASS_ALU64 | BPF_ALU_##op | BPF_SRC_X] = {kind_x, narrow64},          \
    [BPF_CLASS_ALU | BPF_ALU_##op | BPF_SRC_K] = {kind_k == AND_K ? AND_K : ALU_K, ALWAYS_NARROW}, \
    [BPF_CLASS_ALU | BPF_ALU_##op | BPF_SRC_X] = {ALU_X, ALWAYS_NARROW}
#define CONDITION(op)                                                                                             \
    [BPF_CLASS_JMP | BPF_JMP_##op | BPF_SRC_K] = {CONDITION_K, 0}, [BPF_CLASS_JMP | BPF_JMP_##op | BPF_SRC_X] = {CONDITION_X, 0}, \
    [BPF_CLASS_JMP32 | BPF_JMP_##op | BPF_SRC_K] = {CONDITION_K, 0}, [BPF_CLASS_JMP32 | BPF_JMP_##op | BPF_SRC_X] = {CONDITION_X, 0}
#define ACCESS(class, kind)                                                                                                   \
    [class | BPF_MODE_MEM | BPF_SIZE_B] = {kind, ALWAYS_NARROW}, [class | BPF_MODE_MEM | BPF_SIZE_H] = {kind, ALWAYS_NARROW}, \
    [class | BPF_MODE_MEM | BPF_SIZE_W] = {kind, ALWAYS_NARROW}, [class | BPF_MODE_MEM | BPF_SIZE_DW] = {kind, NEVER_NARROW}

static const struct row rows[256] = {
    OPERATION(ADD, ADD_K, ADD_X, NEVER_NARROW),
    OPERATION(SUB, ALU_K, ALU_X, NEVER_NARROW),
    OPERATION(MUL, ALU_K, ALU_X, NEVER_NARROW),
    OPERATION(OR, ALU_K, ALU_X, BOTH),
    OPERATION(AND, AND_K, ALU_X, EITHER),
    OPERATION(LSH, ALU_K, ALU_X, NEVER_NARROW),
    OPERATION(RSH, RIGHT_K, ALU_X, LIKE_DST),
    OPERATION(XOR, ALU_K, ALU_X, BOTH),
    OPERATION(ARSH, ALU_K, ALU_X, LIKE_DST),
    [BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_K] = {MOV_K, LIKE_SRC},
    [BPF_CLASS_ALU | BPF_ALU_MOV | BPF_SRC_K] = {MOV_K, ALWAYS_NARROW},
    [BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_X] = {MOV_X, LIKE_SRC},
    [BPF_CLASS_ALU | BPF_ALU_MOV | BPF_SRC_X] = {MOV_X, ALWAYS_NARROW},
    ACCESS(BPF_CLASS_LDX, LOAD),
    ACCESS(BPF_CLASS_ST, STORE_K),
    ACCESS(BPF_CLASS_STX, STORE_X),
    CONDITION(JEQ),
    CONDITION(JGT),
    CONDITION(JGE),
    CONDITION(JSET),
    CONDITION(JNE),
    CONDITION(JSGT),
    CONDITION(JSGE),
    CONDITION(JLT),
    CONDITION(JLE),
    CONDITION(JSLT),
    CONDITION(JSLE),
    [BPF_CLASS_JMP | BPF_JMP_JA] = {JUMP, 0},
};

/* What the loop needs at hand. `masks` are the machine's while the loop goes. */
struct loop {
    struct machine *m;
    struct reg *regs;
    uint64_t masks;
    uint32_t followed; /* not among the numbers of `masks` meanwhile: what changes them is not simple */
};

/* Bits of the masks of a register, once they are shifted down to it. */
enum : uint64_t {
    NUMBER = 1ull << NUMBER_AT,
    LOOSE = 1ull << LOOSE_AT,
    NARROW = 1ull << NARROW_AT,
    POINTER = 1ull << POINTER_AT,
};

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
        if (!writes || bytes != 8) { return false; }
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
static inline bool access(struct loop *l, uint32_t fields, uint32_t base, bool writes) {
    const struct reg *p = &l->regs[base];
    uint32_t bytes = access_bytes(fields);
    int64_t off = p->off + (int64_t)((int32_t)fields >> 16), end = off + bytes;
    if (p->kind != REG_PACKET) { end += p->var.smax; }
    if (off + p->var.smin >= 0 && end <= (int64_t)reach_of(l->m, p, writes)) { return true; }
    return stack_access(l, p, off, bytes, writes);
}

/* The register is any number from now on; `was`: the masks shifted down to it. */
static inline void loosen(struct loop *l, uint64_t was, uint32_t dst, uint64_t narrow) {
    if ((was & LOOSE) == 0) { reg_set_scalar(&l->regs[dst]); }
    l->masks = (l->masks & ~((NUMBER | LOOSE | NARROW | POINTER) << dst)) | (NUMBER | LOOSE | narrow << NARROW_AT) << dst;
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

enum stepped { NOT_SIMPLE /* and nothing done */, STEPPED, PARTS };

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
    l->m->masks = l->masks; /* the followed ones are not asked for */
    operate(l->m, (struct bpf_insn){(uint8_t)fields, (uint8_t)(fields >> 8), 0, (int32_t)imm});
    l->masks = l->m->masks;
    return STEPPED;
}

static inline bool is_free(const struct loop *l, uint32_t dst) { return dst < FRAME_POINTER && (l->followed >> dst & 1) == 0; }

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
            loosen(l, to, dst, 1);
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
        if ((fields & not_k) != 0 || !is_free(l, dst)) { return NOT_SIMPLE; }
        result = row->narrow >> (~imm >> 31 << 1) & 1;
        loosen(l, to, dst, result);
        if (track) {
            keep_known(l, dst);
            scalar_set_const(&l->regs[dst].var, result != 0 ? imm : (uint64_t)(int64_t)(int32_t)imm);
        }
        return STEPPED;
    case MOV_X:
        if (((fields & not_x) | imm) != 0 || !is_free(l, dst)) { return NOT_SIMPLE; }
        if ((from & NUMBER) == 0) {
            if ((from & POINTER) == 0 || (l->followed >> src & 1) != 0 || (uint8_t)fields != (BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_X)) { return NOT_SIMPLE; }
            copy_pointer(l, dst, src);
            return STEPPED;
        }
        if (track) { return NOT_SIMPLE; }
        result = row->narrow >> narrow;
        break;
    case LOAD:
        if (imm != 0 || !is_free(l, dst) || (from & POINTER) == 0 || (track && access_bytes(fields) >= 4)) { return NOT_SIMPLE; }
        if (!access(l, fields, src, false)) { return NOT_SIMPLE; }
        result = row->narrow;
        if (track) {
            loosen(l, to, dst, 1);
            keep_known(l, dst);
            scalar_set_loaded(&l->regs[dst].var, access_bytes(fields), false);
            return STEPPED;
        }
        break;
    case STORE_X: return imm == 0 && (from & NUMBER) != 0 && !track && (to & POINTER) != 0 && access(l, fields, dst, true) ? STEPPED : NOT_SIMPLE;
    case STORE_K: return (fields & not_st) == 0 && !track && (to & POINTER) != 0 && access(l, fields, dst, true) ? STEPPED : NOT_SIMPLE;
    case JUMP: return (fields & not_j) == 0 && imm == 0 ? PARTS : NOT_SIMPLE;
    case CONDITION_X: return imm == 0 && (to & from & NUMBER) != 0 && !track ? PARTS : NOT_SIMPLE;
    case CONDITION_K: return (fields & not_st) == 0 && (to & NUMBER) != 0 && !track ? PARTS : NOT_SIMPLE;
    case SLOW: return NOT_SIMPLE; /* a word of zeros among them */
    default: unreachable();
    }
    loosen(l, to, dst, result & 1);
    return STEPPED;
}

uint64_t fast_steps(struct machine *m, const uint32_t *first, uint64_t limit, bool track, bool *parts) {
    struct verifier *v = m->v;
    *parts = false;
    if (v->observer != nullptr || is_privileged(v)) { return 0; }
    const uint64_t hidden = (uint64_t)(m->followed & m->number) << NUMBER_AT;
    struct loop l = {m, m->frame->regs, m->masks & ~hidden, m->followed};
    const struct bpf_insn *insns = v->program->insns;
    uint8_t *flags = v->facts->flags;
    uint64_t start = m->state.pc, pc = start, last = v->program->count - 1; /* what follows the last is not simple */
    uint64_t end = limit < last - pc ? pc + limit : last;
    while (pc < end) {
        uint32_t fields, imm, before = flags[pc];
        __builtin_memcpy(&fields, &insns[pc], sizeof(fields));
        __builtin_memcpy(&imm, &insns[pc].imm, sizeof(imm));
        if ((before & FACT_REACHED) != 0) { break; }
        uint64_t to = l.masks >> (fields >> 8 & 15), from = l.masks >> (fields >> 12 & 15);
        uint32_t narrow = (to >> NARROW_AT & 1) | (from >> NARROW_AT & 1) << 1;
        enum stepped stepped = step(&l, fields, imm, to, from, narrow, track);
        if (stepped == NOT_SIMPLE) { break; }
        flags[pc++] = (uint8_t)(before | FACT_REACHED | narrow << 1);
        *parts = stepped == PARTS;
        if (stepped == PARTS) { break; }
        track = false;
        if (first[pc] != 0) { break; }
    }
    m->masks = l.masks | hidden;
    m->state.pc = (uint32_t)pc;
    m->state.walked += pc - start;
    return pc - start;
}
static_assert(FACT_DST_UPPER_ZERO == 2 && FACT_SRC_UPPER_ZERO == 4);
