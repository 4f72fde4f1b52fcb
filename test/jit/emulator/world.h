#pragma once
/* What a program under test can see and change, the same in the interpreter and under emulation: at a fixed address, so
 * that even addresses are equal, and with helpers that are written once. */

#include "bpf/program.h"
#include "gen/abi_helpers.h"
#include "gen/abi_hooks.h"
#include "gen/abi_vectors.h"
#include <stddef.h>

#define WORLD_ADDR 0x10000000ull /* as low as on boards: a pointer may be moved to 0 from here */
#define SHARED_ADDR 0x40000000ull
#define SHARED_BYTES (48u << 20)
#define CODE_NEAR_ADDR 0x01000000ull /* a helper of the executor is in reach of BL */
#define CODE_FAR_ADDR 0x20000000ull  /* and here it is not */
#define CODE_BYTES (8u << 20)
#define SHARED_FD 3

/* Maps with values come before the ring buffer. */
enum { ARRAY_MAP = 0, HASH_MAP = 1, VALUE_MAPS = 2, RING_MAP = 2, WORLD_MAPS = 3 };
enum { MEMORY_MAX = 36 * 1024, VALUE_BYTES = 64, ENTRIES = 4, RING_BYTES = 128, RUNS = 3, JOBS = 64 };

/* Positions count bytes, as in kernel-aarch64/bpf/maps/ring.h; each run begins with some that wait (ring.c). */
struct ring {
    uint64_t produced, taken;
    uint32_t lost, bytes; /* of `records` that are in use, a power of two */
    uint64_t unused[5];
    uint8_t records[RING_BYTES];
};

struct world {
    struct packet_context context;
    uint32_t value_bytes[VALUE_MAPS];
    uint64_t unused[3];
    struct ring ring;
    uint64_t trace; /* grows with every call of a helper and what it was given; from here on filled by chance */
    uint8_t values[VALUE_MAPS][ENTRIES * VALUE_BYTES];
    alignas(16) uint8_t memory[MEMORY_MAX];
};

static inline uint32_t world_bytes(uint32_t memory_size) { return (uint32_t)offsetof(struct world, memory) + memory_size; }
static inline uint64_t map_cookie(uint32_t map) { return 0x51000000ull + map; }

/* One program on its way through the executor; offsets are from the start of the shared memory. */
struct job {
    uint64_t code_addr;
    uint32_t code_offset, code_words;
    uint32_t world_offset, world_stride; /* of RUNS worlds, 16-byte aligned: before, and in the same place after */
    uint64_t arguments[2]; /* r1 and r2 */
    uint32_t memory_size;
    uint32_t caller_keeps; /* the compiled code need not restore callee-saved registers */
    uint32_t lost[RUNS]; /* a callee-saved register or the stack pointer was not restored */
    uint64_t r0[RUNS];
};

struct shared {
    uint64_t helper_addr[HELPER_PLACES]; /* written by the executor */
    uint64_t vector_addr[VECTOR_COUNT];    /* as well */
    volatile uint32_t current, run;        /* what it is at: after a crash, the culprit */
    uint32_t first, count;
    struct job jobs[JOBS];
};

static inline void trace(struct world *w, uint64_t number) {
    w->trace = (w->trace ^ number) * 0x9e3779b97f4a7c15ull;
    w->trace ^= w->trace >> 29;
}
static inline void trace_bytes(struct world *w, uint64_t addr, uint64_t size) {
    for (uint64_t i = 0; i < size; i++) { trace(w, ((const uint8_t *)(uintptr_t)addr)[i]); }
}
static inline struct world *the_world(void) { return (struct world *)(uintptr_t)WORLD_ADDR; }

/* The array has keys of 4 bytes, the hash map of 8 bytes; of five keys one is absent. */
static inline uint8_t *entry_of(uint64_t map, uint64_t key_addr) {
    uint32_t at = map == map_cookie(HASH_MAP), size = at == HASH_MAP ? 8 : 4, key = 0;
    for (uint32_t i = 0; i < size; i++) { key += ((const uint8_t *)(uintptr_t)key_addr)[i]; }
    trace(the_world(), map);
    trace_bytes(the_world(), key_addr, size);
    return key % 5 == 4 ? nullptr : the_world()->values[at] + key % 5 * VALUE_BYTES;
}
static inline uint64_t world_lookup(uint64_t map, uint64_t key, uint64_t r3, uint64_t r4, uint64_t r5) {
    (void)r3, (void)r4, (void)r5;
    return (uint64_t)(uintptr_t)entry_of(map, key);
}
static inline uint64_t world_update(uint64_t map, uint64_t key, uint64_t value, uint64_t flags, uint64_t r5) {
    (void)r5;
    uint8_t *entry = entry_of(map, key);
    trace(the_world(), flags);
    if (!entry) { return (uint64_t)-7; }
    for (uint32_t i = 0; i < the_world()->value_bytes[map == map_cookie(HASH_MAP)]; i++) { entry[i] = ((const uint8_t *)(uintptr_t)value)[i]; }
    return 0;
}
static inline uint64_t world_delete(uint64_t map, uint64_t key, uint64_t r3, uint64_t r4, uint64_t r5) {
    (void)r3, (void)r4, (void)r5;
    uint8_t *entry = entry_of(map, key);
    if (entry) { entry[0] ^= 0x5a; }
    return entry ? 0 : (uint64_t)-2;
}
static inline uint64_t world_number(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5) {
    (void)r1, (void)r2, (void)r3, (void)r4, (void)r5;
    trace(the_world(), 77);
    return the_world()->trace;
}
static inline uint64_t world_print(uint64_t text, uint64_t size, uint64_t r3, uint64_t r4, uint64_t r5) {
    struct world *w = the_world();
    trace_bytes(w, text, size);
    trace(w, r3);
    trace(w, r4);
    trace(w, r5);
    return w->trace & 0xff;
}
static inline void trace_record(uint64_t map, uint64_t data, uint64_t size, uint64_t flags) {
    trace(the_world(), map);
    trace_bytes(the_world(), data, size);
    trace(the_world(), flags);
}
/* A byte at a time, as the header says and not as the kernel does it, which the interpreter calls (ring.c). */
static inline uint64_t world_output(uint64_t map, uint64_t data, uint64_t size, uint64_t flags, uint64_t r5) {
    struct ring *r = &the_world()->ring;
    uint32_t header[2] = {(uint32_t)size, r->lost};
    (void)r5;
    trace_record(map, data, size, flags);
    if (flags > 3) { return (uint64_t)-22; }
    if (r->produced - r->taken + sizeof(header) + size > r->bytes) {
        r->lost++;
        return (uint64_t)-11;
    }
    for (uint64_t i = 0; i < sizeof(header) + size; i++) {
        const uint8_t *from = i < sizeof(header) ? (const uint8_t *)header + i : (const uint8_t *)(uintptr_t)data + i - sizeof(header);
        r->records[(r->produced + i) % r->bytes] = *from;
    }
    r->produced += sizeof(header) + size;
    while (r->produced % 8 != 0) { r->produced++; }
    r->lost = 0;
    return 0;
}
