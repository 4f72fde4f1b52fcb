#pragma once
/* The operators of the scalar domain, written once for any width `w` (bits; the sub-width is w / 2), so that the code that
 * runs at w = 64 is the code that tests check exhaustively at w = 4 and w = 8. Values of width w are kept zero-extended in
 * unsigned and sign-extended in signed fields. Longer than most files because it is the one place for all operators. */

#include "bpf/verifier/scalar.h"
#include "gen/abi_bpf.h"

#define DOMAIN static inline __attribute__((always_inline))
/* What is large: once in the code, for any width, unless it is needed in one piece. */
#ifndef DOMAIN_LARGE
#define DOMAIN_LARGE static inline __attribute__((noinline))
#endif

struct bits {
    uint64_t value, mask;
};

struct range {
    uint64_t umin, umax;
    int64_t smin, smax;
};

DOMAIN uint64_t width_max(uint32_t w) { return UINT64_MAX >> (64 - w); }
DOMAIN int64_t width_smax(uint32_t w) { return (int64_t)(width_max(w) >> 1); }
DOMAIN int64_t width_smin(uint32_t w) { return -width_smax(w) - 1; }
DOMAIN int64_t width_signed(uint64_t x, uint32_t w) { return (int64_t)(x << (64 - w)) >> (64 - w); }
DOMAIN uint64_t max_u(uint64_t a, uint64_t b) { return a > b ? a : b; }
DOMAIN uint64_t min_u(uint64_t a, uint64_t b) { return a < b ? a : b; }
DOMAIN int64_t max_s(int64_t a, int64_t b) { return a > b ? a : b; }
DOMAIN int64_t min_s(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- parts of a scalar ---- */

DOMAIN struct range range_full(const struct scalar *s) { return (struct range){s->umin, s->umax, s->smin, s->smax}; }
DOMAIN struct range range_sub(const struct scalar *s) {
    return (struct range){s->umin32, s->umax32, s->smin32, s->smax32};
}
DOMAIN struct range range_any(uint32_t w) { return (struct range){0, width_max(w), width_smin(w), width_smax(w)}; }
DOMAIN struct bits bits_of(const struct scalar *s) { return (struct bits){s->value, s->mask}; }
DOMAIN struct bits bits_low(struct bits b, uint32_t w) {
    return (struct bits){b.value & width_max(w), b.mask & width_max(w)};
}

DOMAIN void put_full(struct scalar *s, struct range r) {
    s->umin = r.umin;
    s->umax = r.umax;
    s->smin = r.smin;
    s->smax = r.smax;
}
DOMAIN void put_sub(struct scalar *s, struct range r) {
    s->umin32 = (uint32_t)r.umin;
    s->umax32 = (uint32_t)r.umax;
    s->smin32 = (int32_t)r.smin;
    s->smax32 = (int32_t)r.smax;
}

/* ---- known bits ---- */

DOMAIN struct bits bits_add(struct bits a, struct bits b, uint32_t w) {
    uint64_t masks = a.mask + b.mask, values = a.value + b.value;
    uint64_t unknown = ((masks + values) ^ values) | a.mask | b.mask;
    return (struct bits){values & ~unknown & width_max(w), unknown & width_max(w)};
}
DOMAIN struct bits bits_sub(struct bits a, struct bits b, uint32_t w) {
    uint64_t difference = a.value - b.value;
    uint64_t unknown = ((difference + a.mask) ^ (difference - b.mask)) | a.mask | b.mask;
    return (struct bits){difference & ~unknown & width_max(w), unknown & width_max(w)};
}
DOMAIN struct bits bits_and(struct bits a, struct bits b) {
    uint64_t value = a.value & b.value;
    return (struct bits){value, (a.value | a.mask) & (b.value | b.mask) & ~value};
}
DOMAIN struct bits bits_or(struct bits a, struct bits b) {
    uint64_t value = a.value | b.value;
    return (struct bits){value, (a.mask | b.mask) & ~value};
}
DOMAIN struct bits bits_xor(struct bits a, struct bits b) {
    uint64_t unknown = a.mask | b.mask;
    return (struct bits){(a.value ^ b.value) & ~unknown, unknown};
}
DOMAIN struct bits bits_lsh(struct bits a, uint32_t by, uint32_t w) {
    return bits_low((struct bits){a.value << by, a.mask << by}, w);
}
DOMAIN struct bits bits_rsh(struct bits a, uint32_t by) { return (struct bits){a.value >> by, a.mask >> by}; }
DOMAIN struct bits bits_arsh(struct bits a, uint32_t by, uint32_t w) {
    /* an unknown sign bit smears as unknown, a known one as itself; value and mask never have it both */
    return bits_low((struct bits){(uint64_t)(width_signed(a.value, w) >> by), (uint64_t)(width_signed(a.mask, w) >> by)}, w);
}

/* Trailing zeros of both factors add up; a known factor is multiplied by shift and add. */
DOMAIN struct bits bits_mul(struct bits a, struct bits b, uint32_t w) {
    if (a.mask != 0 && b.mask == 0) {
        struct bits swap = a;
        a = b;
        b = swap;
    }
    if (a.mask == 0 && b.mask != width_max(w)) {
        struct bits sum = {0, 0};
        for (uint64_t factor = a.value; factor != 0; factor &= factor - 1) {
            sum = bits_add(sum, bits_lsh(b, (uint32_t)__builtin_ctzll(factor), w), w);
        }
        return sum;
    }
    uint64_t any_a = a.value | a.mask, any_b = b.value | b.mask;
    if (any_a == 0 || any_b == 0) { return (struct bits){0, 0}; }
    uint32_t zeros = (uint32_t)__builtin_ctzll(any_a) + (uint32_t)__builtin_ctzll(any_b);
    return (struct bits){0, zeros >= w ? 0 : (UINT64_MAX << zeros) & width_max(w)};
}

/* The bits that all numbers from min to max have in common. */
DOMAIN struct bits bits_of_range(uint64_t min, uint64_t max) {
    uint64_t differs = min ^ max;
    uint64_t unknown = differs == 0 ? 0 : UINT64_MAX >> __builtin_clzll(differs);
    return (struct bits){min & ~unknown, unknown};
}

/* ---- consistency ---- */

DOMAIN struct range range_with_bits(struct range r, struct bits b, uint32_t w) {
    uint64_t sign = (uint64_t)1 << (w - 1);
    r.umin = max_u(r.umin, b.value);
    r.umax = min_u(r.umax, b.value | b.mask);
    r.smin = max_s(r.smin, width_signed(b.value | (b.mask & sign), w));
    r.smax = min_s(r.smax, width_signed(b.value | (b.mask & (sign - 1)), w));
    return r;
}

/* Signed from unsigned and back, where one of them does not cross the sign. */
DOMAIN struct range range_crossed(struct range r, uint32_t w) {
    int64_t low = width_signed(r.umin, w), high = width_signed(r.umax, w);
    if (low <= high) {
        r.smin = max_s(r.smin, low);
        r.smax = min_s(r.smax, high);
    }
    if ((r.smin ^ r.smax) >= 0) {
        r.umin = max_u(r.umin, (uint64_t)r.smin & width_max(w));
        r.umax = min_u(r.umax, (uint64_t)r.smax & width_max(w));
    }
    return r;
}

/* What the ends rule out of a signed range across the sign: where no unsigned value is as large as its negative ones, there are none;
 * where all are larger than its others, there are none of those. */
DOMAIN struct range range_on_one_side(struct range r, uint32_t w) {
    if (r.umax < ((uint64_t)r.smin & width_max(w))) { r.smin = max_s(r.smin, 0); }
    if (r.umin > ((uint64_t)r.smax & width_max(w))) { r.smax = min_s(r.smax, -1); }
    return r;
}

DOMAIN bool range_empty(struct range r) { return r.umin > r.umax || r.smin > r.smax; }

/* What the full range says of the low half. */
DOMAIN struct range sub_from_full(struct range q, struct range r, uint32_t w) {
    uint32_t half = w / 2;
    if (r.umin >> half == r.umax >> half) {
        q.umin = max_u(q.umin, r.umin & width_max(half));
        q.umax = min_u(q.umax, r.umax & width_max(half));
    }
    if (r.smin >= width_smin(half) && r.smax <= width_smax(half)) {
        q.smin = max_s(q.smin, r.smin);
        q.smax = min_s(q.smax, r.smax);
    }
    return q;
}

/* What the low half says of the full range: no value has a smaller upper half than the least. */
DOMAIN struct range full_from_sub(struct range r, struct range q, uint32_t w) {
    uint32_t half = w / 2;
    uint64_t high = ~width_max(half);
    r.umin = max_u(r.umin, (r.umin & high) | q.umin);
    r.umax = min_u(r.umax, (r.umax & high) | q.umax);
    r.smin = max_s(r.smin, (int64_t)(((uint64_t)r.smin & high) | q.umin));
    r.smax = min_s(r.smax, (int64_t)(((uint64_t)r.smax & high) | q.umax));
    if (r.smin >= width_smin(half) && r.smax <= width_smax(half)) {
        r.smin = max_s(r.smin, q.smin);
        r.smax = min_s(r.smax, q.smax);
    }
    return r;
}

DOMAIN bool bits_narrow(struct bits *b, struct bits with) {
    bool feasible = ((b->value ^ with.value) & ~b->mask & ~with.mask) == 0;
    uint64_t unknown = b->mask & with.mask;
    b->value = (b->value | with.value) & ~unknown;
    b->mask = unknown;
    return feasible;
}

DOMAIN void domain_const(struct scalar *s, uint64_t value, uint32_t w) {
    uint32_t half = w / 2;
    int64_t as_signed = width_signed(value, w);
    uint64_t low = value & width_max(half);
    int64_t low_signed = width_signed(value, half);
    *s = (struct scalar){value, 0, value, value, as_signed, as_signed, (uint32_t)low, (uint32_t)low, (int32_t)low_signed,
                         (int32_t)low_signed};
}

DOMAIN void domain_unknown(struct scalar *s, uint32_t w) {
    *s = (struct scalar){.mask = width_max(w)};
    put_full(s, range_any(w));
    put_sub(s, range_any(w / 2));
}

/* All numbers fit the low half without its sign: there all parts mean the same. */
DOMAIN bool domain_small(const struct scalar *s, uint32_t w) {
    return (s->value | s->mask) <= (uint64_t)width_smax(w / 2);
}

/* The ends of a range as the known low bits allow them: numbers in steps of the lowest unknown bit. Of an empty range
 * anything comes out that is empty too, or holds numbers that the known bits rule out. */
DOMAIN uint64_t step_down(uint64_t x, struct bits b) {
    uint64_t step = b.mask & -b.mask, below = b.value & (step - 1);
    return ((x - below) & -step) + below;
}
DOMAIN uint64_t step_up(uint64_t x, struct bits b) {
    uint64_t step = b.mask & -b.mask, below = b.value & (step - 1);
    return ((x - below + step - 1) & -step) + below;
}

DOMAIN void put_small(struct scalar *s, struct bits known, uint64_t low, uint64_t high) {
    *s = (struct scalar){known.value, known.mask, low, high, (int64_t)low, (int64_t)high,
                         (uint32_t)low, (uint32_t)high, (int32_t)low, (int32_t)high};
}

/* The range as the known bits allow it, then the bits that all of it has in common. False when nothing is left. */
DOMAIN bool settle_once(struct bits *known, uint64_t *low, uint64_t *high) {
    *low = max_u(*low, known->value);
    *high = min_u(*high, known->value | known->mask);
    if (*low > *high) { return false; }
    if ((known->mask & 1) == 0 && known->mask != 0) { /* both ends are at or above the known bits */
        *low = step_up(*low, *known);
        *high = step_down(*high, *known);
        if (*low > *high) { return false; }
    }
    return bits_narrow(known, bits_of_range(*low, *high));
}

/* Makes range and known bits of a small number consistent; `known` may leave upper bits open that the range rules out. Doing it
 * again changes nothing: ways on which a number is looked at more or less often come to the same one. */
DOMAIN_LARGE bool domain_settle_small(struct scalar *s, struct bits known, uint64_t low, uint64_t high) {
    uint64_t mask = known.mask;
    if ((known.value | (mask & (mask + 1))) == 0) { /* all numbers of so many bits: the range says all */
        high = min_u(high, mask);
        known = bits_of_range(low, high);
    } else {
        if (!settle_once(&known, &low, &high)) { return false; }
        if (known.mask != mask) {
            if (!settle_once(&known, &low, &high)) { return false; }
            low = max_u(low, known.value);
            high = min_u(high, known.value | known.mask);
        }
    }
    if (low > high) { return false; }
    put_small(s, known, low, high);
    return true;
}

DOMAIN bool domain_sync_small(struct scalar *s) {
    int64_t low = max_s(max_s(s->smin, s->smin32), max_s((int64_t)min_u(s->umin, INT64_MAX), s->umin32));
    int64_t high = min_s(min_s(s->smax, s->smax32), min_s((int64_t)min_u(s->umax, INT64_MAX), s->umax32));
    return high >= 0 && domain_settle_small(s, bits_of(s), (uint64_t)max_s(low, 0), (uint64_t)high);
}

/* Makes every part say what the others imply; false when no value is left. */
[[gnu::noinline, maybe_unused]] static bool domain_sync(struct scalar *s, uint32_t w) {
    uint32_t half = w / 2;
    struct bits known = bits_of(s);
    if (known.mask == 0) {
        if (known.value < s->umin || known.value > s->umax) { return false; }
        int64_t as_signed = width_signed(known.value, w);
        if (as_signed < s->smin || as_signed > s->smax) { return false; }
        uint64_t low = known.value & width_max(half);
        int64_t low_signed = width_signed(low, half);
        if (low < s->umin32 || low > s->umax32 || low_signed < s->smin32 || low_signed > s->smax32) { return false; }
        domain_const(s, known.value, w);
        return true;
    }
    if (domain_small(s, w) || s->umax <= (uint64_t)width_smax(half)) { return domain_sync_small(s); }
    struct range r = range_crossed(range_on_one_side(range_with_bits(range_full(s), known, w), w), w);
    struct range q = range_crossed(range_on_one_side(range_with_bits(range_sub(s), bits_low(known, half), half), half), half);
    q = range_crossed(sub_from_full(q, r, w), half);
    r = range_crossed(full_from_sub(r, q, w), w);
    if (range_empty(r) || range_empty(q)) { return false; }
    struct bits low = bits_of_range(q.umin, q.umax);
    low.mask |= ~width_max(half) & width_max(w);
    if (!bits_narrow(&known, bits_of_range(r.umin, r.umax)) || !bits_narrow(&known, low)) { return false; }
    r = range_with_bits(r, known, w);
    q = range_with_bits(q, bits_low(known, half), half);
    s->value = known.value;
    s->mask = known.mask;
    put_full(s, r);
    put_sub(s, q);
    return !range_empty(r) && !range_empty(q);
}

/* ---- ranges under arithmetic, at one width ---- */

DOMAIN struct range range_add(struct range a, struct range b, uint32_t w) {
    struct range r = range_any(w);
    uint64_t low = (a.umin + b.umin) & width_max(w), high = (a.umax + b.umax) & width_max(w);
    if ((low < a.umin) == (high < a.umax)) { /* both wrap, or none does */
        r.umin = low;
        r.umax = high;
    }
    int64_t least, most;
    if (__builtin_add_overflow(a.smin, b.smin, &least) || __builtin_add_overflow(a.smax, b.smax, &most)) { return r; }
    if (least >= width_smin(w) && most <= width_smax(w)) {
        r.smin = least;
        r.smax = most;
    }
    return r;
}

DOMAIN struct range range_sub_from(struct range a, struct range b, uint32_t w) {
    struct range r = range_any(w);
    if ((a.umin < b.umax) == (a.umax < b.umin)) {
        r.umin = (a.umin - b.umax) & width_max(w);
        r.umax = (a.umax - b.umin) & width_max(w);
    }
    int64_t least, most;
    if (__builtin_sub_overflow(a.smin, b.smax, &least) || __builtin_sub_overflow(a.smax, b.smin, &most)) { return r; }
    if (least >= width_smin(w) && most <= width_smax(w)) {
        r.smin = least;
        r.smax = most;
    }
    return r;
}

DOMAIN struct range range_mul(struct range a, struct range b, uint32_t w) {
    struct range r = range_any(w);
    uint64_t most;
    if (!__builtin_mul_overflow(a.umax, b.umax, &most) && most <= width_max(w)) {
        r.umin = a.umin * b.umin;
        r.umax = most;
    }
    int64_t p[4];
    if (__builtin_mul_overflow(a.smin, b.smin, &p[0]) || __builtin_mul_overflow(a.smin, b.smax, &p[1]) ||
        __builtin_mul_overflow(a.smax, b.smin, &p[2]) || __builtin_mul_overflow(a.smax, b.smax, &p[3])) {
        return r;
    }
    int64_t least = min_s(min_s(p[0], p[1]), min_s(p[2], p[3]));
    int64_t greatest = max_s(max_s(p[0], p[1]), max_s(p[2], p[3]));
    if (least >= width_smin(w) && greatest <= width_smax(w)) {
        r.smin = least;
        r.smax = greatest;
    }
    return r;
}

DOMAIN struct range range_and(struct range a, struct range b, uint32_t w) {
    struct range r = range_any(w);
    r.umax = min_u(a.umax, b.umax);
    return r;
}

DOMAIN struct range range_or(struct range a, struct range b, uint32_t w) {
    struct range r = range_any(w);
    r.umin = max_u(a.umin, b.umin);
    return r;
}

/* A shift count: taken modulo the width (RFC 9669 §4.1). */
struct shift {
    uint32_t min, max;
};

DOMAIN struct shift shift_of(struct range by, struct bits known, uint32_t w) {
    if (known.mask == 0) { return (struct shift){(uint32_t)known.value & (w - 1), (uint32_t)known.value & (w - 1)}; }
    if (by.umax < w) { return (struct shift){(uint32_t)by.umin, (uint32_t)by.umax}; }
    return (struct shift){0, w - 1};
}

DOMAIN struct range range_lsh(struct range a, struct shift by, uint32_t w) {
    struct range r = range_any(w);
    if (a.umax <= width_max(w) >> by.max) {
        r.umin = a.umin << by.min;
        r.umax = a.umax << by.max;
    }
    if (by.min == by.max && a.smin >= width_smin(w) >> by.max && a.smax <= width_smax(w) >> by.max) {
        r.smin = (int64_t)((uint64_t)a.smin << by.min);
        r.smax = (int64_t)((uint64_t)a.smax << by.min);
    }
    return r;
}

DOMAIN struct range range_rsh(struct range a, struct shift by, uint32_t w) {
    struct range r = range_any(w);
    r.umin = a.umin >> by.max;
    r.umax = a.umax >> by.min;
    return r;
}

DOMAIN struct range range_arsh(struct range a, struct shift by, uint32_t w) {
    struct range r = range_any(w);
    r.smin = a.smin >> (a.smin < 0 ? by.min : by.max);
    r.smax = a.smax >> (a.smax < 0 ? by.max : by.min);
    return r;
}

/* Division by zero gives 0 and modulo by zero leaves dst (RFC 9669 §4.1). */
DOMAIN struct range range_div(struct range a, struct range b, uint32_t w) {
    struct range r = range_any(w);
    r.umin = b.umin == 0 ? 0 : a.umin / b.umax;
    r.umax = b.umax == 0 ? 0 : a.umax / max_u(b.umin, 1);
    return r;
}

DOMAIN struct range range_mod(struct range a, struct range b, uint32_t w) {
    struct range r = range_any(w);
    bool unchanged = b.umax == 0 || (b.umin != 0 && a.umax < b.umin);
    r.umin = unchanged ? a.umin : 0;
    r.umax = b.umin == 0 ? a.umax : min_u(a.umax, b.umax - 1);
    return r;
}

/* Truncated division; the least number divided by -1 is itself (RFC 9669 §4.1). Exact at both ends for one divisor. */
DOMAIN struct range range_sdiv(struct range a, struct range b, uint32_t w) {
    struct range r = range_any(w);
    if (b.smin != b.smax) { return r; }
    int64_t by = b.smin;
    if (by == 0) {
        r.smin = r.smax = 0;
    } else if (by > 0) {
        r.smin = a.smin / by;
        r.smax = a.smax / by;
    } else if (a.smin != width_smin(w)) {
        r.smin = a.smax / by;
        r.smax = a.smin / by;
    }
    return r;
}

/* The result has the sign of the dividend, and is no larger than it. */
DOMAIN struct range range_smod(struct range a, struct range b, uint32_t w) {
    struct range r = range_any(w);
    r.smin = min_s(a.smin, 0);
    r.smax = max_s(a.smax, 0);
    if (b.smin == b.smax && b.smin != 0 && b.smin != width_smin(w)) {
        int64_t most = (b.smin < 0 ? -b.smin : b.smin) - 1;
        r.smin = max_s(r.smin, -most);
        r.smax = min_s(r.smax, most);
    }
    return r;
}

DOMAIN_LARGE struct range range_alu(uint32_t op, bool is_signed, struct range a, struct range b, struct shift by, uint32_t w) {
    switch (op) {
    case BPF_ALU_ADD: return range_add(a, b, w);
    case BPF_ALU_SUB: return range_sub_from(a, b, w);
    case BPF_ALU_MUL: return range_mul(a, b, w);
    case BPF_ALU_DIV: return is_signed ? range_sdiv(a, b, w) : range_div(a, b, w);
    case BPF_ALU_MOD: return is_signed ? range_smod(a, b, w) : range_mod(a, b, w);
    case BPF_ALU_OR: return range_or(a, b, w);
    case BPF_ALU_AND: return range_and(a, b, w);
    case BPF_ALU_LSH: return range_lsh(a, by, w);
    case BPF_ALU_RSH: return range_rsh(a, by, w);
    case BPF_ALU_ARSH: return range_arsh(a, by, w);
    default: return range_any(w);
    }
}

DOMAIN_LARGE struct bits bits_alu(uint32_t op, struct bits a, struct bits b, struct shift by, uint32_t w) {
    struct bits any = {0, width_max(w)};
    switch (op) {
    case BPF_ALU_ADD: return bits_add(a, b, w);
    case BPF_ALU_SUB: return bits_sub(a, b, w);
    case BPF_ALU_MUL: return bits_mul(a, b, w);
    case BPF_ALU_OR: return bits_or(a, b);
    case BPF_ALU_AND: return bits_and(a, b);
    case BPF_ALU_XOR: return bits_xor(a, b);
    case BPF_ALU_LSH: return by.min == by.max ? bits_lsh(a, by.min, w) : any;
    case BPF_ALU_RSH: return by.min == by.max ? bits_rsh(a, by.min) : any;
    case BPF_ALU_ARSH: return by.min == by.max ? bits_arsh(a, by.min, w) : any;
    default: return any;
    }
}

/* Operations whose low half depends on the low halves alone. */
DOMAIN bool op_is_ring(uint32_t op) {
    return op == BPF_ALU_ADD || op == BPF_ALU_SUB || op == BPF_ALU_MUL || op == BPF_ALU_OR || op == BPF_ALU_AND ||
           op == BPF_ALU_XOR;
}

/* dst = dst <op> src at the full width. */
DOMAIN void domain_alu_full(uint32_t op, bool is_signed, struct scalar *dst, const struct scalar *src, uint32_t w) {
    uint32_t half = w / 2;
    struct shift by = shift_of(range_full(src), bits_of(src), w);
    struct bits known = bits_alu(op, bits_of(dst), bits_of(src), by, w);
    struct range full = range_alu(op, is_signed, range_full(dst), range_full(src), by, w);
    struct range sub = range_any(half);
    bool small = domain_small(dst, w) && domain_small(src, w); /* then the sub-ranges add nothing */
    if (op_is_ring(op) && !small) { sub = range_alu(op, false, range_sub(dst), range_sub(src), by, half); }
    if (op == BPF_ALU_LSH && by.min == half && by.max == half) { /* the low half becomes the high one */
        full = (struct range){(uint64_t)dst->umin32 << half, (uint64_t)dst->umax32 << half,
                              (int64_t)((uint64_t)(int64_t)dst->smin32 << half),
                              (int64_t)((uint64_t)(int64_t)dst->smax32 << half)};
    }
    dst->value = known.value;
    dst->mask = known.mask;
    put_full(dst, full);
    put_sub(dst, sub);
    (void)domain_sync(dst, w);
}

DOMAIN void domain_zero_extend(struct scalar *s, uint32_t w) {
    uint32_t half = w / 2;
    s->value &= width_max(half);
    s->mask &= width_max(half);
    put_full(s, (struct range){s->umin32, s->umax32, s->umin32, s->umax32});
    (void)domain_sync(s, w);
}

/* dst = dst <op> src at half the width, zero-extended. */
DOMAIN void domain_alu_half(uint32_t op, bool is_signed, struct scalar *dst, const struct scalar *src, uint32_t w) {
    uint32_t half = w / 2;
    struct bits low = bits_low(bits_of(src), half);
    struct shift by = shift_of(range_sub(src), low, half);
    struct bits known = bits_alu(op, bits_low(bits_of(dst), half), low, by, half);
    struct range sub = range_alu(op, is_signed, range_sub(dst), range_sub(src), by, half);
    dst->value = known.value;
    dst->mask = known.mask;
    sub = range_crossed(range_with_bits(sub, known, half), half);
    put_sub(dst, sub);
    put_full(dst, (struct range){sub.umin, sub.umax, (int64_t)sub.umin, (int64_t)sub.umax});
    (void)domain_sync(dst, w);
}

/* Keeps the low `bits`, sign-extended to the full width. */
DOMAIN void domain_sign_extend(struct scalar *s, uint32_t bits, uint32_t w) {
    int64_t least = width_smin(bits), most = width_smax(bits);
    bool fits = s->smin >= least && s->smax <= most;
    if (fits) { return; }
    struct range full = range_any(w);
    full.smin = least;
    full.smax = most;
    if (bits == w / 2) {
        full.smin = s->smin32;
        full.smax = s->smax32;
    }
    struct bits known = bits_arsh(bits_lsh(bits_of(s), w - bits, w), w - bits, w);
    s->value = known.value;
    s->mask = known.mask;
    put_full(s, full);
    if (bits < w / 2) { put_sub(s, range_any(w / 2)); }
    (void)domain_sync(s, w);
}

DOMAIN void domain_truncate(struct scalar *s, uint32_t bits, uint32_t w) {
    if (s->umax <= width_max(bits)) { return; }
    struct range full = range_any(w);
    full.umax = width_max(bits);
    if (bits != w / 2) { put_sub(s, range_any(w / 2)); }
    s->value &= width_max(bits);
    s->mask &= width_max(bits);
    put_full(s, full);
    (void)domain_sync(s, w);
}

/* ---- comparisons, at one width ---- */

DOMAIN enum certainty decide(bool always, bool never) { return always ? ALWAYS : never ? NEVER : SOMETIMES; }

DOMAIN enum certainty domain_equal(struct bits x, struct bits y, struct range a, struct range b) {
    bool disjoint = a.umin > b.umax || b.umin > a.umax || a.smin > b.smax || b.smin > a.smax ||
                    ((x.value ^ y.value) & ~x.mask & ~y.mask) != 0;
    return decide(!disjoint && a.umin == a.umax && b.umin == b.umax, disjoint);
}

DOMAIN_LARGE enum certainty domain_compare(uint32_t op, struct bits x, struct bits y, struct range a, struct range b) {
    switch (op) {
    case BPF_JMP_JEQ: return domain_equal(x, y, a, b);
    case BPF_JMP_JNE: return (enum certainty)(ALWAYS - domain_equal(x, y, a, b));
    case BPF_JMP_JGT: return decide(a.umin > b.umax, a.umax <= b.umin);
    case BPF_JMP_JGE: return decide(a.umin >= b.umax, a.umax < b.umin);
    case BPF_JMP_JLT: return decide(a.umax < b.umin, a.umin >= b.umax);
    case BPF_JMP_JLE: return decide(a.umax <= b.umin, a.umin > b.umax);
    case BPF_JMP_JSGT: return decide(a.smin > b.smax, a.smax <= b.smin);
    case BPF_JMP_JSGE: return decide(a.smin >= b.smax, a.smax < b.smin);
    case BPF_JMP_JSLT: return decide(a.smax < b.smin, a.smin >= b.smax);
    case BPF_JMP_JSLE: return decide(a.smax <= b.smin, a.smin > b.smax);
    case BPF_JMP_JSET: return decide((x.value & y.value) != 0, ((x.value | x.mask) & (y.value | y.mask)) == 0);
    case SCALAR_NOT_SET: return decide(((x.value | x.mask) & (y.value | y.mask)) == 0, (x.value & y.value) != 0);
    default: return SOMETIMES;
    }
}

DOMAIN bool assume_equal(struct bits *x, struct bits *y, struct range *a, struct range *b) {
    if (!bits_narrow(x, *y)) { return false; }
    *y = *x;
    a->umin = b->umin = max_u(a->umin, b->umin);
    a->umax = b->umax = min_u(a->umax, b->umax);
    a->smin = b->smin = max_s(a->smin, b->smin);
    a->smax = b->smax = min_s(a->smax, b->smax);
    return !range_empty(*a);
}

/* Cuts one excluded value off the ends of the range. */
DOMAIN bool assume_not(struct range *a, struct range b) {
    if (b.umin == b.umax) {
        if (a->umin == a->umax && a->umin == b.umin) { return false; }
        if (a->umin == b.umin) { a->umin++; }
        if (a->umax == b.umin) { a->umax--; }
    }
    if (b.smin == b.smax) {
        if (a->smin == a->smax && a->smin == b.smin) { return false; }
        if (a->smin == b.smin) { a->smin++; }
        if (a->smax == b.smin) { a->smax--; }
    }
    return true;
}

/* a < b (strict) or a <= b. */
DOMAIN bool assume_below(struct range *a, struct range *b, bool strict) {
    if (strict && (b->umax == 0 || a->umin == UINT64_MAX)) { return false; }
    a->umax = min_u(a->umax, b->umax - strict);
    b->umin = max_u(b->umin, a->umin + strict);
    return !range_empty(*a) && !range_empty(*b);
}

DOMAIN bool assume_below_signed(struct range *a, struct range *b, bool strict) {
    if (strict && (b->smax == INT64_MIN || a->smin == INT64_MAX)) { return false; }
    a->smax = min_s(a->smax, b->smax - strict);
    b->smin = max_s(b->smin, a->smin + strict);
    return !range_empty(*a) && !range_empty(*b);
}

DOMAIN bool assume_set(struct bits *x, struct bits y) {
    if (((x->value | x->mask) & (y.value | y.mask)) == 0) { return false; }
    uint64_t one = y.value;
    if (y.mask == 0 && (one & (one - 1)) == 0) { /* exactly one bit is tested */
        x->value |= one;
        x->mask &= ~one;
    }
    return true;
}

DOMAIN bool assume_not_set(struct bits *x, struct bits y) {
    if ((x->value & y.value) != 0) { return false; }
    x->mask &= ~y.value;
    return true;
}

DOMAIN_LARGE bool domain_assume(uint32_t op, struct bits *x, struct bits *y, struct range *a, struct range *b) {
    switch (op) {
    case BPF_JMP_JEQ: return assume_equal(x, y, a, b);
    case BPF_JMP_JNE: return assume_not(a, *b) && assume_not(b, *a);
    case BPF_JMP_JGT: return assume_below(b, a, true);
    case BPF_JMP_JGE: return assume_below(b, a, false);
    case BPF_JMP_JLT: return assume_below(a, b, true);
    case BPF_JMP_JLE: return assume_below(a, b, false);
    case BPF_JMP_JSGT: return assume_below_signed(b, a, true);
    case BPF_JMP_JSGE: return assume_below_signed(b, a, false);
    case BPF_JMP_JSLT: return assume_below_signed(a, b, true);
    case BPF_JMP_JSLE: return assume_below_signed(a, b, false);
    case BPF_JMP_JSET: return assume_set(x, *y) && assume_set(y, *x);
    case SCALAR_NOT_SET: return assume_not_set(x, *y) && assume_not_set(y, *x);
    default: return true;
    }
}

DOMAIN bool domain_assume_full(uint32_t op, struct scalar *s, struct scalar *t, uint32_t w) {
    struct bits x = bits_of(s), y = bits_of(t);
    struct range a = range_full(s), b = range_full(t);
    if (!domain_assume(op, &x, &y, &a, &b)) { return false; }
    s->value = x.value;
    s->mask = x.mask;
    t->value = y.value;
    t->mask = y.mask;
    put_full(s, a);
    put_full(t, b);
    return domain_sync(s, w) && domain_sync(t, w);
}

DOMAIN bool domain_assume_half(uint32_t op, struct scalar *s, struct scalar *t, uint32_t w) {
    uint64_t low = width_max(w / 2);
    struct bits x = bits_low(bits_of(s), w / 2), y = bits_low(bits_of(t), w / 2);
    struct range a = range_sub(s), b = range_sub(t);
    if (!domain_assume(op, &x, &y, &a, &b)) { return false; }
    s->value = (s->value & ~low) | x.value;
    s->mask = (s->mask & ~low) | x.mask;
    t->value = (t->value & ~low) | y.value;
    t->mask = (t->mask & ~low) | y.mask;
    put_sub(s, a);
    put_sub(t, b);
    return domain_sync(s, w) && domain_sync(t, w);
}

DOMAIN bool domain_contains(const struct scalar *s, uint64_t x, uint32_t w) {
    uint64_t low = x & width_max(w / 2);
    int64_t x_signed = width_signed(x, w), low_signed = width_signed(low, w / 2);
    return (x & ~s->mask) == s->value && x >= s->umin && x <= s->umax && x_signed >= s->smin && x_signed <= s->smax &&
           low >= s->umin32 && low <= s->umax32 && low_signed >= s->smin32 && low_signed <= s->smax32;
}
