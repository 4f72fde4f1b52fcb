#pragma once
/* Operators on small numbers: 0 to the largest signed number of half the width. There the full and the half width and both
 * signs mean the same, so that one range and the known bits say all. Most numbers in programs are small. */

#include "bpf/verifier/domain.h"

struct small {
    struct bits known;
    uint64_t low, high;
};

DOMAIN struct small small_const(uint64_t x) { return (struct small){{x, 0}, x, x}; }
DOMAIN struct small small_of(const struct scalar *s) { return (struct small){bits_of(s), s->umin, s->umax}; }
DOMAIN bool small_fits(struct small a, uint32_t w) { return (a.known.value | a.known.mask) <= (uint64_t)width_smax(w / 2); }

/* Shifts move range and known bits alike: nothing is left to make consistent. */
DOMAIN bool small_shift(struct scalar *s, bool left, struct small by, uint32_t w) {
    if (by.known.mask != 0 || by.known.value >= w / 2) { return false; }
    uint32_t n = (uint32_t)by.known.value;
    uint64_t low = left ? s->umin << n : s->umin >> n, high = left ? s->umax << n : s->umax >> n;
    if (high > (uint64_t)width_smax(w / 2)) { return false; }
    struct bits known = bits_of(s);
    known = left ? (struct bits){known.value << n, known.mask << n} : bits_rsh(known, n);
    if ((known.value | known.mask) > (uint64_t)width_smax(w / 2)) { return false; }
    put_small(s, known, low, high);
    return true;
}

/* dst = dst <op> b at either width, where all that comes in and goes out is small. False, and nothing done, elsewhere. */
DOMAIN bool small_alu(uint32_t op, struct scalar *dst, struct small b, uint32_t w) {
    uint64_t most = (uint64_t)width_smax(w / 2), low = 0, high = most;
    struct bits a = bits_of(dst), known;
    if (!small_fits(b, w)) { return false; }
    if (op == BPF_ALU_AND) { /* one small operand is enough: the result depends on the low half of the other */
        known = bits_and(a, b.known);
        (void)domain_settle_small(dst, known, 0, min_u(dst->umax32, b.high));
        return true;
    }
    if (!small_fits(small_of(dst), w)) { return false; }
    switch (op) {
    case BPF_ALU_ADD:
        known = bits_add(a, b.known, w);
        low = dst->umin + b.low;
        high = dst->umax + b.high;
        break;
    case BPF_ALU_SUB: /* below zero is far above `most` */
        known = bits_sub(a, b.known, w);
        low = dst->umin - b.high;
        high = dst->umax - b.low;
        break;
    case BPF_ALU_OR:
        known = bits_or(a, b.known);
        low = max_u(dst->umin, b.low);
        break;
    case BPF_ALU_XOR: known = bits_xor(a, b.known); break;
    case BPF_ALU_LSH: return small_shift(dst, true, b, w);
    case BPF_ALU_RSH:
    case BPF_ALU_ARSH: return small_shift(dst, false, b, w);
    default: return false;
    }
    if (low > most || high > most) { return false; }
    (void)domain_settle_small(dst, known, low, high);
    return true;
}

/* How a comparison reads when both sides are small. */
DOMAIN uint32_t small_comparison(uint32_t op) {
    switch (op) {
    case BPF_JMP_JSGT: return BPF_JMP_JGT;
    case BPF_JMP_JSGE: return BPF_JMP_JGE;
    case BPF_JMP_JSLT: return BPF_JMP_JLT;
    case BPF_JMP_JSLE: return BPF_JMP_JLE;
    default: return op;
    }
}

/* Whether small `s` compares so with small number `k`. */
DOMAIN enum certainty small_compare(uint32_t op, const struct scalar *s, uint64_t k) {
    uint64_t low = s->umin, high = s->umax;
    switch (small_comparison(op)) {
    case BPF_JMP_JGT: return decide(low > k, high <= k);
    case BPF_JMP_JGE: return decide(low >= k, high < k);
    case BPF_JMP_JLT: return decide(high < k, low >= k);
    case BPF_JMP_JLE: return decide(high <= k, low > k);
    default: {
        struct range r = {k, k, (int64_t)k, (int64_t)k};
        return domain_compare(op, bits_of(s), (struct bits){k, 0}, range_full(s), r);
    }
    }
}

/* Narrows small `s` to what compares so with small number `k`; false when nothing is left. */
DOMAIN bool small_assume(uint32_t op, struct scalar *s, uint64_t k) {
    struct bits known = bits_of(s);
    uint64_t low = s->umin, high = s->umax;
    switch (small_comparison(op)) {
    case BPF_JMP_JEQ:
        low = max_u(low, k);
        high = min_u(high, k);
        break;
    case BPF_JMP_JNE:
        if (low == high && low == k) { return false; }
        low += low == k;
        high -= high == k;
        break;
    case BPF_JMP_JGT: low = max_u(low, k + 1); break;
    case BPF_JMP_JGE: low = max_u(low, k); break;
    case BPF_JMP_JLT:
        if (k == 0) { return false; }
        high = min_u(high, k - 1);
        break;
    case BPF_JMP_JLE: high = min_u(high, k); break;
    case BPF_JMP_JSET:
        if (!assume_set(&known, (struct bits){k, 0})) { return false; }
        break;
    default:
        if (!assume_not_set(&known, (struct bits){k, 0})) { return false; }
        break;
    }
    return low <= high && domain_settle_small(s, known, low, high);
}

/* ---- scalar.c: the two that are large, once ---- */

/* small_alu() and small_assume() at 64 bits. */
[[nodiscard]] bool scalar_alu_small(uint32_t op, struct scalar *dst, const struct small *by);
[[nodiscard]] bool scalar_assume_small(uint32_t op, struct scalar *s, uint64_t k);
