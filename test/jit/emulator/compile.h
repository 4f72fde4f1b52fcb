#pragma once
/* Compiles programs into jobs of the executor. */

#include "emulator.h"
#include "gen/abi_status.h"

/* Shared memory given out to the jobs of one batch. */
struct space {
    uint32_t used, near_words, far_words;
};

/* Makes room for the_world() in this process; ends it with a message when there is none. */
void world_open(void);
/* Whether another job of any size fits. */
bool space_left(const struct space *space);
/* `variant` chooses how: for which CPU, where to, and how much of the facts is made use of. */
[[nodiscard]] enum status job_compile(const struct bpf_program *program, const struct bpf_facts *facts, uint64_t variant, struct shared *shared,
                                      struct job *job, struct space *space);
/* Room for the worlds of a job, before and after its runs. */
void job_lend_worlds(struct job *job, struct space *space, uint32_t memory_size);
/* World `run` of a job, in shared memory. */
static inline void *job_world(struct shared *shared, const struct job *job, uint32_t run) {
    return (uint8_t *)shared + job->world_offset + run * job->world_stride;
}
/* What the maps of the_world() are for program and helpers. */
void describe_maps(uint64_t map_addr[], uint64_t values[]);
