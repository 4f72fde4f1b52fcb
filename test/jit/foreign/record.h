#pragma once
/* A program for Linux on its way to executor.c: this head, `maps` map descriptions, the slots, the words, and of each word the slot that
 * it was compiled from, or NO_SLOT. */

#include <stdint.h>

#define CODE_ADDR 0x600000000ull
#define HELPER_ADDR 0x600100000ull /* of all helpers */
#define HELPER_STEP 64ull
#define ARENA_ADDR 0x700000000ull
#define ARENA_USER 0x7f0000000000ull /* as ebpf/wasm/jit.ts has it, as the next two */
#define MAP_COOKIE 0x410000000ull
#define MAP_STEP 0x1000ull

enum : uint32_t { SLOTS_MAX = 16384, WORDS_MAX = 65536, MAPS_MAX = 8, NO_SLOT = 0xffffffff };

struct record {
    uint32_t slots, words, maps, runs;
    uint32_t guarded; /* indirect calls come to BTI alone */
    uint32_t seed;
};

struct map_record {
    uint32_t type, key_bytes, value_bytes, entries;
};
