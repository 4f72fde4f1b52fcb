/* What a conditional jump says of its operands on each way out (RFC 9669 §4.3). */

#include "bpf/verifier/reference.h"
#include "bpf/verifier/small.h"

/* The two operands of a jump; an immediate becomes a number. */
struct operands {
    struct reg *dst;
    const struct reg *src;
    struct reg number;
    uint32_t op;
    bool is64;
};

static void read_operands(struct state *s, struct bpf_insn insn, struct operands *o) {
    o->dst = reg_at(s, insn_dst(insn));
    o->op = insn.opcode & 0xf0u;
    o->is64 = insn_class(insn) == BPF_CLASS_JMP;
    if ((insn.opcode & BPF_SRC_X) != 0) {
        o->src = reg_at(s, insn_src(insn));
    } else {
        reg_set_scalar(&o->number);
        scalar_set_const(&o->number.var, (uint64_t)(int64_t)insn.imm);
        o->src = &o->number;
    }
}

static bool is_null(const struct reg *r) { return r->kind == REG_SCALAR && scalar_is_const(&r->var) && r->var.value == 0; }
static bool is_equality(uint32_t op) { return op == BPF_JMP_JEQ || op == BPF_JMP_JNE; }
static bool is_unsigned_order(uint32_t op) {
    return op == BPF_JMP_JGT || op == BPF_JMP_JGE || op == BPF_JMP_JLT || op == BPF_JMP_JLE;
}

/* ---- which way it goes ---- */

/* Addresses order like offsets only inside the object: outside they might wrap around. */
static bool inside_object(const struct verifier *v, const struct reg *p) {
    struct scalar off = pointer_offset(p);
    switch (p->kind) {
    case REG_STACK: return off.smin >= -(int64_t)BPF_STACK_BYTES && off.smax <= 0;
    case REG_MEMORY: return off.smin >= 0 && off.smax <= (int64_t)p->range;
    case REG_MAP_VALUE: return off.smin >= 0 && off.smax <= (int64_t)v->program->maps[p->map].value_size;
    case REG_PACKET: return off.smin >= 0;
    default: return false;
    }
}

static enum certainty compare_pointers(const struct verifier *v, const struct operands *o) {
    if (!is_equality(o->op) && !(inside_object(v, o->dst) && inside_object(v, o->src))) { return SOMETIMES; }
    struct scalar a = pointer_offset(o->dst), b = pointer_offset(o->src);
    if (o->dst->kind == REG_PACKET && o->dst->id == o->src->id) { /* the variable parts are the same */
        scalar_set_const(&a, (uint64_t)((int64_t)o->dst->off + OFFSET_LIMIT));
        scalar_set_const(&b, (uint64_t)((int64_t)o->src->off + OFFSET_LIMIT));
    }
    if (o->dst->kind == REG_STACK) { /* negative offsets order like signed numbers */
        struct scalar base;
        scalar_set_const(&base, BPF_STACK_BYTES);
        scalar_alu64(BPF_ALU_ADD, false, &a, &base);
        scalar_alu64(BPF_ALU_ADD, false, &b, &base);
    }
    return scalar_compare(o->op, &a, &b, true);
}

/* `end` is where the bytes from p's base end: the end of the packet, or its start for what lies before it. */
static bool ends(const struct reg *p, const struct reg *end) {
    if (p->kind == REG_PACKET_META) { return end->kind == REG_PACKET && end->off == 0 && end->id == 0; }
    return p->kind == REG_PACKET && end->kind == REG_PACKET_END;
}

static bool is_packet_end_check(const struct operands *o) { return o->is64 && (ends(o->dst, o->src) || ends(o->src, o->dst)); }

/* The comparison as seen from the packet pointer, which may be on the right. */
static uint32_t op_from_left(uint32_t op, bool swapped) {
    if (!swapped) { return op; }
    switch (op) {
    case BPF_JMP_JGT: return BPF_JMP_JLT;
    case BPF_JMP_JGE: return BPF_JMP_JLE;
    case BPF_JMP_JLT: return BPF_JMP_JGT;
    case BPF_JMP_JLE: return BPF_JMP_JGE;
    default: return op;
    }
}

/* A pointer that was found to be behind the end still is. */
static enum certainty past_certainty(const struct operands *o) {
    bool swapped = !ends(o->dst, o->src);
    uint8_t past = swapped ? o->src->frame : o->dst->frame;
    switch (op_from_left(o->op, swapped)) {
    case BPF_JMP_JGT: return past == PAST_BEHIND ? ALWAYS : SOMETIMES;
    case BPF_JMP_JLE: return past == PAST_BEHIND ? NEVER : SOMETIMES;
    case BPF_JMP_JGE: return past != PAST_UNKNOWN ? ALWAYS : SOMETIMES;
    case BPF_JMP_JLT: return past != PAST_UNKNOWN ? NEVER : SOMETIMES;
    default: return SOMETIMES;
    }
}

