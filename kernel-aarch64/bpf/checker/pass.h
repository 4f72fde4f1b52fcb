#pragma once
/* What the parts of the pass (check.c) share. */

#include "bpf/checker/checker.h"
#include "bpf/checker/entry.h"
#include "bpf/checker/format.h"

enum { HEADS = 256, BESIDES_KEPT = 256, CLASS_BYTES = 128, CLASSES = 64, SHELVES = 32 };

struct head {
    uint16_t slot, besides_at;
    uint8_t place, besides;
    int64_t step;
    uint64_t walked, trip;
};

/* A state that waits lightly (fast.c): what it knows of registers and slots is still in the machine, or on its shelves. */
struct light {
    uint64_t masks, walked;
    uint64_t held; /* of those that began to wait before */
    union {
        struct {
            uint32_t target;
            uint16_t shelved; /* registers that the machine's state has otherwise by now */
            uint8_t shelf[FRAME_POINTER]; /* of each of them */
        };
        uint64_t where; /* the target, as long as nothing is shelved */
    };
    uint64_t used, plain, held_slots; /* once they are noted: note_stack() */
};
enum { LIGHTS = 16 };

struct checker {
    struct verifier *v;
    struct reader in; /* what is looked at often comes first, what is large last */
    uint32_t event;    /* the next one */
    uint64_t due;      /* steps at which it comes */
    uint64_t steps, budget;
    uint32_t reached;  /* slots that some run reaches */
    uint32_t *first;   /* of each slot: place in the arena of the states that wait there, or of the head of a loop; or 0 */
    uint64_t *waiting; /* bit per slot: states wait there */
    uint8_t *arena;
    uint32_t arena_used, arena_bytes;
    uint64_t has_spare; /* bit per class: there are free states of that size, and `spare` says where */
    uint32_t light_count, held; /* registers that any of them knows */
    uint32_t from;     /* slot where the pass last went on */
    uint32_t rest;     /* place of the next state there, which comes before all that wait elsewhere, or 0 */
    uint64_t held_slots;
    uint32_t head_count, beside_count;
    uint32_t spare[CLASSES];
    struct light none; /* waits nowhere */
    struct light light[LIGHTS];
    uint32_t shelves; /* that are taken, a bit each */
    struct reg shelf[SHELVES];
    struct machine machine;
    struct change change;
    struct head heads[HEADS];
    struct beside besides[BESIDES_KEPT];
};

/* A way that has ended may have led behind the last slot. */
static inline enum status refuse_certificate(struct checker *c, const char *why) {
    uint32_t pc = c->machine.state.pc, last = c->v->program->count - 1;
    return refuse(c->v, STATUS_BAD_CERTIFICATE, pc < last ? pc : last, "%s", why);
}

static inline struct entry *entry_at(const struct checker *c, uint32_t place) { return (struct entry *)(c->arena + place); }

/* ---- check.c ---- */

/* Reads the event after the one that is due at so many steps. */
void next_event_at(struct checker *c, uint64_t steps);
static inline void next_event(struct checker *c) { next_event_at(c, c->steps); }
static inline bool is_due(const struct checker *c, enum event event) { return c->due == c->steps && c->event == (uint32_t)event; }
/* Packs the machine's state, with a change or as it is, without ranks that are dropped; 0 when there is no room. */
[[nodiscard]] uint32_t keep(struct checker *c, const struct change *change, uint32_t dropped);
void let_go(struct checker *c, uint32_t place);
/* A state waits at this slot, at this place of the arena. */
static inline void begin_wait(struct checker *c, uint32_t slot, uint32_t place) {
    c->first[slot] = place;
    c->waiting[slot / 64] |= (uint64_t)1 << slot % 64;
}
static inline bool waits(const struct checker *c, uint32_t pc) { return (c->waiting[pc / 64] >> pc % 64 & 1) != 0; }
/* The next slot upward where a state waits, from the lowest one when there is none; the number of slots when none waits. */
uint32_t next_waiting(const struct checker *c, uint32_t after);

/* ---- loop.c ---- */

/* The machine's state is the one of a loop's head, taken up from *place unless that is 0; *place is where it waits for turns to end. */
[[nodiscard]] enum status begin_loop(struct checker *c, uint32_t *place);
/* The machine's state leads back to the head of a loop. */
[[nodiscard]] enum status end_turn(struct checker *c, const struct entry *entry);
