#pragma once
/* A view of bytes that somebody else owns. No function keeps one longer than its caller does. */

#include <stdint.h>

struct span {
    const uint8_t *data;
    uint32_t size;
};

/* The bytes of a string literal, without its NUL. */
#define SPAN(literal) ((struct span){(const uint8_t *)(literal), sizeof(literal) - 1})

[[nodiscard, gnu::noinline]] static inline bool span_equal(struct span a, struct span b) {
    if (a.size != b.size) { return false; }
    for (uint32_t i = 0; i < a.size; i++) {
        if (a.data[i] != b.data[i]) { return false; }
    }
    return true;
}

/* True when the span holds exactly the characters of the literal. */
#define span_is(span, literal) span_equal((span), SPAN(literal))
