#pragma once
/* States at rest: packed to what is live, compared with and merged into the state that is being walked. */

#include "bpf/verifier/engine.h"
#include "bpf/verifier/order.h"
#include "bpf/verifier/signature.h"

struct snapshot {
    struct snapshot *next; /* by place, ascending */
    struct place place;
    uint64_t walked;
    uint32_t pc;
    uint32_t depth;
    uint32_t lineage;
    uint32_t size_class, bytes;
    struct signature signature;
    uint64_t words[];
};

/* How a state compares with a snapshot at the same place, over what is live there. */
struct relation {
    bool comparable; /* they stand at the same instruction, called the same way */
    bool covered;    /* the snapshot covers the state */
    bool covers;     /* the state covers the snapshot */
};

/* Packs the state; null when the workspace is full. */
struct snapshot *snapshot_take(struct verifier *v, const struct state *s, const struct place *place);
void snapshot_load(const struct verifier *v, const struct snapshot *from, struct state *s);
void snapshot_free(struct verifier *v, struct snapshot *snapshot);
struct relation snapshot_relation(const struct verifier *v, const struct state *s, const struct snapshot *snapshot);
/* Of states that are called the same way: whether it is the same call, not one of another turn of a loop that calls. */
bool snapshot_same_call(const struct verifier *v, const struct state *s, const struct snapshot *snapshot);
/* True when they agree in all that can decide on safety. */
bool snapshot_same_decisive(const struct verifier *v, const struct state *s, const struct snapshot *snapshot);
/* True when the join of both loses nothing that can decide on safety: where it can, one of them covers the other. */
bool snapshot_joins_well(const struct verifier *v, const struct state *s, const struct snapshot *snapshot, bool *comparable);
/* Widens the state until it covers the snapshot too. */
void snapshot_join(struct verifier *v, struct state *s, const struct snapshot *snapshot);
/* Does so, and forgets what is dead at s->pc, if that loses nothing that can decide on safety and is quickly seen; else does
 * nothing and is false. */
bool snapshot_join_alike(struct verifier *v, struct state *s, const struct snapshot *snapshot);
/* Forgets what is dead at s->pc, so that the state says no more than a snapshot of it would. */
void state_forget(const struct verifier *v, struct state *s);
/* The same for one frame and the place where it goes on. */
void frame_forget(const struct verifier *v, struct frame *frame, uint32_t pc);
