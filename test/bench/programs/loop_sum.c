/* 1 + 2 + … + 1000, one addition at a time. */
#include "program.h"

PROGRAM(loop_sum) {
    uint64_t sum = memory[0];
    for (uint64_t i = 1; i <= 1000; i++) {
        sum += i;
        OPAQUE(sum);
    }
    return (uint32_t)sum;
}
