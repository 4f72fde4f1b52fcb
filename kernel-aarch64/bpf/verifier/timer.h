#pragma once
/* Functions that timers call: later, by themselves, on a stack of their own. Each is judged once for each map that its timers lie in,
 * whoever sets it: with any key and value, and with nothing that is held. */

#include "bpf/verifier/step.h"

/* What the walk has found that timers call. */
struct timer_call {
    uint8_t function, map;
};

/* The address of a function that is loaded at pc goes nowhere but to a timer. */
bool timer_loads(const struct verifier *v, uint32_t pc);
/* At a call that sets what a timer calls. */
[[nodiscard]] enum status timer_set(struct verifier *v, struct state *s);
/* Makes v->timer the next one to judge; false when none is left. */
bool timer_next(struct verifier *v);
/* Registers as v->timer finds them. */
void timer_begin(struct verifier *v, struct state *s);
/* At the exit of v->timer. */
[[nodiscard]] enum status timer_leave(struct verifier *v, struct state *s);
