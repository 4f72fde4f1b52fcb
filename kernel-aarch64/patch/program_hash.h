#pragma once
/* The hash by which a patch names the version it replaces (abi/patch.ts, PROGRAM_HASH). Pure. */

#include "lib/sha2.h"
#include "patch/payload.h"

void program_hash(const struct patch *patch, uint8_t digest[SHA256_BYTES]);
