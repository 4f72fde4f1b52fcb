#pragma once
/* What word_of_insn holds of an instruction in a loop whose turns were compiled one after the other: beside its first word in
 * the first turn (bits 15..0), how many words it has in each of the others. The slot behind the last of them has only its word. */

#include <stdint.h>

#define COPIED_WORD 0xffffu
#define COPIED_MOST 7u
#define COPIED_SHIFT(turn) (13u + 3u * (turn)) /* turns 1 to 4: bits 18..16, 21..19, 24..22, 27..25 */
#define COPIED_TURNS_SHIFT 28                  /* bits 30..28: how many those are; 0: no such loop */

static inline uint32_t copied_turns(uint32_t entry) { return entry >> COPIED_TURNS_SHIFT & 7u; }
static inline uint32_t copied_words(uint32_t entry, uint32_t turn) { return entry >> COPIED_SHIFT(turn) & COPIED_MOST; }

static inline void note_copied(uint32_t *entry, uint32_t turn, uint32_t first, uint32_t words) {
    if (turn == 0) {
        *entry = first & COPIED_WORD;
    } else {
        *entry |= (words < COPIED_MOST ? words : COPIED_MOST) << COPIED_SHIFT(turn);
    }
}

static inline uint32_t finished_entry(uint32_t entry, uint32_t turns) { return entry | (turns - 1) << COPIED_TURNS_SHIFT; }
