#pragma once
/* NUL-terminated text as a span. */

#include "lib/span.h"

[[nodiscard]] static inline struct span span_of(const char *text) {
    uint32_t size = 0;
    while (text[size] != '\0') { size++; }
    return (struct span){(const uint8_t *)text, size};
}
