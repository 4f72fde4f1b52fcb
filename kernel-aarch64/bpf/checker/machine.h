#pragma once
/* The abstract machine of the checker: that of verifier/step.h, with a short way for numbers of which nothing need be known,
 * and with what loops are ranked by. Only the program's main function; what calls local functions has no certificate. */

#include "bpf/verifier/packing.h"
#include "bpf/verifier/step.h"

enum { RANKS = 16 }; /* places that may be followed at a time, over all loops that a state is inside of */
/* Of each loop: what it is ranked by, and what moves beside that. */
enum { RANKED = 0, BESIDES = 4 };

/* How far a value has moved: by least to most, modulo 2^64. Both stay within ±2^62. */
struct distance {
    int64_t least, most;
};

/* Where a value has gone since the head of a loop was passed: each of these places holds that value plus its distance. Only
 * the distances of those places are set. */
struct rank {
    uint16_t head; /* slot of the loop's head */
    uint16_t regs;
    uint8_t index; /* RANKED, or which of what moves beside */
    uint64_t slots; /* all eight bytes */
    struct distance by_reg[REGS];
    struct distance by_slot[STACK_SLOTS];
};

/* Where each mask begins in `masks`, little-endian. */
enum { NUMBER_AT = 0, LOOSE_AT = 16, NARROW_AT = 32, POINTER_AT = 48 };
/* Bits of the masks of a register, once they are shifted down to it. */
enum : uint64_t {
    NUMBER = 1ull << NUMBER_AT,
    LOOSE = 1ull << LOOSE_AT,
    NARROW = 1ull << NARROW_AT,
    POINTER = 1ull << POINTER_AT,
    EACH = NUMBER | LOOSE | NARROW | POINTER,
};

/* What moves beside what a loop is ranked by: from least to most each turn. */
struct beside {
    uint8_t place; /* register, or PLACE_SLOT + stack slot */
    struct distance each;
};

struct machine {
    struct verifier *v;
    struct frame *frame;
    struct state state;
    /* Masks over r0..r9, and r10 among the pointers. A register in none of `number` and `pointer` is not set. */
    union {
        struct {
            uint16_t number;
            uint16_t loose;  /* numbers of which nothing is known but whether they are narrow: their `var` is not kept up */
            uint16_t narrow; /* numbers whose upper half is zero */
            uint16_t pointer;
        };
        uint64_t masks; /* all of them */
    };
    uint64_t plain;  /* slots whose eight bytes are all written, hold no kept register and are not known to be 0 */
    uint32_t followed;      /* registers and slots in some rank */
    uint64_t followed_slots;
    uint32_t rank_count;
    struct rank ranks[RANKS];
};

void machine_begin(struct verifier *v, struct machine *m, struct frame *frame);
/* Executes the instruction at state.pc. As in step.h FLOW_BRANCH leaves it to machine_assume() to take a way. */
enum track : uint8_t {
    TRACK_NOTHING,
    TRACK_VALUE, /* keeps what is known of a number that it makes, or of the numbers that it compares */
    TRACK_LINKS, /* the same, and a number and its copy stay the same in what is learnt of them, and in registers in what follows them */
};
enum flow machine_step(struct machine *m, enum track track);
/* Takes a way out of a conditional jump that was just stepped; `track` as there. False when the way is not possible. */
[[nodiscard]] bool machine_assume(struct machine *m, bool track, bool taken);
/* False when the conditional jump that was just stepped is not looked at: both ways are taken with the state as it is. */
bool machine_narrows(const struct machine *m, bool track);
/* Before a way that is taken back by machine_restore(). */
struct machine_masks {
    uint64_t masks;
    uint32_t pc;
};
void machine_save(struct machine *m, struct machine_masks *saved);
void machine_restore(struct machine *m, const struct machine_masks *saved);

static inline bool in_mask(uint32_t mask, uint32_t r) { return (mask >> r & 1) != 0; }
/* Eight bytes of numbers. */
static inline void slot_set_plain(struct slot *slot) {
    slot->written = 255;
    slot->spill_bytes = slot->zeros = 0;
}
/* Writes out what is known of a loose number, so that step.h may look at it. */
void machine_settle(struct machine *m, uint32_t r);
/* The register is a number, no more. */
void machine_loosen(struct machine *m, uint32_t r, bool narrow);
/* The register is not set. */
void machine_unset(struct machine *m, uint32_t r);
/* By how much the instruction moves dst; false when that is not known, or when 32 bits may wrap around. Looks at what dst was before. */
[[nodiscard]] bool machine_moves_by(struct machine *m, struct bpf_insn insn, struct distance *by);
/* Makes the masks say what the register or the stack holds. */
void machine_note(struct machine *m, uint32_t r);
void machine_note_slots(struct machine *m);

/* ---- rank.c ---- */
void rank_forget(struct machine *m, uint32_t regs);
void rank_forget_slots(struct machine *m, uint64_t slots);
void rank_move(struct machine *m, uint32_t dst, uint32_t src);
void rank_add(struct machine *m, uint32_t dst, struct distance by);
void rank_store(struct machine *m, uint32_t slot, uint32_t src);
void rank_load(struct machine *m, uint32_t dst, uint32_t slot);
/* The value in this place may have moved by so much more: loop.c. */
void rank_spread(struct machine *m, uint32_t place, struct distance by);
/* After ranks were changed from outside. */
void rank_note(struct machine *m);
/* Begins to follow this place for the loop at `head`; false when there are too many. */
[[nodiscard]] bool rank_begin(struct machine *m, uint32_t head, uint8_t index, uint32_t place);
/* Nothing is followed any more by these, a bit each. */
void rank_drop(struct machine *m, uint32_t dropped);
struct rank *rank_of(struct machine *m, uint32_t head, uint8_t index);
/* How far the followed value in this place has moved, or null when it is not in this place. */
const struct distance *rank_distance(const struct rank *rank, uint32_t place);
