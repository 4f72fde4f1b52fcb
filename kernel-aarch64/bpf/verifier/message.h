#pragma once
/* Registers as text. */

#include "bpf/verifier/state.h"

/* "packet+14", "[0,255]"; cut to size_bytes - 1 and NUL-terminated. */
void reg_describe(const struct reg *r, char *out, uint32_t size_bytes);
