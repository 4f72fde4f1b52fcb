#pragma once
#include "bpf/verifier/step.h"

/* Most turns of bpf_loop (BPF_MAX_LOOPS). */
enum { CALLBACK_TURNS_MAX = 8 * 1024 * 1024 };

/* The frame is that of a function that a helper calls back. */
bool is_callback_frame(const struct verifier *v, const struct frame *frame);
/* One of the functions that run orders a tree, while its lock is held. */
bool orders_tree(const struct verifier *v, const struct state *s);
/* The innermost such frame, or 0. */
uint32_t callback_depth(const struct verifier *v, const struct state *s);
/* The current function, or one that called it, is called back: by a helper now, or by a timer later. */
bool is_called_back(const struct verifier *v, const struct state *s);
/* r2 and r3: the key and the value of an element of the map that r1 names. */
void callback_pass_element(struct verifier *v, struct reg *args);
/* A function that is called back stores to bytes [first, end) of the frame of this function, first < end. */
void callback_changes(struct verifier *v, uint32_t function, uint32_t first, uint32_t end);
/* At FLOW_CALLBACK: it is known that the function is called so often, once or not at all. */
bool callback_is_sure(const struct verifier *v, const struct state *s, uint64_t *turns);
/* There: what follows when the function is not called, or one call of it. */
void callback_skip(struct state *s);
[[nodiscard]] enum status callback_enter(struct verifier *v, struct state *s);
/* The function ends with this result; s is still in it. */
[[nodiscard]] enum status callback_leave(struct verifier *v, struct state *s, const struct reg *r0);
/* Instructions at most, of a program that was walked with one call each. */
uint64_t callback_bound(const struct verifier *v, uint64_t walked);
