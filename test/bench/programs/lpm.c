/* Longest-prefix match of eight IPv4 addresses in a binary trie. */
#include "program.h"

enum { NODES = 128, ADDRESSES_AT = NODES * sizeof(uint64_t), ADDRESSES = 8, OUTPUT_AT = ADDRESSES_AT + 4 * ADDRESSES };

struct node {
    uint16_t child[2]; /* index of a node; 0 when there is none */
    uint32_t value;    /* 0 when no prefix ends here */
};

static inline uint32_t look_up(const struct node *nodes, uint32_t address) {
    uint32_t best = 0;
    uint32_t at = 0;
    for (uint32_t depth = 0; depth < 24; depth++) {
        const struct node *node = &nodes[at];
        if (node->value != 0) { best = node->value; }
        at = node->child[address >> 31] & (NODES - 1);
        if (at == 0) { break; }
        address <<= 1;
    }
    return best;
}

PROGRAM(lpm) {
    const uint32_t *addresses = (const uint32_t *)(memory + ADDRESSES_AT);
    uint32_t *output = (uint32_t *)(memory + OUTPUT_AT);
    uint32_t all = 0;
    for (uint32_t i = 0; i < ADDRESSES; i++) {
        output[i] = look_up((const struct node *)memory, addresses[i]);
        all = all * 31 + output[i];
    }
    return all;
}
