#pragma once
/* States of the checker's machine, and the runs that they stand for: concrete registers and stack slots. */

#include "bpf/checker/entry.h"
#include "bpf/checker/format.h"
#include "oracle/random.h"

enum { TRIED_REGS = 4, TRIED_SLOTS = 2, TRIED = TRIED_REGS + TRIED_SLOTS, FIRST_SLOT = STACK_SLOTS - TRIED_SLOTS };
enum { TRIED_RANKS = 3, FIRST_HEAD = 7, MAPS = 2, ENTRIES = 2 };

/* A number, or so many bytes into an object; entry: which value of a map. */
struct value {
    uint8_t kind; /* REG_SCALAR, or the kind of pointer that is not null */
    uint8_t map, entry;
    uint64_t number;
};

/* Concrete registers, then slots of the stack. */
struct run {
    struct value at[TRIED];
    uint64_t packet_bytes, memory_bytes;
    uint64_t heads[TRIED_RANKS]; /* what the followed place held at the head */
};

/* A state, unpacked: loose numbers are written out. */
struct tried {
    struct frame frame;
    uint32_t rank_count;
    struct rank ranks[TRIED_RANKS];
};

/* What is known of a register, or of what a slot keeps; null when it keeps nothing. */
const struct reg *reg_in(const struct tried *t, uint32_t place);
struct value value_in(const struct tried *t, const struct run *run, uint32_t place);
bool value_is_null(const struct value *v);
/* The variable part of what the register says is there. */
uint64_t part_of(const struct reg *r, const struct value *v);
/* True when the state stands for the run. */
bool means(const struct tried *t, const struct run *run);

/* ---- drawing.c ---- */

extern struct random chance;
static inline uint32_t below(uint32_t limit) { return random_below(&chance, limit); }
static inline bool one_in(uint32_t n) { return below(n) == 0; }

void draw_state(struct tried *t);
/* Says something else of it, often only less. */
void change_state(struct tried *t);
struct distance draw_distance(void);
/* One that may be, or not. */
uint64_t draw_from(const struct scalar *s);
/* One that the state mostly stands for. */
void draw_run(const struct tried *t, struct run *run);

/* ---- changes.c ---- */

enum { CHANGE_BYTES = 512 };

struct writer {
    uint8_t bytes[CHANGE_BYTES];
    uint32_t size;
};

/* A change to about such a state, as a certificate says it. */
void draw_change(struct writer *w, const struct tried *to);
