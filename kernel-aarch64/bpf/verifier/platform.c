/* Hooks and helpers of the board as tables, from the generated contract. */

#include "bpf/verifier/helpers.h"

#define PROTOTYPE(name, id, returns, a1, a2, a3, a4, a5) [id] = {true, returns, {a1, a2, a3, a4, a5}},
const struct helper_prototype helper_prototypes[HELPER_ID_LIMIT] = {HELPER_TABLE(PROTOTYPE)};

enum hook_name { ID_timer = HOOK_TIMER, ID_packet = HOOK_PACKET, ID_run = HOOK_RUN };

#define FIELD(hook, name, offset, bytes, holds, writable) {ID_##hook, offset, bytes, holds, writable},
static const struct context_field fields[] = {CONTEXT_TABLE(FIELD)};

#define BYTES(name, id, budget, bytes) [id] = bytes,
static const uint32_t bytes_of_hook[HOOK_ID_LIMIT] = {HOOK_TABLE(BYTES)};

uint32_t context_bytes(uint32_t hook) { return hook < HOOK_ID_LIMIT ? bytes_of_hook[hook] : 0; }

const struct context_field *context_field_at(uint32_t hook, uint32_t offset) {
    for (uint32_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (fields[i].hook == hook && fields[i].offset == offset) { return &fields[i]; }
    }
    return nullptr;
}

uint32_t helper_argument_count(uint32_t id) {
    if (id >= HELPER_ID_LIMIT) { return 0; }
    uint32_t count = 0;
    while (count < 5 && helper_prototypes[id].arguments[count] != ARG_NONE) { count++; }
    return count;
}
