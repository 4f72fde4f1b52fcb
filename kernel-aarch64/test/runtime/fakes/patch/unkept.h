#pragma once
/* Natively every function keeps what its caller needs. */

#include <stdint.h>

static inline uint64_t call_unkept(uint64_t (*fn)(uint64_t, uint64_t), uint64_t a, uint64_t b) { return fn(a, b); }
