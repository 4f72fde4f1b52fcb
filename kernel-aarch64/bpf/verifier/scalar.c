/* The scalar domain at 64 and 32 bits: domain.h instantiated, with short cuts for constants and unknown numbers. */

#include "bpf/verifier/scalar.h"

#include "bpf/verifier/small.h"

void scalar_set_const(struct scalar *s, uint64_t value) { domain_const(s, value, 64); }
void scalar_set_unknown(struct scalar *s) { domain_unknown(s, 64); }
bool scalar_sync(struct scalar *s) { return domain_sync(s, 64); }

void scalar_set_range(struct scalar *s, uint64_t min, uint64_t max) {
    domain_unknown(s, 64);
    s->umin = min;
    s->umax = max;
    (void)domain_sync(s, 64);
}

void scalar_set_loaded(struct scalar *s, uint32_t bytes, bool sign_extend) {
    domain_unknown(s, 64);
    if (bytes == 8) { return; }
    if (sign_extend) {
        s->smin = width_smin(bytes * 8);
        s->smax = width_smax(bytes * 8);
        if (bytes < 4) {
            s->smin32 = (int32_t)s->smin;
            s->smax32 = (int32_t)s->smax;
        }
        return;
    }
    uint64_t most = width_max(bytes * 8);
    s->mask = most;
    s->umax = most;
    s->smin = 0;
    s->smax = (int64_t)most;
    s->umax32 = (uint32_t)most;
    if (bytes < 4) {
        s->smin32 = 0;
        s->smax32 = (int32_t)most;
    }
}

/* x / y and x % y, truncated; x is the least number and y is -1: x and 0 (RFC 9669 §4.1). */
static uint64_t divide_signed(uint32_t op, int64_t x, int64_t y) {
    if (y == -1) { return op == BPF_ALU_DIV ? -(uint64_t)x : 0; }
    return (uint64_t)(op == BPF_ALU_DIV ? x / y : x % y);
}

/* One value in, one value out. */
[[gnu::noinline]] static uint64_t evaluate(uint32_t op, bool is_signed, uint64_t a, uint64_t b, uint32_t w) {
    switch (op) {
    case BPF_ALU_DIV:
    case BPF_ALU_MOD:
        if (b == 0) { return op == BPF_ALU_DIV ? 0 : a; }
        if (is_signed) { return divide_signed(op, width_signed(a, w), width_signed(b, w)); }
        return op == BPF_ALU_DIV ? a / b : a % b;
    case BPF_ALU_ADD: return a + b;
    case BPF_ALU_SUB: return a - b;
    case BPF_ALU_MUL: return a * b;
    case BPF_ALU_OR: return a | b;
    case BPF_ALU_AND: return a & b;
    case BPF_ALU_XOR: return a ^ b;
    case BPF_ALU_LSH: return a << (b & (w - 1));
    case BPF_ALU_RSH: return a >> (b & (w - 1));
    default: return (uint64_t)(width_signed(a, w) >> (b & (w - 1))); /* BPF_ALU_ARSH */
    }
}

/* Adding to an unknown number, or xoring or subtracting, leaves it unknown. */
static bool stays_unknown(uint32_t op, const struct scalar *a, const struct scalar *b) {
    return (op == BPF_ALU_ADD || op == BPF_ALU_SUB || op == BPF_ALU_XOR) && (scalar_is_unknown(a) || scalar_is_unknown(b));
}

[[gnu::noinline]] bool scalar_alu_small(uint32_t op, struct scalar *dst, const struct small *by) { return small_alu(op, dst, *by, 64); }

static bool alu_small(uint32_t op, struct scalar *dst, const struct scalar *src) {
    struct small by = small_of(src);
    return scalar_alu_small(op, dst, &by);
}

[[gnu::noinline]] bool scalar_assume_small(uint32_t op, struct scalar *s, uint64_t k) { return small_assume(op, s, k); }

