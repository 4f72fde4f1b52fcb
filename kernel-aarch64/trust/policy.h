#pragma once
/* The policy block of an image (abi/policy.ts), decoded. Pure. */

#include "gen/abi_policy.h"
#include "gen/abi_status.h"
#include "lib/span.h"
#include <stdint.h>

/* What is not limited has all bits set, or the largest value. Spans point into the block. */
struct policy_key {
    const uint8_t *public_key; /* 32 bytes */
    uint32_t roles;
    uint32_t doors;
    struct span modules; /* CBOR array of text; empty: any */
    uint32_t hooks;
    struct span helpers; /* CBOR array of uint; empty: any */
    struct span maps;    /* as modules */
    uint64_t budget;
    uint32_t cores;
    uint32_t swaps; /* within an hour; 0: any number */
    uint32_t proofs;
    uint32_t period_us; /* shortest */
};

struct policy {
    uint32_t open;
    uint32_t count;
    struct policy_key keys[POLICY_KEYS];
};

/* STATUS_NO_KEY: the block is empty. STATUS_BAD_POLICY: it is damaged; `out` is then one without keys and open doors. */
[[nodiscard]] enum status policy_decode(struct span block, struct policy *out);

/* `names`: the modules or maps of a key. */
[[nodiscard]] bool policy_allows_name(struct span names, struct span name);
[[nodiscard]] bool policy_allows_helper(const struct policy_key *key, uint32_t helper);
