#pragma once
/* What a certificate says of a state, taken apart and put together again, however wrong it is (kernel-aarch64/bpf/checker/format.h). */

#include "bpf/checker/format.h"
#include "bpf/checker/machine.h"
#include "bpf/checker/reader.h"

/* A number, as its parts have it, in the order of enum number_part; signed ones as they are read. */
enum { NUMBERS = 11 };
struct kept {
    uint8_t kind, map, frame, id, parts;
    uint64_t off, range;
    uint64_t numbers[NUMBERS];
};

struct kept_slot {
    uint8_t written, zeros, held; /* first byte and bytes */
    struct kept reg;
};

struct kept_rank {
    uint64_t regs, slots;
    struct distance by_reg[REGS], by_slot[STACK_SLOTS];
};

/* A change; unlike the checker's, it need not hold of any state. */
struct said {
    uint64_t parts, unset, loose, wide, unused, plain, regs, slots;
    struct kept given[REGS];
    struct kept_slot given_slots[STACK_SLOTS];
    uint32_t rank_count;
    struct kept_rank ranks[RANKS];
};

enum { MOVED_MOST = 6 };
struct said_loop {
    uint8_t place;
    uint64_t step, trip; /* the step as it is read */
    uint32_t moved_count;
    struct {
        uint8_t place;
        uint64_t least, most; /* as they are read */
    } moved[MOVED_MOST];
};

static inline uint64_t as_read(int64_t number) { return (uint64_t)number << 1 ^ (uint64_t)(number >> 63); }

uint8_t *number_write(uint8_t *at, uint64_t number);
/* A change where so many ranks follow something; false when the bytes are none. */
[[nodiscard]] bool said_read(struct reader *in, uint32_t ranks, struct said *out);
uint8_t *said_write(uint8_t *at, const struct said *said);
[[nodiscard]] bool loop_read(struct reader *in, struct said_loop *out);
uint8_t *loop_write(uint8_t *at, const struct said_loop *loop);
/* Bytes that either takes at most. */
enum { BODY_MOST = 64 * 1024 };