/* The pointer that is compared with null by this jump, or null. */
static struct reg *null_checked(const struct operands *o) {
    if (!o->is64 || !is_equality(o->op)) { return nullptr; }
    return is_null(o->src) ? o->dst : is_null(o->dst) ? (struct reg *)o->src : nullptr;
}

/* Only what lies in an object, or behind it, is known not to be 0: boards have memory from there on. Whether the rest is tells where
 * the object lies. */
static bool may_lie_before(const struct reg *p) { return p->var.smin + p->off < (p->kind == REG_STACK ? -(int64_t)BPF_STACK_BYTES : 0); }

static enum status refuse_comparison(struct verifier *v, struct state *s, struct bpf_insn insn, const struct operands *o) {
    if (o->src == &o->number) {
        return refuse(v, STATUS_POINTER_COMPARISON, s->pc, "%r is %R, compared with the number %d", insn_dst(insn), o->dst,
                      (int64_t)insn.imm);
    }
    return refuse(v, STATUS_POINTER_COMPARISON, s->pc, "%r is %R, %r is %R", insn_dst(insn), o->dst, insn_src(insn), o->src);
}

static bool is_packet_kind(uint8_t kind) { return kind == REG_PACKET || kind == REG_PACKET_META; }

/* Linux goes both ways, also where it knows that such an object is there (reg_not_null()); with addresses in arenas; and with packets: a
 * message may have no data, and sock_ops no packet. */
static bool is_passing(const struct verifier *v, const struct reg *p) {
    bool packet = is_privileged(v) && (is_packet_kind(p->kind) || p->kind == REG_PACKET_END);
    return OTHER_PLATFORMS && (packet || p->kind == REG_ARENA || (p->kind == REG_OBJECT && (p->map & OBJECT_RCU) != 0));
}

static enum status pointer_certainty(struct verifier *v, struct state *s, struct bpf_insn insn, const struct operands *o,
                                     enum certainty *certainty) {
    const struct reg *p = null_checked(o);
    bool before = p != nullptr && may_lie_before(p);
    if (p != nullptr && (!before || is_privileged(v))) {
        bool open = kind_may_be_null(p->kind) || before || is_passing(v, p);
        *certainty = open ? SOMETIMES : o->op == BPF_JMP_JEQ ? NEVER : ALWAYS;
        return STATUS_OK;
    }
    bool ordered = is_equality(o->op) || is_unsigned_order(o->op);
    if (ordered && is_packet_end_check(o)) {
        *certainty = is_privileged(v) ? past_certainty(o) : SOMETIMES;
        return STATUS_OK;
    }
    if (o->is64 && ordered && pointers_share_base(o->dst, o->src)) {
        *certainty = compare_pointers(v, o);
        return STATUS_OK;
    }
    if (is_privileged(v)) {
        *certainty = SOMETIMES;
        return STATUS_OK;
    }
    return refuse_comparison(v, s, insn, o);
}

/* Small number against small constant: there width and sign make no difference. */
static bool is_small_comparison(const struct state *s, struct bpf_insn insn, uint64_t *k) {
    const struct reg *dst = &s->regs[insn_dst(insn)], *src = &s->regs[insn_src(insn)];
    if (dst->kind != REG_SCALAR || !domain_small(&dst->var, 64)) { return false; }
    *k = (uint64_t)(int64_t)insn.imm;
    if ((insn.opcode & BPF_SRC_X) != 0) {
        if (src->kind != REG_SCALAR || src == dst || !scalar_is_const(&src->var)) { return false; }
        *k = src->var.value;
    }
    return *k <= INT32_MAX;
}

/* A number compared with itself. */
static enum certainty same_certainty(uint32_t op, const struct scalar *s, bool is64) {
    switch (op) {
    case BPF_JMP_JEQ:
    case BPF_JMP_JGE:
    case BPF_JMP_JLE:
    case BPF_JMP_JSGE:
    case BPF_JMP_JSLE: return ALWAYS;
    case BPF_JMP_JSET: return scalar_compare(op, s, s, is64);
    default: return NEVER;
    }
}

