/* Checks every operator of the scalar domain against its meaning on numbers, on the code that runs at 64 bits, at small
 * widths: every pair of abstract elements from a large set, every pair of numbers that they stand for.
 * Prints one line per operator with how many results were checked, how many numbers they allow and how many occur (the
 * difference is the loss of precision). Ends with status 1 at the first number that escapes. */

#include "bpf/verifier/small.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 4, VALUES = 1 << WIDTH, ELEMENTS = 4096 };

struct element {
    struct scalar scalar;
    uint16_t set; /* bit per number that it stands for */
};

static struct element elements[ELEMENTS];
static uint32_t element_count;

static uint16_t set_of(const struct scalar *s) {
    uint16_t set = 0;
    for (uint32_t x = 0; x < VALUES; x++) { set |= (uint16_t)(domain_contains(s, x, WIDTH) << x); }
    return set;
}

static void add_element(struct scalar s) {
    uint16_t before = set_of(&s);
    bool feasible = domain_sync(&s, WIDTH);
    uint16_t after = feasible ? set_of(&s) : 0;
    if (before != after) {
        printf("sync loses numbers: %04x becomes %04x\n", before, after);
        exit(1);
    }
    if (after == 0) { return; }
    for (uint32_t i = 0; i < element_count; i++) {
        const struct scalar *e = &elements[i].scalar;
        if (e->value == s.value && e->mask == s.mask && e->umin == s.umin && e->umax == s.umax && e->smin == s.smin &&
            e->smax == s.smax && e->umin32 == s.umin32 && e->umax32 == s.umax32 && e->smin32 == s.smin32 && e->smax32 == s.smax32) {
            return;
        }
    }
    if (element_count < ELEMENTS) { elements[element_count++] = (struct element){s, after}; }
}

static uint64_t random_state = 88172645463325252u;
static uint32_t random_below(uint32_t limit) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 20) % limit;
}

static void random_element(void) {
    struct scalar s;
    domain_unknown(&s, WIDTH);
    uint32_t parts = random_below(15) + 1;
    if ((parts & 1) != 0) {
        s.mask = random_below(VALUES);
        s.value = random_below(VALUES) & ~s.mask;
    }
    if ((parts & 2) != 0) {
        uint32_t a = random_below(VALUES), b = random_below(VALUES);
        s.umin = a < b ? a : b;
        s.umax = a < b ? b : a;
    }
    if ((parts & 4) != 0) {
        int64_t a = (int64_t)random_below(VALUES) - VALUES / 2, b = (int64_t)random_below(VALUES) - VALUES / 2;
        s.smin = a < b ? a : b;
        s.smax = a < b ? b : a;
    }
    if ((parts & 8) != 0) {
        uint32_t a = random_below(4), b = random_below(4);
        s.umin32 = a < b ? a : b;
        s.umax32 = a < b ? b : a;
    }
    add_element(s);
}

/* ---- the meaning of the operators (RFC 9669 §4.1), at any width ---- */

static uint64_t meaning(uint32_t op, bool is_signed, uint64_t a, uint64_t b, uint32_t w) {
    int64_t x = width_signed(a, w), y = width_signed(b, w);
    uint64_t r = 0;
    switch (op) {
    case BPF_ALU_ADD: r = a + b; break;
    case BPF_ALU_SUB: r = a - b; break;
    case BPF_ALU_MUL: r = a * b; break;
    case BPF_ALU_OR: r = a | b; break;
    case BPF_ALU_AND: r = a & b; break;
    case BPF_ALU_XOR: r = a ^ b; break;
    case BPF_ALU_LSH: r = a << (b & (w - 1)); break;
    case BPF_ALU_RSH: r = a >> (b & (w - 1)); break;
    case BPF_ALU_ARSH: r = (uint64_t)(x >> (b & (w - 1))); break;
    case BPF_ALU_DIV: r = b == 0 ? 0 : is_signed ? (uint64_t)(x / y) : a / b; break;
    case BPF_ALU_MOD: r = b == 0 ? a : is_signed ? (uint64_t)(x % y) : a % b; break;
    default: abort();
    }
    return r & width_max(w);
}

