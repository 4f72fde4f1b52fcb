#pragma once
/* In WebAssembly one core runs, and the host says which one it is. */

#include <stdint.h>

#define MAX_CORES 8u

uint32_t core_id(void);
uint32_t cores_up(void);