void scalar_alu64(uint32_t op, bool is_signed, struct scalar *dst, const struct scalar *src) {
    if (alu_small(op, dst, src)) { return; }
    if ((dst->mask | src->mask) == 0) {
        domain_const(dst, evaluate(op, is_signed, dst->value, src->value, 64), 64);
    } else if (stays_unknown(op, dst, src)) {
        domain_unknown(dst, 64);
    } else {
        domain_alu_full(op, is_signed, dst, src, 64);
    }
}

void scalar_alu32(uint32_t op, bool is_signed, struct scalar *dst, const struct scalar *src) {
    if (alu_small(op, dst, src)) { return; }
    if ((dst->mask | src->mask) == 0) {
        domain_const(dst, (uint32_t)evaluate(op, is_signed, (uint32_t)dst->value, (uint32_t)src->value, 32), 64);
    } else {
        domain_alu_half(op, is_signed, dst, src, 64);
    }
}

void scalar_zero_extend_32(struct scalar *s) {
    if (!scalar_fits_u32(s)) { domain_zero_extend(s, 64); }
}

void scalar_sign_extend(struct scalar *s, uint32_t bits) { domain_sign_extend(s, bits, 64); }
void scalar_truncate(struct scalar *s, uint32_t bits) { domain_truncate(s, bits, 64); }

enum certainty scalar_compare(uint32_t op, const struct scalar *a, const struct scalar *b, bool is64) {
    const uint32_t w = is64 ? 64 : 32;
    return domain_compare(op, bits_low(bits_of(a), w), bits_low(bits_of(b), w), is64 ? range_full(a) : range_sub(a),
                          is64 ? range_full(b) : range_sub(b));
}

bool scalar_assume(uint32_t op, struct scalar *a, struct scalar *b, bool is64) {
    if (b->mask == 0 && b->value <= INT32_MAX && domain_small(a, 64)) { return scalar_assume_small(op, a, b->value); }
    return is64 ? domain_assume_full(op, a, b, 64) : domain_assume_half(op, a, b, 64);
}

uint32_t comparison_negated(uint32_t op) {
    switch (op) {
    case BPF_JMP_JEQ: return BPF_JMP_JNE;
    case BPF_JMP_JNE: return BPF_JMP_JEQ;
    case BPF_JMP_JGT: return BPF_JMP_JLE;
    case BPF_JMP_JGE: return BPF_JMP_JLT;
    case BPF_JMP_JLT: return BPF_JMP_JGE;
    case BPF_JMP_JLE: return BPF_JMP_JGT;
    case BPF_JMP_JSGT: return BPF_JMP_JSLE;
    case BPF_JMP_JSGE: return BPF_JMP_JSLT;
    case BPF_JMP_JSLT: return BPF_JMP_JSGE;
    case BPF_JMP_JSLE: return BPF_JMP_JSGT;
    default: return SCALAR_NOT_SET;
    }
}

bool scalar_covers(const struct scalar *a, const struct scalar *b) {
    return (b->mask & ~a->mask) == 0 && (b->value & ~a->mask) == a->value && a->umin <= b->umin && a->umax >= b->umax &&
           a->smin <= b->smin && a->smax >= b->smax && a->umin32 <= b->umin32 && a->umax32 >= b->umax32 &&
           a->smin32 <= b->smin32 && a->smax32 >= b->smax32;
}

void scalar_join(struct scalar *a, const struct scalar *b) {
    uint64_t unknown = a->mask | b->mask | (a->value ^ b->value);
    a->value &= ~unknown;
    a->mask = unknown;
    struct range r = range_full(a), q = range_sub(a);
    put_full(a, (struct range){min_u(r.umin, b->umin), max_u(r.umax, b->umax), min_s(r.smin, b->smin), max_s(r.smax, b->smax)});
    put_sub(a, (struct range){min_u(q.umin, b->umin32), max_u(q.umax, b->umax32), min_s(q.smin, b->smin32),
                              max_s(q.smax, b->smax32)});
}

bool scalar_contains(const struct scalar *s, uint64_t value) { return domain_contains(s, value, 64); }
