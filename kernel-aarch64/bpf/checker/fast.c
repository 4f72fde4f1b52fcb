/* An instruction here is one 64-bit word: opcode in bits 0..7, dst 8..11, src 12..15, off 16..31, imm 32..63 (RFC 9669 §3).
 * The masks of the machine stand in registers while the loop goes. */

#include "bpf/checker/fast.h"

enum kind : uint8_t { SLOW, ALU_K, ALU_X, MOV_K, MOV_X, LOAD, STORE_K, STORE_X };

/* What an opcode is here, and whether the upper half of its result is zero: bit i for dst (1) and src or immediate (2) before. */
struct row {
    uint8_t kind, narrow;
};

enum { NEVER_NARROW = 0, BOTH = 8, EITHER = 14, LIKE_DST = 10, LIKE_SRC = 12, ALWAYS_NARROW = 15 };

#define OPERATION(op, narrow64)                                                 \
    [BPF_CLASS_ALU64 | BPF_ALU_##op | BPF_SRC_K] = {ALU_K, narrow64},           \
    [BPF_CLASS_ALU64 | BPF_ALU_##op | BPF_SRC_X] = {ALU_X, narrow64},           \
    [BPF_CLASS_ALU | BPF_ALU_##op | BPF_SRC_K] = {ALU_K, ALWAYS_NARROW},        \
    [BPF_CLASS_ALU | BPF_ALU_##op | BPF_SRC_X] = {ALU_X, ALWAYS_NARROW}
#define ACCESS(class, kind)                                                                                                   \
    [class | BPF_MODE_MEM | BPF_SIZE_B] = {kind, ALWAYS_NARROW}, [class | BPF_MODE_MEM | BPF_SIZE_H] = {kind, ALWAYS_NARROW}, \
    [class | BPF_MODE_MEM | BPF_SIZE_W] = {kind, ALWAYS_NARROW}, [class | BPF_MODE_MEM | BPF_SIZE_DW] = {kind, NEVER_NARROW}

static const struct row rows[256] = {
    OPERATION(ADD, NEVER_NARROW),
    OPERATION(SUB, NEVER_NARROW),
    OPERATION(MUL, NEVER_NARROW),
    OPERATION(OR, BOTH),
    OPERATION(AND, EITHER),
    OPERATION(LSH, NEVER_NARROW),
    OPERATION(RSH, LIKE_DST),
    OPERATION(XOR, BOTH),
    OPERATION(ARSH, LIKE_DST),
    [BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_K] = {MOV_K, LIKE_SRC},
    [BPF_CLASS_ALU | BPF_ALU_MOV | BPF_SRC_K] = {MOV_K, ALWAYS_NARROW},
    [BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_X] = {MOV_X, LIKE_SRC},
    [BPF_CLASS_ALU | BPF_ALU_MOV | BPF_SRC_X] = {MOV_X, ALWAYS_NARROW},
    ACCESS(BPF_CLASS_LDX, LOAD),
    ACCESS(BPF_CLASS_ST, STORE_K),
    ACCESS(BPF_CLASS_STX, STORE_X),
};

/* Bits that are clear in the plain form of each kind. */
static const uint64_t clear[] = {
    [SLOW] = UINT64_MAX, [ALU_K] = 0xfffff000, [ALU_X] = 0xffffffffffff0000, [MOV_K] = 0xfffff000, [MOV_X] = 0xffffffffffff0000,
    [LOAD] = UINT64_MAX << 32, [STORE_K] = 0xf000,   [STORE_X] = UINT64_MAX << 32,
};

/* The masks, and what does not change. */
struct loop {
    struct machine *m;
    struct reg *regs;
    uint32_t number, loose, narrow;
};

static inline bool bit_of(uint32_t mask, uint32_t r) { return (mask >> r & 1) != 0; }

/* What may be accessed through a pointer at a known place, from its base. */
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

/* Eight bytes of the stack, or what lies inside a slot that a load finds plain. */
static inline bool stack_access(struct loop *l, const struct reg *p, int64_t off, uint32_t bytes, bool writes) {
    struct machine *m = l->m;
    uint64_t at = (uint64_t)(off + BPF_STACK_BYTES);
    if (p->kind != REG_STACK || at >= BPF_STACK_BYTES || (at & (bytes - 1)) != 0) { return false; }
    uint64_t bit = (uint64_t)1 << at / 8;
    if (!writes && (m->plain & bit) == 0) { return false; }
    if (writes) {
        if (bytes != 8 || m->followed_slots != 0) { return false; }
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

static inline bool access(struct loop *l, uint64_t word, uint32_t base, bool writes) {
    if (!bit_of(l->m->pointer, base)) { return false; }
    const struct reg *p = &l->regs[base];
    if ((p->var.mask | p->var.value) != 0) { return false; }
    uint32_t bytes = access_bytes((uint8_t)word);
    int64_t off = p->off + (int64_t)(int16_t)(word >> 16);
    if (off >= 0 && (uint64_t)off + bytes <= reach_of(l->m, p, writes)) { return true; }
    return stack_access(l, p, off, bytes, writes);
}

/* The register is any number from now on. */
static inline void loosen(struct loop *l, uint32_t dst, uint32_t narrow) {
    uint32_t bit = 1u << dst;
    if ((l->loose & bit) == 0) {
        reg_set_scalar(&l->regs[dst]);
        l->loose |= bit;
        l->number |= bit;
        l->m->pointer &= ~bit;
    }
    l->narrow = (l->narrow & ~bit) | narrow << dst;
}

/* A constant added to a pointer. */
static inline bool move_pointer(struct loop *l, uint64_t word, uint32_t dst) {
    const uint32_t kinds = 1u << REG_STACK | 1u << REG_MAP_VALUE | 1u << REG_PACKET | 1u << REG_MEMORY | 1u << REG_PACKET_META;
    struct reg *p = &l->regs[dst];
    if ((uint8_t)word != (BPF_CLASS_ALU64 | BPF_ALU_ADD | BPF_SRC_K) || dst >= FRAME_POINTER || !bit_of(l->m->pointer, dst)) { return false; }
    int64_t imm = (int64_t)word >> 32, off = p->off + imm;
    if ((kinds >> p->kind & 1) == 0 || imm <= -OFFSET_LIMIT || imm >= OFFSET_LIMIT || off <= -OFFSET_LIMIT || off >= OFFSET_LIMIT) { return false; }
    p->off = (int32_t)off;
    return true;
}

static inline bool copy_pointer(struct loop *l, uint64_t word, uint32_t dst, uint32_t src) {
    if ((uint8_t)word != (BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_X) || !bit_of(l->m->pointer, src)) { return false; }
    uint32_t bit = 1u << dst;
    reg_copy(&l->regs[dst], &l->regs[src]);
    l->number &= ~bit;
    l->loose &= ~bit;
    l->narrow &= ~bit;
    l->m->pointer |= bit;
    return true;
}

/* False, and nothing done, when the instruction is not that simple. */
static inline bool step(struct loop *l, uint64_t word, struct row row, uint32_t seen) {
    uint32_t dst = word >> 8 & 15, src = word >> 12 & 15, from_dst = seen >> 1 & 1, from_src = seen >> 2 & 1;
    bool immediate = (int64_t)word >= 0;
    switch (row.kind) {
    case ALU_X:
        if (!bit_of(l->number >> src & l->number >> dst, 0)) { return false; }
        break;
    case ALU_K:
        if (!bit_of(l->number, dst)) { return move_pointer(l, word, dst); }
        if ((uint8_t)word == (BPF_CLASS_ALU64 | BPF_ALU_RSH | BPF_SRC_K) && from_dst == 0 && (word >> 32 & 63) >= 32) { return false; }
        from_src = immediate;
        break;
    case MOV_K:
        if (dst >= FRAME_POINTER) { return false; }
        from_src = immediate;
        break;
    case MOV_X:
        if (dst >= FRAME_POINTER) { return false; }
        if (!bit_of(l->number, src)) { return copy_pointer(l, word, dst, src); }
        break;
    case LOAD:
        if (dst >= FRAME_POINTER || !access(l, word, src, false)) { return false; }
        break;
    case STORE_X:
        if (!bit_of(l->number, src)) { return false; }
        [[fallthrough]];
    case STORE_K: return access(l, word, dst, true);
    default: return false; /* a word of zeros is clear of everything */
    }
    loosen(l, dst, row.narrow >> (from_dst | from_src << 1) & 1);
    return true;
}

uint64_t fast_steps(struct machine *m, const uint32_t *first, uint64_t limit) {
    struct verifier *v = m->v;
    if (v->observer != nullptr || is_privileged(v)) { return 0; }
    struct loop l = {m, m->frame->regs, m->number, m->loose, m->narrow};
    const struct bpf_insn *insns = v->program->insns;
    uint8_t *flags = v->facts->flags;
    uint32_t start = m->state.pc, pc = start, followed = m->followed;
    uint64_t end = limit < v->program->count - 1 - pc ? pc + limit : v->program->count - 1; /* what follows the last is not simple */
    while (pc < end) {
        uint64_t word;
        __builtin_memcpy(&word, &insns[pc], sizeof(word));
        struct row row = rows[(uint8_t)word];
        uint32_t before = flags[pc], regs = (uint32_t)word >> 8;
        if ((word & clear[row.kind]) != 0 || (before & FACT_REACHED) != 0 || ((followed >> (regs & 15) | followed >> (regs >> 4 & 15)) & 1) != 0) { break; }
        uint32_t seen = FACT_REACHED | (l.narrow >> (regs & 15) & 1) << 1 | (l.narrow >> (regs >> 4 & 15) & 1) << 2;
        if (!step(&l, word, row, seen)) { break; }
        flags[pc] = (uint8_t)(before | seen);
        if (first[++pc] != 0) { break; }
    }
    m->number = l.number;
    m->loose = l.loose;
    m->narrow = l.narrow;
    m->state.pc = pc;
    m->state.walked += pc - start;
    return pc - start;
}
