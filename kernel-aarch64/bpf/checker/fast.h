#pragma once
/* Stretches of what is common, without leaving the loop: numbers that need not be known, simple ones that must be, loads and
 * stores at places of known range, conditions that jump forward over some of these. */

#include "bpf/checker/pass.h"

enum fast_end : uint8_t {
    FAST_STOP,    /* before what run() must look at: states that wait, an event, the end of the budget */
    FAST_PARTS,   /* behind a jump, by condition only on numbers that need not be known */
    FAST_SLOW,    /* before an instruction that is not that simple */
    FAST_TRACKED, /* the same, and its event was read */
    FAST_LINKED,  /* the same, and it is EVENT_LINK */
    FAST_ENDED,   /* a way ended, and the pass does not go on with a state that waits lightly */
};

/* Steps from state.pc as machine_step() would, reading events that the instructions have, until it comes to something else; where
 * a way ends, or `ended` says that one has, it goes on with a state that waits lightly. Each of these has a plain form
 * (structure.h). */
enum fast_end fast_run(struct checker *c, bool ended);
