#pragma once
/* What word_of_insn holds of an instruction in a loop whose turns were compiled one after the other: beside its first word in
 * the first turn (bits 15..0), how many words it has in each of the others. */

#include <stdint.h>

#define COPIED_WORD 0xffffu
#define COPIED_SHIFT(turn) (12u + 4u * (turn)) /* turns 1 to 3: bits 19..16, 23..20, 27..24 */
#define COPIED_TURNS_SHIFT 28                  /* bits 29..28: how many those are; 0: no such loop */
#define COPIED_HEAD (1u << 30)                 /* first instruction of the loop */

static inline uint32_t copied_turns(uint32_t entry) { return entry >> COPIED_TURNS_SHIFT & 3u; }
static inline uint32_t copied_words(uint32_t entry, uint32_t turn) { return entry >> COPIED_SHIFT(turn) & 15u; }

static inline void note_copied(uint32_t *entry, uint32_t turn, uint32_t first, uint32_t words) {
    if (turn == 0) {
        *entry = first & COPIED_WORD;
    } else {
        *entry |= (words < 15 ? words : 15u) << COPIED_SHIFT(turn);
    }
}

static inline uint32_t finished_entry(uint32_t entry, uint32_t turns) { return entry | (turns - 1) << COPIED_TURNS_SHIFT; }