static bool holds(uint32_t op, uint64_t a, uint64_t b, uint32_t w) {
    int64_t x = width_signed(a, w), y = width_signed(b, w);
    switch (op) {
    case BPF_JMP_JEQ: return a == b;
    case BPF_JMP_JNE: return a != b;
    case BPF_JMP_JGT: return a > b;
    case BPF_JMP_JGE: return a >= b;
    case BPF_JMP_JLT: return a < b;
    case BPF_JMP_JLE: return a <= b;
    case BPF_JMP_JSGT: return x > y;
    case BPF_JMP_JSGE: return x >= y;
    case BPF_JMP_JSLT: return x < y;
    case BPF_JMP_JSLE: return x <= y;
    case BPF_JMP_JSET: return (a & b) != 0;
    case SCALAR_NOT_SET: return (a & b) == 0;
    default: abort();
    }
}

static uint64_t allowed_total, occurring_total;

static void escape(const char *what, uint32_t op, const struct element *a, const struct element *b, uint16_t missing) {
    printf("%s %02x: sets %04x %04x: %04x escapes\n", what, op, a->set, b->set, missing);
    exit(1);
}

static void expect_covers(const char *what, uint32_t op, const struct element *a, const struct element *b, const struct scalar *result,
                          uint16_t occurring) {
    uint16_t allowed = set_of(result), missing = occurring & (uint16_t)~allowed;
    if (missing != 0 || (result->value & result->mask) != 0) { escape(what, op, a, b, missing); }
    allowed_total += (uint32_t)__builtin_popcount(allowed);
    occurring_total += (uint32_t)__builtin_popcount(occurring);
}

#define EACH_NUMBER(x, e) (uint32_t x = 0; x < VALUES; x++) if (((e)->set >> x & 1) != 0)

static void check_alu(uint32_t op, bool is_signed, bool full, const struct element *a, const struct element *b) {
    uint32_t w = full ? WIDTH : WIDTH / 2;
    uint16_t occurring = 0;
    for EACH_NUMBER (x, a) {
        for EACH_NUMBER (y, b) {
            occurring |= (uint16_t)(1u << meaning(op, is_signed, x & width_max(w), y & width_max(w), w));
        }
    }
    struct scalar result = a->scalar;
    if (full) {
        domain_alu_full(op, is_signed, &result, &b->scalar, WIDTH);
    } else {
        domain_alu_half(op, is_signed, &result, &b->scalar, WIDTH);
    }
    expect_covers(full ? "alu full" : "alu half", op, a, b, &result, occurring);
}

static void check_comparison(uint32_t op, bool full, const struct element *a, const struct element *b) {
    uint32_t w = full ? WIDTH : WIDTH / 2;
    uint16_t left = 0, right = 0;
    bool yes = false, no = false;
    for EACH_NUMBER (x, a) {
        for EACH_NUMBER (y, b) {
            bool held = holds(op, x & width_max(w), y & width_max(w), w);
            yes |= held;
            no |= !held;
            left |= (uint16_t)(held << x);
            right |= (uint16_t)(held << y);
        }
    }
    struct scalar s = a->scalar, t = b->scalar;
    struct bits p = bits_of(&s), q = bits_of(&t);
    enum certainty certainty = full ? domain_compare(op, p, q, range_full(&s), range_full(&t))
                                    : domain_compare(op, bits_low(p, w), bits_low(q, w), range_sub(&s), range_sub(&t));
    if ((certainty == ALWAYS && no) || (certainty == NEVER && yes)) { escape("certainty", op, a, b, 0); }
    bool possible = full ? domain_assume_full(op, &s, &t, WIDTH) : domain_assume_half(op, &s, &t, WIDTH);
    if (!possible) {
        if (yes) { escape("assumed impossible", op, a, b, left); }
        return;
    }
    expect_covers("assume left", op, a, b, &s, left);
    expect_covers("assume right", op, a, b, &t, right);
}

static void check_one(const struct element *a) {
    for (uint32_t bits = 1; bits < WIDTH; bits++) {
        uint16_t extended = 0, truncated = 0;
        for EACH_NUMBER (x, a) {
            extended |= (uint16_t)(1u << ((uint64_t)width_signed(x, bits) & width_max(WIDTH)));
            truncated |= (uint16_t)(1u << (x & width_max(bits)));
        }
        struct scalar s = a->scalar, t = a->scalar;
        domain_sign_extend(&s, bits, WIDTH);
        expect_covers("sign extend", bits, a, a, &s, extended);
        domain_truncate(&t, bits, WIDTH);
        expect_covers("truncate", bits, a, a, &t, truncated);
    }
    struct scalar z = a->scalar;
    uint16_t low = 0;
    for EACH_NUMBER (x, a) { low |= (uint16_t)(1u << (x & width_max(WIDTH / 2))); }
    domain_zero_extend(&z, WIDTH);
    expect_covers("zero extend", 0, a, a, &z, low);
}

