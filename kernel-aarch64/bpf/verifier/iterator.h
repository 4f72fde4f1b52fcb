#pragma once
/* Iterators of other platforms: kernel objects on the program's stack that give one element after the other. */

#include "bpf/verifier/step.h"

/* The first of the slots that an iterator takes, and how many. */
struct iterator {
    struct slot *slot;
    uint32_t slots;
};

/* Lowest byte of so many aligned slots of the stack, to which argument r points. */
[[nodiscard]] enum status iterator_slots(struct verifier *v, struct state *s, uint32_t r, uint32_t slots, uint32_t *first);
/* Argument r points to a place on the stack where an iterator of this kind (enum object_kind) may be made. */
[[nodiscard]] enum status iterator_place(struct verifier *v, struct state *s, uint32_t r, uint8_t kind);
/* Makes it there, at argument 1. It must end before the program does. */
[[nodiscard]] enum status iterator_make(struct verifier *v, struct state *s, uint8_t kind);
/* The iterator that argument r points to. */
[[nodiscard]] enum status iterator_find(struct verifier *v, struct state *s, uint32_t r, uint8_t kind, struct iterator *out);
/* What one of this kind gives where it gives an object of the kernel, as registers have it. */
uint8_t iterator_gives(uint8_t kind);
[[nodiscard]] enum status iterator_end(struct verifier *v, struct state *s, const struct iterator *iterator);
/* Instructions at most, of a program in which no way between two elements is longer than `walked`. */
uint64_t iterator_bound(const struct verifier *v, uint64_t walked);

/* What is of another kind than in `old`, which stands at the same place with the same calls, can't be read any more. */
void state_drop_unlike(struct state *s, const struct state *old);
/* Every number that is not as it was in `old` may be any from now on. */
void state_widen(struct state *s, const struct state *old);
