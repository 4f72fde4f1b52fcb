#pragma once
/* Programs from a file, of each u32 slots, u16 bytes of memory, u16 hook, and the slots; they may use the maps of the_world(). */

#include "bpf/program.h"

struct given {
    const struct bpf_insn *insns;
    uint32_t count, memory_size;
    enum hook_id hook; /* run or packet, whose frames have at least the bytes of memory where they are longer than nothing */
};

/* Ends this program with a message when the file can't be read or holds something else, or more than so many slots or bytes. */
void given_open(const char *path, uint32_t most_slots, uint32_t most_memory);
/* How many there are; 0 when no file was opened. */
uint32_t given_count(void);
struct given given_at(uint32_t number);