/* ---- small numbers, at the width where they are 0 to 7: all of them ---- */

enum { SMALL_WIDTH = 8, SMALL_VALUES = 8, SMALL_ELEMENTS = 1024 };

static struct element small_elements[SMALL_ELEMENTS];
static uint32_t small_count;

static bool same_scalar(const struct scalar *a, const struct scalar *b) {
    return a->value == b->value && a->mask == b->mask && a->umin == b->umin && a->umax == b->umax && a->smin == b->smin &&
           a->smax == b->smax && a->umin32 == b->umin32 && a->umax32 == b->umax32 && a->smin32 == b->smin32 && a->smax32 == b->smax32;
}

/* What was made consistent stays as it is: a number that is looked at once more often is the same. */
static void expect_settled(const struct scalar *s) {
    struct scalar again = *s;
    if (domain_settle_small(&again, bits_of(s), s->umin, s->umax) && same_scalar(&again, s)) { return; }
    const struct element e = {*s, 0};
    escape("settled once more", 0, &e, &e, 0);
}

static void list_small(void) {
    for (uint32_t i = 0; i < SMALL_VALUES * SMALL_VALUES * SMALL_VALUES * SMALL_VALUES; i++) {
        uint32_t value = i & 7, mask = i >> 3 & 7, low = i >> 6 & 7, high = i >> 9;
        struct scalar s = {.value = value, .mask = mask};
        if ((value & mask) != 0 || low > high || !domain_settle_small(&s, bits_of(&s), low, high)) { continue; }
        expect_settled(&s);
        if (s.value != value || s.mask != mask || s.umin != low || s.umax != high) { continue; } /* another way to say the same */
        uint16_t set = 0;
        for (uint32_t x = 0; x < SMALL_VALUES; x++) { set |= (uint16_t)(domain_contains(&s, x, SMALL_WIDTH) << x); }
        if (set != 0) { small_elements[small_count++] = (struct element){s, set}; }
    }
}

#define EACH_SMALL(x, e) (uint32_t x = 0; x < SMALL_VALUES; x++) if (((e)->set >> x & 1) != 0)

/* What the short way says holds at both widths, and is no less than what the long way says. */
static void check_small_alu(uint32_t op, const struct element *a, const struct element *b) {
    struct scalar s = a->scalar, full = a->scalar;
    if (!small_alu(op, &s, small_of(&b->scalar), SMALL_WIDTH)) {
        if (!same_scalar(&s, &a->scalar)) { escape("small, declined but changed", op, a, b, 0); }
        return;
    }
    for EACH_SMALL (x, a) {
        for EACH_SMALL (y, b) {
            uint64_t at_full = meaning(op, false, x, y, SMALL_WIDTH), at_half = meaning(op, false, x, y, SMALL_WIDTH / 2);
            if (!domain_contains(&s, at_full, SMALL_WIDTH) || at_full != at_half) { escape("small alu", op, a, b, (uint16_t)(1u << x)); }
        }
    }
    domain_alu_full(op, false, &full, &b->scalar, SMALL_WIDTH);
    for (uint32_t x = 0; x < 1u << SMALL_WIDTH; x++) {
        if (domain_contains(&s, x, SMALL_WIDTH) && !domain_contains(&full, x, SMALL_WIDTH)) { escape("small, less exact", op, a, b, 0); }
    }
}

/* One operand of `and` may be any number: its low half decides. */
static void check_small_and(const struct scalar *wide, const struct element *b) {
    struct scalar s = *wide;
    if (!small_alu(BPF_ALU_AND, &s, small_of(&b->scalar), SMALL_WIDTH)) { abort(); }
    for (uint32_t x = 0; x < 1u << SMALL_WIDTH; x++) {
        if (!domain_contains(wide, x, SMALL_WIDTH)) { continue; }
        for EACH_SMALL (y, b) {
            if (!domain_contains(&s, x & y, SMALL_WIDTH)) { escape("small and", BPF_ALU_AND, b, b, (uint16_t)(1u << (x & y))); }
        }
    }
}

static void check_small_comparison(uint32_t op, const struct element *a, uint64_t k) {
    bool yes = false, no = false;
    for EACH_SMALL (x, a) {
        bool held = holds(op, x, k, SMALL_WIDTH);
        if (held != holds(op, x, k, SMALL_WIDTH / 2)) { abort(); }
        yes |= held;
        no |= !held;
    }
    enum certainty certainty = small_compare(op, &a->scalar, k);
    if ((certainty == ALWAYS && no) || (certainty == NEVER && yes)) { escape("small certainty", op, a, a, (uint16_t)(1u << k)); }
    struct scalar s = a->scalar;
    if (!small_assume(op, &s, k)) {
        if (yes) { escape("small, assumed impossible", op, a, a, (uint16_t)(1u << k)); }
        return;
    }
    for EACH_SMALL (x, a) {
        if (holds(op, x, k, SMALL_WIDTH) && !domain_contains(&s, x, SMALL_WIDTH)) { escape("small assume", op, a, a, (uint16_t)(1u << x)); }
    }
}

