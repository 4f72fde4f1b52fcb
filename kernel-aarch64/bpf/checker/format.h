#pragma once
/* What a certificate says. It follows the checker's one pass over the program, and says what the checker cannot know by
 * itself: at which instructions a value matters, which states to go on with where ways meet, and what ends each loop.
 *
 *   certificate  version event*
 *   event        number: kind in the low three bits; above them, how many instructions after the last event
 *
 * The pass begins at slot 0. It steps instructions until a way ends or comes to a place where a state waits; a jump leaves
 * its state waiting at its target. Then it goes on at the next slot, upward, where a state waits. Where a way ends
 * with a change, though not of ranks, to a slot where no state waits, and EVENT_LOOP comes at once, it goes on there. */

#include <stdint.h>

enum { CERTIFICATE_VERSION = 3 };

enum event : uint8_t {
    EVENT_TRACK,  /* the next instruction keeps what is known of the number that it makes or compares; a copy, or what is kept on the stack, is one of its own */
    EVENT_JUMP,   /* change: of the state that waits at the target of the next instruction's jump */
    EVENT_FALL,   /* change: states meet before the next instruction, and this is the one to go on with */
    EVENT_LOOP,   /* place, step, trip, besides: the next instruction is the head of a loop */
    EVENT_ORDER,  /* slot: goes on there, not at the next slot where a state waits */
    EVENT_LINK,   /* as EVENT_TRACK, and what is learnt later of a number or its copy, in a register or kept, holds of both; a copy in a
                   * register is followed like it, as what is kept is in any case */
    EVENT_NONE = 7,
};

/* A change says how the state that goes on differs from the one that comes in: a number with a bit for each part that follows,
 * in the order they stand in here. It can only say less than what comes in. */
enum change_part : uint16_t {
    CHANGE_UNSET = 1 << 1,  /* registers that are no longer set, a bit each */
    CHANGE_LOOSE = 1 << 2,  /* registers that are any number */
    CHANGE_WIDE = 1 << 3,   /* loose numbers whose upper half may not be zero */
    CHANGE_UNUSED = 1 << 4, /* slots that are not written */
    CHANGE_PLAIN = 1 << 5,  /* slots of eight bytes of any numbers */
    CHANGE_REGS = 1 << 6,   /* registers, then each of them */
    CHANGE_SLOTS = 1 << 7,  /* slots, then each of them: bytes written, bytes that are 0, first byte and bytes kept, and the register kept */
    CHANGE_RANKS = 1 << 0,  /* of each rank that any place follows: registers, slots that follow it still, and the distances of each */
    CHANGE_NEW = 1 << 8,    /* nothing follows: one more state waits there, whatever waits there already or has been there before */
    CHANGE_ALL = (1 << 9) - 1,
};

/* A register: its kind; if a pointer, map, frame, offset, range, and whether its id is none, the one it had, or a new one;
 * then its number: parts that are known, and each of them. */
enum kept_id : uint8_t { ID_NONE, ID_SAME, ID_NEW };
enum number_part : uint8_t {
    PART_CONST = 1 << 0,    /* value, and nothing else */
    PART_BITS = 1 << 1,     /* value, mask */
    PART_UNSIGNED = 1 << 2, /* least, and how far up the range goes */
    PART_SIGNED = 1 << 3,
    PART_UNSIGNED_32 = 1 << 4,
    PART_SIGNED_32 = 1 << 5,
    PART_ALL = (1 << 6) - 1,
};

/* The place that a loop is ranked by, or what moves beside it: a register, or PLACE_SLOT + a slot. */
enum { PLACE_SLOT = 16, PLACES = PLACE_SLOT + 64 };

/* What moves beside: as long as the place has PLACE_MORE, one more place and by how much a turn moves it, least and most. */
enum { PLACE_MORE = 128 };
