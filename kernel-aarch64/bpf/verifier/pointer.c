/* Arithmetic on pointers: adding and subtracting bounded numbers, and differences within one object. */

#include "bpf/verifier/step.h"

bool pointers_share_base(const struct reg *a, const struct reg *b) {
    if (a->kind != b->kind) { return false; }
    switch (a->kind) {
    case REG_CONTEXT:
    case REG_PACKET:
    case REG_PACKET_META: return true;
    case REG_MEMORY: return a->id == b->id && a->frame == b->frame;
    case REG_STACK: return a->frame == b->frame;
    case REG_MAP_VALUE: return a->map == b->map && a->id == b->id && a->id != 0;
    default: return false;
    }
}

struct scalar pointer_offset(const struct reg *r) {
    struct scalar sum = r->var, off;
    scalar_set_const(&off, (uint64_t)(int64_t)r->off);
    scalar_alu64(BPF_ALU_ADD, false, &sum, &off);
    return sum;
}

static bool is_packet(const struct reg *r) {
    return r->kind == REG_PACKET || r->kind == REG_PACKET_END || r->kind == REG_PACKET_META;
}

static enum status subtract_pointers(struct verifier *v, struct state *s, struct bpf_insn insn, const struct reg *src) {
    struct reg *dst = reg_at(s, insn_dst(insn));
    bool related = pointers_share_base(dst, src);
    if (!related && !(is_packet(dst) && is_packet(src)) && !is_privileged(v)) {
        return refuse(v, STATUS_POINTER_ARITHMETIC, s->pc, "%r is %R and %r is %R: not in one object", insn_dst(insn), dst,
                      insn_src(insn), src);
    }
    struct scalar difference;
    if (!related) {
        scalar_set_unknown(&difference);
    } else if ((dst->kind == REG_PACKET || dst->kind == REG_PACKET_META) && dst->id == src->id) {
        scalar_set_const(&difference, (uint64_t)((int64_t)dst->off - src->off));
    } else {
        struct scalar subtrahend = pointer_offset(src);
        difference = pointer_offset(dst);
        scalar_alu64(BPF_ALU_SUB, false, &difference, &subtrahend);
    }
    reg_set_scalar(dst);
    dst->var = difference;
    return STATUS_OK;
}

void note_index(struct verifier *v, uint32_t pc, const struct reg *p, const struct scalar *by, bool in_dst) {
    struct bpf_facts *facts = v->facts;
    uint32_t object = p == nullptr ? INDEX_ODD : index_object(p, by, in_dst), count = facts->index_count;
    uint32_t at = (facts->flags[pc] & FACT_ADDRESS) != 0 ? 0 : count; /* nothing is noted of a slot without it */
    facts->flags[pc] |= FACT_ADDRESS;
    while (at < count && facts->indexes[at].slot != pc) { at++; }
    if (at == MAX_INDEX_FACTS) { return; }
    struct bpf_index_fact *fact = &facts->indexes[at];
    if (at == count) {
        *fact = (struct bpf_index_fact){.slot = (uint16_t)pc, .object = (uint16_t)object};
        facts->index_count = count + 1;
    }
    if (fact->object != object) { fact->object |= (uint16_t)(object | INDEX_ODD); }
    if (p == nullptr) { return; }
    if (by->umax > fact->most) { fact->most = (uint32_t)by->umax; }
    fact->bits |= (uint32_t)(by->value | by->mask);
}

static bool in_limit(int64_t least, int64_t most) { return least > -OFFSET_LIMIT && most < OFFSET_LIMIT; }

static enum status refuse_offset(struct verifier *v, struct state *s, struct bpf_insn insn, const struct reg *p,
                                 const struct scalar *by) {
    struct reg number = {.kind = REG_SCALAR, .var = *by};
    return refuse(v, STATUS_UNBOUNDED_OFFSET, s->pc, "%r: %R plus or minus %R leaves ±2^29", insn_dst(insn), p, &number);
}

/* Linux lets a program compute addresses that it must never use: they are numbers then. */
static void lose_pointer(struct reg *p) { reg_lose(p, ORIGIN_POINTER); }

