#include "patch/shadow.h"
#include "lib/mem.h"
#include "patch/call.h"
#include "patch/modules.h"

static struct shadow shadows[MAX_CORES]; /* used by that core's dispatcher only */

static_assert(sizeof(struct timer_context) <= sizeof(shadows[0].context));
static_assert(sizeof(struct packet_context) <= sizeof(shadows[0].context));

static bool copy_frame(struct shadow *shadow) {
    struct packet_context *packet = (struct packet_context *)shadow->context;
    if (packet->len > SHADOW_FRAME_BYTES) { return false; }
    memcpy(shadow->frame, (const void *)packet->data, packet->len);
    shadow->frame_bytes = packet->len;
    packet->data = (uint64_t)shadow->frame;
    packet->data_end = packet->data + packet->len;
    return true;
}

static bool copy_input(struct shadow *shadow, enum hook_id hook, const void *context) {
    shadow->frame_bytes = 0;
    memcpy(shadow->context, context, hook == HOOK_PACKET ? sizeof(struct packet_context) : sizeof(struct timer_context));
    return hook != HOOK_PACKET || copy_frame(shadow);
}

struct shadow *shadow_run(struct version *canary, const void *context, uint32_t core) {
    struct shadow *shadow = &shadows[core];
    struct version *predecessor = __atomic_load_n(&canary->previous, __ATOMIC_RELAXED);
    shadow->ran = false;
    if (predecessor == nullptr || !copy_input(shadow, canary->module->hook, context)) { return shadow; }
    uint64_t took;
    if (version_call(predecessor, shadow->context, core, nullptr, &took) != STATUS_OK) { return shadow; }
    shadow->ran = true;
    shadow->result = predecessor->counters[core]->last_result;
    __atomic_add_fetch(&canary->watch.base_calls, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&canary->watch.base_cycles, took, __ATOMIC_RELAXED);
    return shadow;
}

bool shadow_disagrees(const struct shadow *shadow, const void *context, uint64_t result) {
    if (!shadow->ran) { return false; }
    if (shadow->result != result) { return true; }
    const struct packet_context *packet = context;
    return memcmp(shadow->frame, (const void *)packet->data, shadow->frame_bytes) != 0;
}
