#pragma once
/* Changes what a certificate says of a state or of a loop: mostly to what the checker may take, by what it knows there. */

#include "body.h"
#include "random.h"

/* What is twisted where: the checker's machine, just before. */
struct scene {
    struct random *random;
    const struct machine *machine;
    const struct bpf_program *program;
};

void twist_said(struct scene scene, struct said *said);
/* Says of all ranks that follow something what the machine has. */
void take_ranks(const struct machine *m, struct said *said);
/* A loop at whatever place is there. */
void make_loop(struct scene scene, struct said_loop *loop);
void twist_loop(struct scene scene, struct said_loop *loop);
/* Trips by which what is counted comes near the ends of what can be counted, if the loop turns so often. */
uint64_t far_trip(struct scene scene, uint64_t turns);
