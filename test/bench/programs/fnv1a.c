/* FNV-1a, 32 bits wide, of 256 bytes. */
#include "program.h"

PROGRAM(fnv1a) {
    uint32_t hash = 2166136261u;
    for (uint32_t i = 0; i < 256; i++) { hash = (hash ^ memory[i]) * 16777619u; }
    return hash;
}
