/* Puts 64 records into a ring of 64 whose consumer is behind; what finds no room is counted as lost. */
#include "program.h"

enum { SLOTS = 64, RECORDS = 64, RING_AT = 64, INPUT_AT = RING_AT + SLOTS * 8 };

struct ring {
    uint32_t head, tail, lost, unused;
    uint32_t first_head, first_tail; /* where each run starts */
};

PROGRAM(ring_producer) {
    struct ring *ring = (struct ring *)memory;
    uint64_t *slots = (uint64_t *)(memory + RING_AT);
    ring->head = ring->first_head;
    ring->tail = ring->first_tail;
    ring->lost = 0;
    for (uint32_t i = 0; i < RECORDS; i++) {
        uint32_t head = ring->head;
        if (head - ring->tail >= SLOTS) {
            ring->lost++;
            continue;
        }
        slots[head % SLOTS] = (uint64_t)head << 32 | ((const uint32_t *)(memory + INPUT_AT))[i];
        ring->head = head + 1;
    }
    return ring->head ^ ring->lost;
}