static void wide_element(struct scalar *s) {
    do {
        domain_unknown(s, SMALL_WIDTH);
        s->mask = random_below(256);
        s->value = random_below(256) & ~s->mask;
        s->umin32 = random_below(16);
        s->umax32 = s->umin32 + random_below(16 - s->umin32);
        s->umin = random_below(256);
        s->umax = s->umin + random_below(256 - (uint32_t)s->umin);
    } while (!domain_sync(s, SMALL_WIDTH));
}

static void report(const char *what, uint32_t op, uint64_t pairs) {
    printf("%-12s %02x %7" PRIu64 " pairs, %8" PRIu64 " numbers allowed where %8" PRIu64 " occur\n", what, op, pairs, allowed_total,
           occurring_total);
    allowed_total = occurring_total = 0;
}

int main(int count, char **arguments) {
    uint32_t wanted = count > 1 ? (uint32_t)atoi(arguments[1]) : 400;
    while (element_count < wanted) { random_element(); }
    for (uint32_t i = 0; i < element_count; i++) { check_one(&elements[i]); }
    report("one operand", 0, element_count);
    list_small();
    static const uint32_t alu[] = {BPF_ALU_ADD, BPF_ALU_SUB, BPF_ALU_MUL, BPF_ALU_OR,   BPF_ALU_AND, BPF_ALU_XOR,
                                   BPF_ALU_LSH, BPF_ALU_RSH, BPF_ALU_ARSH, BPF_ALU_DIV, BPF_ALU_MOD};
    static const uint32_t comparisons[] = {BPF_JMP_JEQ, BPF_JMP_JNE, BPF_JMP_JGT, BPF_JMP_JGE, BPF_JMP_JLT, BPF_JMP_JLE, BPF_JMP_JSGT,
                                           BPF_JMP_JSGE, BPF_JMP_JSLT, BPF_JMP_JSLE, BPF_JMP_JSET, SCALAR_NOT_SET};
    uint64_t pairs = (uint64_t)element_count * element_count;
    for (uint32_t full = 0; full < 2; full++) {
        for (uint32_t o = 0; o < sizeof(alu) / sizeof(alu[0]); o++) {
            bool divides = alu[o] == BPF_ALU_DIV || alu[o] == BPF_ALU_MOD;
            for (uint32_t is_signed = 0; is_signed <= divides; is_signed++) {
                for (uint64_t p = 0; p < pairs; p++) {
                    check_alu(alu[o], is_signed != 0, full != 0, &elements[p / element_count], &elements[p % element_count]);
                }
                report(full ? (is_signed ? "signed full" : "full") : (is_signed ? "signed half" : "half"), alu[o], pairs);
            }
        }
        for (uint32_t o = 0; o < sizeof(comparisons) / sizeof(comparisons[0]); o++) {
            for (uint64_t p = 0; p < pairs; p++) {
                check_comparison(comparisons[o], full != 0, &elements[p / element_count], &elements[p % element_count]);
            }
            report(full ? "compare full" : "compare half", comparisons[o], pairs);
        }
    }
    uint64_t small_pairs = (uint64_t)small_count * small_count;
    for (uint32_t o = 0; o < sizeof(alu) / sizeof(alu[0]); o++) {
        for (uint64_t p = 0; p < small_pairs; p++) { check_small_alu(alu[o], &small_elements[p / small_count], &small_elements[p % small_count]); }
    }
    for (uint32_t o = 0; o < sizeof(comparisons) / sizeof(comparisons[0]); o++) {
        for (uint32_t i = 0; i < small_count * SMALL_VALUES; i++) { check_small_comparison(comparisons[o], &small_elements[i / SMALL_VALUES], i % SMALL_VALUES); }
    }
    for (uint32_t i = 0; i < 1000; i++) {
        struct scalar wide;
        wide_element(&wide);
        for (uint32_t e = 0; e < small_count; e++) { check_small_and(&wide, &small_elements[e]); }
    }
    report("small", 0, small_pairs);
    printf("ok %" PRIu32 " elements\n", element_count);
    return 0;
}
