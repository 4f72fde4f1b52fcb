/* How often a word of six letters occurs in a text of 512. */
#include "program.h"

enum { TEXT = 512, WORD = 6, WORD_AT = 512 };

PROGRAM(string_search) {
    const uint8_t *word = memory + WORD_AT;
    uint32_t found = 0;
    for (uint32_t i = 0; i <= TEXT - WORD; i++) {
        uint32_t same = 0;
        while (same < WORD && memory[i + same] == word[same]) { same++; }
        if (same == WORD) { found = found * 31 + i; }
    }
    return found;
}
