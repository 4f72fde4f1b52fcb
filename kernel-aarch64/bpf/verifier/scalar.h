#pragma once
/* What is known of a number: known bits, and unsigned and signed ranges of all 64 and of the low 32 bits.
 * The parts are kept consistent with each other (scalar_sync). A scalar stands for the set of the 64-bit values that
 * satisfy every part; no function here ever leaves a value out that can occur. */

#include <stdint.h>

struct scalar {
    uint64_t value, mask; /* known bits: a bit set in mask is unknown, else it is the bit of value; value & mask == 0 */
    uint64_t umin, umax;
    int64_t smin, smax;
    uint32_t umin32, umax32; /* of the low 32 bits */
    int32_t smin32, smax32;
};

enum certainty : uint8_t { NEVER, SOMETIMES, ALWAYS };

/* Comparisons: BPF_JMP_J* codes, and the negation of JSET, which has no opcode of its own. */
#define SCALAR_NOT_SET 0xe0u

static inline bool scalar_is_const(const struct scalar *s) { return s->mask == 0; }
static inline bool scalar_fits_u32(const struct scalar *s) { return s->umax <= UINT32_MAX; }
[[gnu::noinline]] static inline bool scalar_is_unbounded(const struct scalar *s) {
    return (s->umin | (uint64_t)(s->smax ^ INT64_MAX)) == 0 && s->umax == UINT64_MAX && s->smin == INT64_MIN &&
           s->umin32 == 0 && s->umax32 == UINT32_MAX && s->smin32 == INT32_MIN && s->smax32 == INT32_MAX;
}
static inline bool scalar_is_unknown(const struct scalar *s) { return s->mask == UINT64_MAX && scalar_is_unbounded(s); }

void scalar_set_const(struct scalar *s, uint64_t value);
void scalar_set_unknown(struct scalar *s);
/* Any number of `bytes` bytes (1, 2, 4, 8), zero- or sign-extended. */
void scalar_set_loaded(struct scalar *s, uint32_t bytes, bool sign_extend);
/* Makes every part say what the others imply; false when no value is left. */
[[nodiscard]] bool scalar_sync(struct scalar *s);
/* Any number from min to max. */
void scalar_set_range(struct scalar *s, uint64_t min, uint64_t max);

/* dst = dst <op> src, op a BPF_ALU_* code of two operands; `is_signed` for the signed forms of div and mod. */
void scalar_alu64(uint32_t op, bool is_signed, struct scalar *dst, const struct scalar *src);
/* The same on the low 32 bits; the result is zero-extended. */
void scalar_alu32(uint32_t op, bool is_signed, struct scalar *dst, const struct scalar *src);
void scalar_zero_extend_32(struct scalar *s);
/* Keeps the low `bits` (8, 16, 32) and sign-extends them to 64 bits. */
void scalar_sign_extend(struct scalar *s, uint32_t bits);
/* Keeps the low `bits` (8, 16, 32). */
void scalar_truncate(struct scalar *s, uint32_t bits);

/* Whether `a <op> b` holds. */
enum certainty scalar_compare(uint32_t op, const struct scalar *a, const struct scalar *b, bool is64);
/* Narrows both to the values for which `a <op> b` holds; false when there are none. */
[[nodiscard]] bool scalar_assume(uint32_t op, struct scalar *a, struct scalar *b, bool is64);
/* The comparison that holds exactly when `op` does not. */
uint32_t comparison_negated(uint32_t op);

/* True when every value of `b` is a value of `a`. */
bool scalar_covers(const struct scalar *a, const struct scalar *b);
/* The least scalar that covers both. */
void scalar_join(struct scalar *a, const struct scalar *b);
bool scalar_contains(const struct scalar *s, uint64_t value);
