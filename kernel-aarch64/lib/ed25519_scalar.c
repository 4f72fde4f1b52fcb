#include "lib/ed25519_scalar.h"

static const struct scalar ORDER = {{0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 0x1000000000000000}};

/* a - ORDER, when that is not negative. */
static bool subtract_order(struct scalar *a) {
    struct scalar difference;
    uint64_t borrow = 0;
    for (uint32_t i = 0; i < 4; i++) {
        uint64_t partial;
        const bool under = __builtin_sub_overflow(a->word[i], ORDER.word[i], &partial);
        borrow = under | __builtin_sub_overflow(partial, borrow, &difference.word[i]);
    }
    if (borrow) { return false; }
    *a = difference;
    return true;
}

bool scalar_load(struct scalar *out, const uint8_t bytes[32]) {
    __builtin_memcpy(out->word, bytes, sizeof out->word);
    struct scalar copy = *out;
    return !subtract_order(&copy);
}

/* Horner's rule bit by bit: some 10 instructions for each of 260 bits, a few hundredths of a verification. */
void scalar_reduce(struct scalar *out, const uint8_t bytes[64]) {
    constexpr uint32_t TOP_BITS = 252; /* that many bits are below L as they are */
    uint64_t in[8];
    __builtin_memcpy(in, bytes, sizeof in);
    struct scalar r;
    for (uint32_t i = 0; i < 4; i++) { r.word[i] = in[4 + i] >> 4 | (i < 3 ? in[5 + i] << 60 : 0); }
    for (uint32_t bit = 512 - TOP_BITS; bit-- > 0;) {
        for (uint32_t i = 3; i > 0; i--) { r.word[i] = r.word[i] << 1 | r.word[i - 1] >> 63; }
        r.word[0] = r.word[0] << 1 | (in[bit / 64] >> (bit % 64) & 1u);
        if (r.word[3] >> 60 != 0) { (void)subtract_order(&r); } /* L has bit 252, so nothing smaller reaches it */
    }
    *out = r;
}

/* Five bits from `position` on. */
static uint32_t window(const struct scalar *a, uint32_t position) {
    const uint32_t word = position / 64, shift = position % 64;
    uint64_t bits = a->word[word] >> shift;
    if (shift > 64 - NAF_WIDTH && word < 3) { bits |= a->word[word + 1] << (64 - shift); }
    return (uint32_t)bits & ((1u << NAF_WIDTH) - 1u);
}

void scalar_naf(int8_t digit[NAF_DIGITS], const struct scalar *a) {
    constexpr int32_t HALF = 1 << (NAF_WIDTH - 1);
    for (uint32_t i = 0; i < NAF_DIGITS; i++) { digit[i] = 0; }
    uint32_t carry = 0; /* of a negative digit before; the last one lands below bit 254, as a < 2^253 */
    for (uint32_t i = 0; i < NAF_DIGITS;) {
        const uint32_t bits = window(a, i) + carry;
        if ((bits & 1u) == 0) {
            i++; /* bits is 0 or 2 modulo 4: the carry goes on when it met a one */
            continue;
        }
        const int32_t odd = (int32_t)(bits & (2 * HALF - 1u));
        digit[i] = (int8_t)(odd >= HALF ? odd - 2 * HALF : odd);
        carry = odd >= HALF;
        i += NAF_WIDTH;
    }
}
