#pragma once
/* Admission of a signed patch. Core 0, outside interrupts. */

#include "patch/payload.h"
#include "patch/version.h"
#include "patch/watch.h"

#define BOARD_CLASS "aarch64"

/* Highest sequence number accepted since start-up. It is not kept over a reset: a board that forgets its modules starts
 * its numbering over, too. */
uint64_t install_sequence(void);

/* The program hash of abi/patch.ts. */
void program_hash(const struct patch *patch, uint8_t digest[SHA256_BYTES]);
