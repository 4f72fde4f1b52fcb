#pragma once
/* States that wait where ways meet. */

#include "bpf/checker/machine.h"
#include "bpf/checker/reader.h"

struct entry {
    uint32_t next;   /* place in the arena of the next state that waits here, or 0 */
    uint32_t bytes;
    uint64_t walked; /* most instructions that a run has executed when it comes here (loops: check.c) */
    uint16_t number, pointer, loose, narrow;
    uint16_t held;       /* references */
    uint16_t head;       /* 1 + index of the loop that begins here, once the pass has come here; or 0 */
    uint16_t rank_count;
    uint64_t used, plain;
    uint64_t words[]; /* registers that are set and not loose; slots that are used and not plain; ranks */
};

/* How the state that waits differs from the machine's. */
struct change {
    uint32_t parts; /* enum change_part */
    uint32_t unset, loose, wide, regs;
    uint64_t unused, plain, slots;
    bool ranks;
    struct reg given_regs[FRAME_POINTER];
    struct slot given_slots[STACK_SLOTS];
    uint32_t rank_count;
    struct rank given_ranks[RANKS];
};

/* Reads a change of the machine's state; false when it says anything that does not hold of that state. */
[[nodiscard]] bool change_read(struct reader *in, struct machine *m, struct change *change);

/* The machine's state becomes what the change makes of it, but for ranks: as when it were packed and taken up. */
void change_apply(const struct change *change, struct machine *m);

/* Packs the machine's state with a change, or as it is, without ranks that are dropped, a bit each, into at most `room` bytes; false
 * when it does not fit. */
[[nodiscard]] bool entry_pack(struct machine *m, const struct change *change, uint32_t dropped, struct entry *out, uint64_t room);
/* Registers and slots whose values move beside what a loop is ranked by: how far is not asked of them here (loop.c). */
struct places {
    uint32_t regs;
    uint64_t slots;
};
static const struct places no_places = {0, 0};
/* True when every run that is in the machine's state is in the entry. */
bool entry_covers(const struct entry *entry, struct machine *m, struct places beside);
void entry_load(const struct entry *entry, struct machine *m);

/* ---- covers.c ---- */

/* Equal ids in the state that waits must be equal in the one that comes. */
struct ids {
    uint32_t count;
    uint32_t from[12], to[12];
    uint64_t base[12]; /* where `to` is ID_CONST: the constant, less its `off` */
};
static const uint32_t ID_CONST = UINT32_MAX;
[[nodiscard]] bool ids_pair(struct ids *ids, uint32_t from, uint32_t to);
/* True when every value of `now` is one of `kept`. */
[[nodiscard]] bool reg_covers(const struct reg *kept, const struct reg *now, struct ids *ids);
[[nodiscard]] bool slot_covers(const struct slot *kept, const struct slot *now, struct ids *ids);

/* ---- loop.c ---- */

/* What is kept of the value in this place, or null. */
struct reg *kept_in(const struct machine *m, uint32_t place);
/* How often a loop turns after the first time, at most, that this place ranks; false when it does not. */
[[nodiscard]] bool count_turns(const struct machine *m, uint32_t place, int64_t step, uint64_t *turns);
/* Adds what so many turns may add; false when it may lead out of the object, or is no number or pointer of that kind. */
[[nodiscard]] bool spread_beside(struct machine *m, const struct beside *beside, uint64_t turns);
