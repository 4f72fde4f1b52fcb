/* The programs as C functions, and how they travel to where they are measured. */
#pragma once

#include <stdint.h>

typedef uint32_t (*native_function)(uint8_t *memory);

struct native {
    const char *name;
    native_function fast;   /* -O2 */
    native_function plain; /* -O2 without vectors and unrolled loops */
};

/* Generated from programs.ts; ends with an entry without a name. */
extern const struct native natives[];

/* Head of a record of the program file; little-endian, followed by the code and the memory. */
struct record {
    char name[24];
    uint32_t slots;  /* eBPF instructions, of 8 bytes */
    uint32_t repeat; /* how often to run it for one sample */
    uint32_t memory_bytes;
    uint32_t unused;
};
static_assert(sizeof(struct record) == 40);

static inline int same_name(const char *a, const char *b) {
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static inline const struct native *native_named(const char *name) {
    const struct native *native = natives;
    while (native->name && !same_name(native->name, name)) { native++; }
    return native->name ? native : nullptr;
}
