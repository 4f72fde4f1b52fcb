#pragma once
/* A slow periodic interrupt of one core by its physical timer (Arm ARM D11), beside the tick, which has the virtual one. */

#include "gen/abi_status.h"
#include <stdint.h>

/* STATUS_NOT_SUPPORTED: the tree names no such interrupt. Core 0, once. */
[[nodiscard]] enum status alarm_init(uint32_t period_ms, void (*handler)(void));

/* On the core that is to be interrupted, by core_call(). The handler runs in interrupt context. */
void alarm_start_here(void *);
void alarm_stop_here(void *);
