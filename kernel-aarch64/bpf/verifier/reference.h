#pragma once
/* Objects that a program has acquired and must release. One is named by the place that acquired it; the set of those
 * held is a number in the frame of the main function, so states that hold different ones are never taken for each other. */

#include "bpf/verifier/step.h"

/* Register kinds that may carry a reference have it in `frame`; 0 is none. */
static inline bool reg_has_reference(const struct reg *r) {
    return OTHER_PLATFORMS && (r->kind == REG_MEMORY || r->kind == REG_MEMORY_OR_NULL || r->kind == REG_OBJECT || r->kind == REG_OBJECT_OR_NULL ||
                               r->kind == REG_OWN || r->kind == REG_OWN_OR_NULL) &&
           r->frame != 0;
}

/* Takes the memory for references, which the first one would, for who lends out all that is left. False when there is none. */
[[nodiscard]] bool reference_open(struct verifier *v);

/* Holds what this instruction acquires; *reference names it. */
[[nodiscard]] enum status reference_acquire(struct verifier *v, struct state *s, uint8_t *reference);
/* A name for what this instruction makes, which need not be released; and one for the slices of a dynptr with this name. */
[[nodiscard]] enum status reference_name_here(struct verifier *v, struct state *s, uint8_t *name);
/* A name for the map that this instruction finds in a map of maps; of those that it found before, nothing tells which they are any more. */
[[nodiscard]] enum status reference_name_map(struct verifier *v, struct state *s, uint8_t *name);
/* Whether both are the same map, or values of it. */
bool reference_same_map(const struct verifier *v, const struct reg *a, const struct reg *b);
[[nodiscard]] enum status reference_name_slices(struct verifier *v, struct state *s, uint8_t dynptr, uint8_t *name);
/* Every register that has this reference is void. */
void reference_void(struct state *s, uint8_t reference);
/* Takes the lock in the map value that argument r points to; one lock is held at most. What it is known by: in the value of a
 * map that has an address of its own, by the map; in any other, by the registers that point into it, which carry its name. */
[[nodiscard]] enum status reference_lock(struct verifier *v, struct state *s, uint32_t r);
/* Gives back the lock that argument r points to: the one that was taken. */
[[nodiscard]] enum status reference_unlock(struct verifier *v, struct state *s, uint32_t r);
bool reference_locked(const struct verifier *v, const struct state *s);
/* Whether the lock that is held is in what this points to. */
bool reference_locked_in(const struct verifier *v, const struct state *s, const struct reg *r);
/* The name of the lock that is held. */
uint8_t reference_lock_name(const struct verifier *v, const struct state *s);
/* What is owned is given to a list or a tree: whoever points to it may go on until the lock is given back. */
[[nodiscard]] enum status reference_lend(struct verifier *v, struct state *s, uint8_t reference);
/* It is given to where RCU protects it: whoever points to it may go on while that is read. */
[[nodiscard]] enum status reference_share(struct verifier *v, struct state *s, uint8_t reference);
/* The reference of everything of kind REG_SHARED. */
enum { REFERENCE_SHARED = 255 };
static inline bool reference_any(const struct state *s) { return OTHER_PLATFORMS && s->frames[0].call != 0; }
/* Parts of the program that are not preempted, one in the other. */
[[nodiscard]] enum status reference_hold_on(struct verifier *v, struct state *s);
[[nodiscard]] enum status reference_let_go(struct verifier *v, struct state *s);
/* Parts in which what RCU protects is read. */
[[nodiscard]] enum status reference_read_lock(struct verifier *v, struct state *s);
[[nodiscard]] enum status reference_read_unlock(struct verifier *v, struct state *s);
/* Whether the program is in such a part. */
bool reference_reads(const struct verifier *v, const struct state *s);
/* Whether RCU protects what is read here. */
bool rcu_protects(const struct verifier *v, const struct state *s);
/* Whether the program is in a part of either kind, where it can not sleep. */
bool reference_stays_awake(const struct verifier *v, const struct state *s);
/* Whether a may_goto was taken in this call of the function: then every one is, until it ends. */
bool reference_patience_ended(const struct verifier *v, const struct state *s);
[[nodiscard]] enum status reference_end_patience(struct verifier *v, struct state *s);
/* When a call ends. */
[[nodiscard]] enum status reference_renew_patience(struct verifier *v, struct state *s);
/* Whether the iterator that has this reference has given its last element: then it gives none any more. */
bool reference_drained(const struct verifier *v, const struct state *s, uint8_t reference);
[[nodiscard]] enum status reference_drain(struct verifier *v, struct state *s, uint8_t reference);
/* Ends a reference: it is no longer held, and every register that has it is void. */
[[nodiscard]] enum status reference_release(struct verifier *v, struct state *s, uint8_t reference);
/* No longer held, because it was null; registers stay. */
void reference_forget(struct verifier *v, struct state *s, uint8_t reference);
/* Refuses when anything is held but what functions in the outermost `frames` frames acquired. */
[[nodiscard]] enum status reference_none_but(struct verifier *v, struct state *s, uint32_t frames, const char *when);
/* Refuses when anything is held. */
[[nodiscard]] static inline enum status reference_none(struct verifier *v, struct state *s, const char *when) { return reference_none_but(v, s, 0, when); }