[[gnu::noinline]] static enum status any_certainty(struct verifier *v, struct state *s, struct bpf_insn insn,
                                                   enum certainty *certainty) {
    enum status status = require_set(v, s, insn_dst(insn));
    if (status == STATUS_OK && (insn.opcode & BPF_SRC_X) != 0) { status = require_set(v, s, insn_src(insn)); }
    if (status != STATUS_OK) { return status; }
    struct operands o;
    read_operands(s, insn, &o);
    if (o.dst->kind == REG_SCALAR && o.src->kind == REG_SCALAR) {
        *certainty = o.dst == o.src || (o.dst->id != 0 && o.dst->id == o.src->id && o.dst->off == o.src->off)
                         ? same_certainty(o.op, &o.dst->var, o.is64)
                         : scalar_compare(o.op, &o.dst->var, &o.src->var, o.is64);
        return STATUS_OK;
    }
    return pointer_certainty(v, s, insn, &o, certainty);
}

enum status branch_certainty(struct verifier *v, struct state *s, struct bpf_insn insn, enum certainty *certainty) {
    uint64_t k;
    if (!is_small_comparison(s, insn, &k)) { return any_certainty(v, s, insn, certainty); }
    *certainty = small_compare(insn.opcode & 0xf0u, &reg_at(s, insn_dst(insn))->var, k);
    return STATUS_OK;
}

/* ---- what each way says ---- */

/* Call before a register is narrowed; false when it can't be taken back and so must stay as it is. */
static bool touch(struct verifier *v, struct reg *r) {
    if (!v->undo_active) { return true; }
    if (v->undo_count == UNDO_KEPT) { return false; }
    struct undo *undo = &v->undo[v->undo_count++];
    undo->place = r;
    reg_copy(&undo->saved, r);
    return true;
}

void state_undo(struct verifier *v) {
    while (v->undo_count != 0) {
        v->undo_count--;
        reg_copy(v->undo[v->undo_count].place, &v->undo[v->undo_count].saved);
    }
    if (v->undo_held != nullptr) { *v->undo_held = v->undo_held_saved; }
    v->undo_held = nullptr;
}

/* Narrowing that all registers and spilled registers with one id share. */
struct narrowing {
    uint32_t id;
    uint8_t kind;      /* of the registers that it is about */
    bool null;         /* of kinds that may be null: it is, else it is not */
    uint32_t range;    /* REG_PACKET */
    const struct scalar *var; /* REG_SCALAR, with `off` */
    int32_t off;
};

/* A number that differs from the narrowed one by a constant. Nothing is lost but time when the sum says less than was known. */
static void narrow_linked(struct reg *r, const struct narrowing *n) {
    struct scalar sum = *n->var, by;
    scalar_set_const(&by, (uint64_t)((int64_t)r->off - n->off));
    scalar_alu64(BPF_ALU_ADD, false, &sum, &by);
    struct scalar both = r->var;
    if (scalar_assume(BPF_JMP_JEQ, &both, &sum, true)) { r->var = both; }
}

static void narrow(struct verifier *v, struct reg *r, const struct narrowing *n) {
    if ((is_packet_kind(n->kind) && r->range >= n->range) || !touch(v, r)) { return; }
    if (n->kind == REG_SCALAR && r->off != n->off) {
        narrow_linked(r, n);
    } else if (n->kind == REG_SCALAR) {
        r->var = *n->var;
    } else if (is_packet_kind(n->kind)) {
        r->range = n->range;
    } else if (n->null) {
        reg_set_scalar(r);
        scalar_set_const(&r->var, 0);
    } else {
        r->kind = kind_not_null(r->kind);
    }
}

static inline bool is_meant(const struct reg *r, const struct narrowing *n) { return r->id == n->id && r->kind == n->kind; }

static void narrow_all(struct verifier *v, struct state *s, const struct narrowing *n) {
    for (uint32_t f = 0; f <= s->depth; f++) {
        struct frame *frame = &s->frames[f];
        for (struct reg *r = frame->regs; r != frame->regs + FRAME_POINTER; r++) {
            if (is_meant(r, n)) { narrow(v, r, n); }
        }
        for (uint64_t used = frame->used; used != 0; used &= used - 1) {
            struct slot *slot = &frame->slots[__builtin_ctzll(used)];
            if (slot->spill_bytes != 0 && is_meant(&slot->reg, n)) { narrow(v, &slot->reg, n); }
        }
    }
}

static void narrow_scalar(struct verifier *v, struct state *s, struct reg *r, const struct scalar *to) {
    uint32_t id = r->id;
    int32_t off = r->off;
    if (!touch(v, r)) { return; }
    r->var = *to;
    if (id != 0) { narrow_all(v, s, &(struct narrowing){.id = id, .kind = REG_SCALAR, .var = to, .off = off}); }
}

static bool assume_scalars(struct verifier *v, struct state *s, struct operands *o, uint32_t op) {
    struct scalar a = o->dst->var, b = o->src->var;
    if (!scalar_assume(op, &a, &b, o->is64)) { return false; }
    narrow_scalar(v, s, o->dst, &a);
    if (o->src != &o->number && o->src != o->dst) { narrow_scalar(v, s, (struct reg *)o->src, &b); }
    return true;
}

