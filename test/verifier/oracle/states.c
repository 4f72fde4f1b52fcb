#include "states.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARENA_BYTES = 128 * 1024 * 1024 };

static void clear(void *cookie) {
    struct collected *c = cookie;
    for (uint32_t pc = 0; pc < PROGRAM_MAX; pc++) { c->at[pc].count = 0; }
    c->used = 0;
}

/* Only what is used: most of a frame is slots that nothing wrote. */
static void copy_frame(struct frame *to, const struct frame *from) {
    memcpy(to, from, offsetof(struct frame, slots));
    for (uint64_t used = from->used; used != 0; used &= used - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(used);
        to->slots[i] = from->slots[i];
    }
}

static void collect(void *cookie, const struct state *state) {
    struct collected *c = cookie;
    struct seen *seen = &c->at[state->pc];
    if (seen->count++ >= STATES_KEPT) { return; }
    size_t bytes = (state->depth + 1) * sizeof(*state->frames);
    if (c->used + bytes > ARENA_BYTES) {
        seen->count = STATES_KEPT + 1;
        return;
    }
    struct state *kept = &seen->states[seen->count - 1];
    *kept = *state;
    kept->frames = (struct frame *)(c->arena + c->used);
    c->used += bytes;
    for (uint32_t f = 0; f <= state->depth; f++) { copy_frame(&kept->frames[f], &state->frames[f]); }
}

struct observation states_observation(struct collected *c) { return (struct observation){collect, clear, c}; }

struct collected *states_open(void) {
    struct collected *c = calloc(1, sizeof(*c));
    if (c != nullptr) { c->arena = malloc(ARENA_BYTES); }
    if (c == nullptr || c->arena == nullptr) {
        fprintf(stderr, "no memory for the abstract states\n");
        exit(2);
    }
    return c;
}

void states_close(struct collected *c) {
    free(c->arena);
    free(c);
}
