/* Runs each program of the file on standard input on this machine, unoptimised, and writes result and memory of each to
 * standard output: what every other result is held against. */
#include <stdio.h>
#include "natives.h"

constexpr uint32_t MEMORY_BYTES = 4096;

static int run(const struct record *record) {
    static alignas(16) uint8_t memory[MEMORY_BYTES];
    const struct native *native = native_named(record->name);
    if (!native || record->memory_bytes > MEMORY_BYTES) { return 1; }
    for (uint32_t i = 0; i < record->slots; i++) {
        if (fread(memory, 8, 1, stdin) != 1) { return 1; } /* the eBPF code is not for us */
    }
    if (fread(memory, record->memory_bytes, 1, stdin) != 1) { return 1; }
    uint32_t result = native->fast(memory);
    fwrite(&result, sizeof(result), 1, stdout);
    fwrite(memory, record->memory_bytes, 1, stdout);
    return 0;
}

int main(void) {
    struct record record;
    while (fread(&record, sizeof(record), 1, stdin) == 1) {
        if (run(&record) != 0) {
            fprintf(stderr, "cannot run %.24s\n", record.name);
            return 1;
        }
    }
    return 0;
}
