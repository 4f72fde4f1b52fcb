#include "bpf/jit/copied.h"
#include "bpf/jit/jit.h"

static uint32_t first_word(const uint32_t *word_of_insn, uint32_t slot) { return word_of_insn[slot] & COPIED_WORD; }

/* A word behind the first turn of a loop that ends at slot `last`: the turns from the last one on, whose end is known. */
static uint32_t slot_in_turns(const uint32_t *word_of_insn, uint32_t last, uint32_t word) {
    uint32_t head = last, end = first_word(word_of_insn, last + 1);
    while (head > 0 && copied_turns(word_of_insn[head - 1])) { head--; }
    for (uint32_t turn = copied_turns(word_of_insn[last]); turn > 0; turn--) {
        uint32_t start = end;
        for (uint32_t slot = head; slot <= last; slot++) { start -= copied_words(word_of_insn[slot], turn); }
        for (uint32_t slot = head, at = start; word >= start && slot <= last; slot++) {
            at += copied_words(word_of_insn[slot], turn);
            if (word < at) { return slot; }
        }
        end = start;
    }
    return last;
}

uint32_t bpf_jit_slot(const uint32_t *word_of_insn, uint32_t count, uint32_t word) {
    uint32_t found = JIT_NO_SLOT;
    for (uint32_t slot = 0; slot < count; slot++) {
        if (first_word(word_of_insn, slot) <= word) { found = slot; }
    }
    if (found == JIT_NO_SLOT) { return found; }
    bool is_last = copied_turns(word_of_insn[found]) && !copied_turns(word_of_insn[found + 1]);
    return is_last ? slot_in_turns(word_of_insn, found, word) : found;
}
