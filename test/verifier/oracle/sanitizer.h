#pragma once
/* Under the address sanitizer, what a program was not lent of the_world() may not be touched while it runs. */

#include "world.h"

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>

static inline void fence_world(uint32_t memory_size) {
    struct world *w = the_world();
    uint8_t *behind = w->memory + memory_size;
    ASAN_POISON_MEMORY_REGION(behind, (size_t)((uint8_t *)(w + 1) - behind));
    for (uint32_t i = 0; i < VALUE_MAPS * ENTRIES; i++) {
        uint32_t bytes = w->value_bytes[i / ENTRIES];
        ASAN_POISON_MEMORY_REGION(w->values[i / ENTRIES] + i % ENTRIES * VALUE_BYTES + bytes, VALUE_BYTES - bytes);
    }
}
static inline void unfence_world(void) { ASAN_UNPOISON_MEMORY_REGION(the_world(), sizeof(struct world)); }
#else
static inline void fence_world(uint32_t memory_size) { (void)memory_size; }
static inline void unfence_world(void) {}
#endif