/* `op` holds between the operands, as seen from the packet pointer: how many bytes from its base are then in the packet. */
static void assume_packet_end(struct verifier *v, struct state *s, const struct operands *o, uint32_t op) {
    bool swapped = !ends(o->dst, o->src);
    struct reg *p = swapped ? (struct reg *)o->src : o->dst;
    op = op_from_left(op, swapped);
    if (is_privileged(v) && p->kind == REG_PACKET && (op == BPF_JMP_JGT || op == BPF_JMP_JGE) && touch(v, p)) {
        p->frame = op == BPF_JMP_JGT ? PAST_BEHIND : PAST_AT_LEAST_AT;
    }
    bool below = op == BPF_JMP_JLT;
    if ((op != BPF_JMP_JEQ && op != BPF_JMP_JLE && !below) || p->off < 0 || p->var.smin < 0) { return; }
    if (is_privileged(v) && p->off + p->var.smax > PLATFORM_PACKET_REACH) { return; }
    uint32_t range = (uint32_t)p->off + below;
    narrow_all(v, s, &(struct narrowing){.id = p->id, .kind = p->kind, .range = range});
}

/* What was not acquired after all need not be released. */
static void assume_null(struct verifier *v, struct state *s, const struct reg *p, bool null) {
    struct reg of = *p;
    if (null && reg_has_reference(&of) && ((of.map & OBJECT_CAST) == 0 || of.kind == REG_OWN_OR_NULL)) {
        if (v->undo_active) {
            v->undo_held = &s->frames[0].call;
            v->undo_held_saved = s->frames[0].call;
        }
        reference_forget(v, s, of.frame);
    }
    narrow_all(v, s, &(struct narrowing){.id = of.id, .kind = of.kind, .null = null});
}

/* Linux learns nothing of objects that have a type from what they equal, nor of what equals them (check_cond_jmp_op()). */
static bool has_type(const struct reg *p) {
    return p->kind >= REG_OWN || (kind_not_null(p->kind) == REG_OBJECT && object_is_kernel(p->map));
}

/* What equals a pointer that is not null is not null. */
static void assume_equal_pointers(struct verifier *v, struct state *s, const struct operands *o) {
    if (!reg_is_pointer(o->dst) || !reg_is_pointer(o->src) || has_type(o->dst) || has_type(o->src)) { return; }
    bool swapped = kind_may_be_null(o->src->kind);
    const struct reg *p = swapped ? o->src : o->dst, *there = swapped ? o->dst : o->src;
    if (kind_may_be_null(p->kind) && !kind_may_be_null(there->kind) && !is_passing(v, there)) { assume_null(v, s, p, false); }
}

/* What was found of r holds for all that has the same value. */
[[gnu::noinline]] static void narrow_same(struct verifier *v, struct state *s, const struct reg *r) {
    narrow_all(v, s, &(struct narrowing){.id = r->id, .kind = REG_SCALAR, .var = &r->var, .off = r->off});
}

static inline bool assume_small(struct verifier *v, struct state *s, struct bpf_insn insn, uint64_t k, uint32_t op) {
    struct reg *r = reg_at(s, insn_dst(insn));
    if (!touch(v, r)) { return true; }
    if (!scalar_assume_small(op, &r->var, k)) { return false; }
    if (r->id != 0) { narrow_same(v, s, r); }
    return true;
}

[[gnu::noinline]] static bool assume_any(struct verifier *v, struct state *s, struct bpf_insn insn, uint32_t op) {
    struct operands o;
    read_operands(s, insn, &o);
    if (o.dst->kind == REG_SCALAR && o.src->kind == REG_SCALAR) {
        if (!assume_scalars(v, s, &o, op)) { return false; }
    } else if (is_packet_end_check(&o)) {
        assume_packet_end(v, s, &o, op);
    } else {
        const struct reg *p = null_checked(&o);
        if (p != nullptr && kind_may_be_null(p->kind)) { assume_null(v, s, p, op == BPF_JMP_JEQ); }
        if (OTHER_PLATFORMS && p == nullptr && o.is64 && op == BPF_JMP_JEQ) { assume_equal_pointers(v, s, &o); }
    }
    return true;
}

bool state_assume(struct verifier *v, struct state *s, bool taken) {
    struct bpf_insn insn = insn_at(v, s->pc);
    uint32_t op = insn.opcode & 0xf0u;
    uint64_t k;
    if (!taken) { op = comparison_negated(op); }
    bool possible = is_small_comparison(s, insn, &k) ? assume_small(v, s, insn, k, op) : assume_any(v, s, insn, op);
    if (possible) { s->pc += 1 + (taken ? (uint32_t)insn.off : 0); }
    return possible;
}
