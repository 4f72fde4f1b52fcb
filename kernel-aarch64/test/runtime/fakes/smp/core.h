#pragma once
#include "gen/abi_status.h"
#include <stdint.h>
#define MAX_CORES 8u
extern _Thread_local uint32_t fake_core;
static inline uint32_t core_id(void) { return fake_core; }
uint32_t cores_up(void);
[[nodiscard]] enum status quiescent_wait(uint32_t timeout_us);
[[nodiscard]] enum status cores_fetch_anew(uint32_t timeout_us);
