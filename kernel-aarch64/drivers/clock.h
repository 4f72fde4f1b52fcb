#pragma once
/* Time since the generic timer's counter started. Any core, any context. */

#include <stdint.h>

[[nodiscard]] uint64_t clock_hz(void);
[[nodiscard]] uint64_t clock_ns(void);
