#pragma once
/* Writes certificates: the counterpart of kernel-aarch64/bpf/checker/reader.h. What has no room is counted and not written. */

#include <stdint.h>

struct writer {
    uint8_t *out;
    uint32_t size, capacity;
};

static inline void write_byte(struct writer *w, uint8_t byte) {
    if (w->size < w->capacity) { w->out[w->size] = byte; }
    w->size++;
}

static inline void write_number(struct writer *w, uint64_t value) {
    for (; value > 127; value >>= 7) { write_byte(w, (uint8_t)value | 128); }
    write_byte(w, (uint8_t)value);
}

static inline void write_signed(struct writer *w, int64_t value) {
    write_number(w, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}
