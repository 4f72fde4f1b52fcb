#pragma once
/* Functions that timers call, or queues of work: later, by themselves, on a stack of their own. Each is judged once for each map that its timers lie in,
 * whoever sets it: with any key and value, and with nothing that is held. */

#include "bpf/verifier/step.h"

/* What the walk has found that timers call. */
struct timer_call {
    uint8_t function, map;
    bool sleeps; /* a queue of work calls it, which may sleep */
};

/* The helper says what is called later. */
static inline bool timer_is_set_by(const struct helper_prototype *prototype) {
    return (prototype->arguments[0] == ARG_TIMER || prototype->arguments[0] == ARG_WORK) && prototype->arguments[1] == ARG_FUNCTION;
}
/* What runs is a program that may sleep, or a function that a queue of work calls. */
static inline bool timer_lets_sleep(const struct verifier *v) { return OTHER_PLATFORMS && v->timer != nullptr ? v->timer->sleeps : v->program->may_sleep; }

/* The address of a function that is loaded at pc goes nowhere but to a timer. */
bool timer_loads(const struct verifier *v, uint32_t pc);
/* At a call that sets what a timer calls. */
[[nodiscard]] enum status timer_set(struct verifier *v, struct state *s, bool sleeps);
/* Makes v->timer the next one to judge; false when none is left. */
bool timer_next(struct verifier *v);
/* Registers as v->timer finds them. */
void timer_begin(struct verifier *v, struct state *s);
/* At the exit of v->timer. */
[[nodiscard]] enum status timer_leave(struct verifier *v, struct state *s);
