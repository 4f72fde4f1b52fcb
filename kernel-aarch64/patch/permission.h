#pragma once
/* What the policy lets the signer of a patch do. The bound is checked once it is proven (patch/install.c). */

#include "patch/payload.h"
#include "trust/keys.h"

/* STATUS_MODULE_FORBIDDEN, STATUS_HOOK_FORBIDDEN, STATUS_CORES_FORBIDDEN, STATUS_PROOF_POLICY, STATUS_HELPER_FORBIDDEN,
 * STATUS_RATE_LIMITED; what keys_check_period() says. */
[[nodiscard]] enum status check_permission(const struct patch *patch, const struct signer *signer, struct refusal *refusal);
