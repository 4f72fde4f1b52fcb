#pragma once
/* A signed command (abi/policy.ts): checked here, carried out by the link. */

#include "trust/keys.h"

struct command {
    struct signer signer;
    uint32_t group;
    uint32_t command;
    struct span payload; /* points into the message */
};

/* Checks signature, form, boot id and sequence number, and uses the number up: what follows happens at most once.
 * As keys_open(), keys_check_sequence(); STATUS_BAD_COMMAND, STATUS_WRONG_BOOT. Core 0, outside interrupts. */
[[nodiscard]] enum status command_open(struct span message, struct command *out, struct refusal *refusal);
