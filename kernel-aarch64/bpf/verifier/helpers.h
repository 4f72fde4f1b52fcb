#pragma once
/* Prototypes of the helpers and layouts of the contexts, as the verifier uses them. */

#include "gen/abi_helpers.h"
#include "gen/abi_hooks.h"
#include <stdint.h>

struct helper_prototype {
    bool exists;
    uint8_t returns; /* enum helper_return */
    uint8_t arguments[5]; /* enum helper_argument */
};

extern const struct helper_prototype helper_prototypes[HELPER_ID_LIMIT];

struct context_field {
    uint8_t hook;
    uint8_t offset, bytes;
    uint8_t holds; /* enum context_holds */
    bool writable;
};

/* The field of this hook's context that starts at `offset`, or null. */
const struct context_field *context_field_at(uint32_t hook, uint32_t offset);
uint32_t context_bytes(uint32_t hook);
/* Arguments that the helper reads; 0 when it does not exist. */
uint32_t helper_argument_count(uint32_t id);
