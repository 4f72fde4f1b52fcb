#pragma once

/* The walk's states: the one that is walked, and those that rest, ordered by place (resting.c). */

#include "bpf/verifier/engine.h"
#include "bpf/verifier/heads.h"
#include "bpf/verifier/signature.h"
#include "bpf/verifier/snapshot.h"

enum { LINEAGES = 512 };

/* What is remembered of an earlier turn of a loop. */
struct loop_mark {
    struct snapshot *remembered;
    uint64_t turns;
    uint32_t lineage; /* a state that has passed it has it among its ancestors */
};

struct walk {
    struct snapshot *first; /* resting states, by place */
    struct heads heads;
    struct state state;     /* the one that is walked */
    struct signature now;   /* its signature, where it was asked for */
    struct loop_mark *loops; /* of each jump target */
    uint16_t parents[LINEAGES];
    uint32_t lineages;
};

/* Lets the state rest where it has come to, unless a resting one covers it; *place says where. *crowded when too many rest
 * there. STATUS_TOO_MANY_STATES. */
[[nodiscard]] enum status walk_rest(struct verifier *v, struct walk *w, struct place *place, bool *crowded);

/* Joins all states that rest at one place. The walked state must rest too: its memory is used. STATUS_TOO_MANY_STATES. */
[[nodiscard]] enum status walk_join(struct verifier *v, struct walk *w, const struct place *place);

/* At a jump target: waits for the states that are behind, merges with those that are here. STATUS_TOO_MANY_STATES. */
[[nodiscard]] enum status walk_arrive(struct verifier *v, struct walk *w);

/* Takes up the state that is furthest behind. False when none rests. */
bool walk_resume(struct verifier *v, struct walk *w);
