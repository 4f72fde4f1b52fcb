/* What comes before anything is trusted: a policy block, an update's header page, a signed command. The first byte says
 * which. The policy knows no key, so no signature holds. */
#include "check.h"
#include "drivers/clock.h"
#include "patch/boot_id.h"
#include "patch/command.h"
#include "trust/manifest.h"

const uint8_t velocity_policy[POLICY_BYTES] = {6, 0, 0xa2, 1, 0, 2, 0x80};
uint64_t clock_ns(void) { return 1; }
const uint8_t *boot_id(void) {
    static const uint8_t id[BOOT_ID_BYTES];
    return id;
}

static void read_policy(struct span input) {
    static struct policy policy;
    const enum status status = policy_decode(input, &policy);
    MUST(status == STATUS_OK || status == STATUS_NO_KEY || status == STATUS_BAD_POLICY);
    MUST(status == STATUS_OK || (policy.count == 0 && policy.open == 0));
    MUST((policy.open & DOOR_KEYS) == 0 && policy.count <= POLICY_KEYS);
    for (uint32_t i = 0; i < policy.count; i++) {
        MUST(policy.keys[i].public_key >= input.data && policy.keys[i].public_key + 32 <= input.data + input.size);
        MUST(policy.keys[i].swaps <= SWAPS_LIMIT);
        (void)policy_allows_name(policy.keys[i].modules, SPAN("fir"));
        (void)policy_allows_helper(&policy.keys[i], 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct refusal refusal = {};
    struct image_manifest manifest;
    struct command command;
    if (size == 0) { return 0; }
    const struct span input = {data + 1, (uint32_t)size - 1};
    switch (data[0] % 3) {
    case 0: read_policy(input); break;
    case 1: MUST(manifest_open(input, &manifest, &refusal) != STATUS_OK); break;
    default: MUST(command_open(input, &command, &refusal) != STATUS_OK); break;
    }
    return 0;
}
