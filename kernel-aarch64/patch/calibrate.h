#pragma once
/* What measuring itself costs on this CPU, found out once with a function that does nothing. */

#include <stdint.h>

/* Cycles that a guarded, counted call reads for a callee of one instruction, less that one. Core 0, outside
 * interrupts, the first time; any core later. */
uint64_t call_overhead(void);

/* Runs fn(a, b) with nothing around it but two readings of the cycle counter; *took is net of them, so that under
 * QEMU's -icount it is the exact count of instructions that fn executed, its return included. */
uint64_t measured_call(uint64_t (*fn)(uint64_t, uint64_t), uint64_t a, uint64_t b, uint64_t *took);
