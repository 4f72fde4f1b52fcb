#pragma once
#include "lib/pmu.h"
static inline uint64_t cycles_at_start(void) { return cycles(); }
