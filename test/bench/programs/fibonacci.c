/* The n-th Fibonacci number, n being the first byte of the memory. */
#include "program.h"

PROGRAM(fibonacci) {
    uint32_t n = memory[0];
    if (n > 90) { n = 90; }
    uint64_t current = 0;
    uint64_t next = 1;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t sum = current + next;
        current = next;
        next = sum;
    }
    return (uint32_t)(current ^ current >> 32);
}