static enum status add_offset(struct verifier *v, struct state *s, struct bpf_insn insn, struct reg *p, const struct scalar *by,
                              bool subtract, bool in_dst) {
    if (!in_limit(by->smin, by->smax)) {
        bool from_below = is_privileged(v) && !subtract && in_limit(by->smin, by->smin) && in_limit(p->var.smin + by->smin, p->var.smin + by->smin);
        if (!from_below) { return refuse_offset(v, s, insn, p, by); }
        if ((insn.opcode & BPF_SRC_X) != 0) { note_index(v, s->pc, nullptr, nullptr, false); } /* the number may be any */
        lose_pointer(p);
        return STATUS_OK;
    }
    if ((insn.opcode & BPF_SRC_X) != 0) { note_index(v, s->pc, p, by, in_dst); }
    if (p->kind == REG_PACKET) { p->frame = PAST_UNKNOWN; }
    if (scalar_is_const(by)) {
        int64_t off = p->off + (subtract ? -(int64_t)by->value : (int64_t)by->value);
        if (!in_limit(off, off)) { return refuse_offset(v, s, insn, p, by); }
        p->off = (int32_t)off;
        return STATUS_OK;
    }
    if (p->kind == REG_CONTEXT && is_privileged(v)) {
        lose_pointer(p);
        return STATUS_OK;
    }
    if (p->kind == REG_CONTEXT) {
        return refuse(v, STATUS_CONTEXT_MODIFIED, s->pc, "%r is the context; only constants can be added", insn_dst(insn));
    }
    struct scalar before = p->var;
    scalar_alu64(subtract ? BPF_ALU_SUB : BPF_ALU_ADD, false, &p->var, by);
    if (is_privileged(v) && in_limit(p->var.smin, p->var.smin) && p->var.smax >= OFFSET_LIMIT) {
        lose_pointer(p);
        return STATUS_OK;
    }
    if (!in_limit(p->var.smin, p->var.smax)) {
        p->var = before;
        return refuse_offset(v, s, insn, p, by);
    }
    if (p->kind == REG_PACKET || p->kind == REG_PACKET_META) {
        p->id = new_id(v);
        p->range = 0;
    }
    return STATUS_OK;
}

/* Linux lets a program point to a field of an object of the kernel, at a known place. */
static bool points_to_field(const struct verifier *v, const struct reg *p, const struct scalar *by) {
    return is_privileged(v) && p->kind == REG_OBJECT && object_is_kernel(p->map) && scalar_is_const(by);
}

enum status step_pointer_alu(struct verifier *v, struct state *s, struct bpf_insn insn, const struct reg *src) {
    struct reg *dst = reg_at(s, insn_dst(insn));
    const struct reg *p = dst->kind != REG_SCALAR ? dst : src;
    uint32_t named = dst->kind != REG_SCALAR ? insn_dst(insn) : insn_src(insn);
    uint32_t op = insn.opcode & 0xf0u;
    if (OTHER_PLATFORMS && (dst->kind == REG_ARENA || src->kind == REG_ARENA)) { /* whatever comes out is one */
#if OTHER_PLATFORMS
        v->facts->arena[s->pc] |= ARENA_RESULT;
#endif
        reg_set_pointer(dst, REG_ARENA);
        return STATUS_OK;
    }
    if (insn_class(insn) != BPF_CLASS_ALU64 && op == BPF_ALU_SUB && is_privileged(v)) {
        reg_set_scalar(dst);
        scalar_set_unknown(&dst->var);
        scalar_zero_extend_32(&dst->var);
        return STATUS_OK;
    }
    if (insn_class(insn) != BPF_CLASS_ALU64) {
        return refuse(v, STATUS_POINTER_ARITHMETIC_32, s->pc, "%r is %R", named, p);
    }
    if (kind_may_be_null(p->kind)) {
        return refuse(v, STATUS_NULL_ARITHMETIC, s->pc, "%r is %R; compare it with 0 first", named, p);
    }
    if (op == BPF_ALU_SUB && dst->kind != REG_SCALAR && src->kind != REG_SCALAR) { return subtract_pointers(v, s, insn, src); }
    bool adds = op == BPF_ALU_ADD && (dst->kind == REG_SCALAR || src->kind == REG_SCALAR);
    bool subtracts = op == BPF_ALU_SUB && src->kind == REG_SCALAR;
    const struct reg *by_what = p == dst ? src : dst;
    bool moves_map = p->kind == REG_MAP && !(is_privileged(v) && adds && scalar_is_const(&by_what->var) && by_what->var.value == 0);
    bool moves_object = p->kind == REG_OBJECT && !points_to_field(v, p, &by_what->var);
    if ((!adds && !subtracts) || p->kind == REG_PACKET_END || moves_map || moves_object || p->kind == REG_FUNCTION) {
        return refuse(v, STATUS_POINTER_ARITHMETIC, s->pc, "%r is %R; only numbers can be added to or taken from pointers into memory",
                      named, p);
    }
    if (OTHER_PLATFORMS && subtracts && p->kind == REG_STACK && is_privileged(v)) {
        return refuse(v, STATUS_POINTER_ARITHMETIC, s->pc, "%r is %R; from pointers to the stack nothing is taken, add a negative number",
                      named, p);
    }
    if (dst->kind != REG_SCALAR) { return add_offset(v, s, insn, dst, &src->var, subtracts, false); }
    struct scalar by = dst->var;
    *dst = *src;
    return add_offset(v, s, insn, dst, &by, false, true);
}
