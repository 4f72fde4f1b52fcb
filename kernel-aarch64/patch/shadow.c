#include "patch/shadow.h"
#include "lib/mem.h"
#include "patch/call.h"
#include "patch/modules.h"

static struct shadow shadows[MAX_CORES]; /* used by that core's dispatcher only */

constexpr uint32_t CONTEXT_BYTES = 32;
static_assert(sizeof(struct timer_context) == CONTEXT_BYTES && sizeof(struct packet_context) == CONTEXT_BYTES && sizeof(struct uart_line_context) == CONTEXT_BYTES);
static_assert(CONTEXT_BYTES <= sizeof(shadows[0].context));

static bool copy_frame(struct shadow *shadow) {
    struct packet_context *packet = (struct packet_context *)shadow->context;
    const uint64_t bytes = packet->data_end - packet->data;
    if (bytes > SHADOW_FRAME_BYTES) { return false; }
    memcpy(shadow->frame, (const void *)packet->data, bytes);
    shadow->frame_bytes = (uint32_t)bytes;
    packet->data = (uint64_t)shadow->frame;
    packet->data_end = packet->data + bytes;
    return true;
}

static bool copy_input(struct shadow *shadow, enum hook_id hook, const void *context) {
    shadow->frame_bytes = 0;
    memcpy(shadow->context, context, CONTEXT_BYTES);
    return hook == HOOK_TIMER || copy_frame(shadow);
}

struct shadow *shadow_run(struct version *canary, const void *context, uint32_t core, struct fault *fault) {
    struct shadow *shadow = &shadows[core];
    struct version *predecessor = __atomic_load_n(&canary->previous, __ATOMIC_RELAXED);
    shadow->ran = false;
    if (predecessor == nullptr || !copy_input(shadow, canary->module->hook, context)) { return shadow; }
    uint64_t took;
    if (version_call(predecessor, shadow->context, core, fault, &took) != STATUS_OK) {
        canary->watch.shadow = false; /* once is enough */
        (void)module_take_back(predecessor, STATUS_MODULE_FAULT, fault);
        return shadow;
    }
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
