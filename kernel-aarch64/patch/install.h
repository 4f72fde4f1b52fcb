#pragma once
/* Admission of a signed patch. Core 0, outside interrupts. */

#include <stdint.h>

#define BOARD_CLASS "aarch64"

/* Highest sequence number accepted since start-up. It is not kept over a reset: a board that forgets its modules starts
 * its numbering over, too. */
uint64_t install_sequence(void);
