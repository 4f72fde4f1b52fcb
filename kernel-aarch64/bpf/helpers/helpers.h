#pragma once
/* The functions that modules call (abi/helpers.ts), as C functions with the calling convention of eBPF. */

#include "bpf/interp/interp.h"
#include "gen/abi_helpers.h"

/* By helper_place(); null where there is no such helper. */
extern const bpf_helper_function helper_functions[HELPER_PLACES];
