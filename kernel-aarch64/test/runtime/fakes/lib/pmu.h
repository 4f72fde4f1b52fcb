#pragma once
#include <stdint.h>
extern uint64_t fake_cycles;
static inline uint64_t cycles(void) { return fake_cycles; }
