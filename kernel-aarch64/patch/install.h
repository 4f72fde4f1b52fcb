#pragma once
/* Admission of a signed patch. Core 0, outside interrupts. */

#include <stdint.h>

#define BOARD_CLASS "aarch64"

/* Highest sequence number accepted since start-up. It is not kept over a reset: what was signed before
 * it is told by its boot id (patch/boot_id.h). */
uint64_t install_sequence(void);
