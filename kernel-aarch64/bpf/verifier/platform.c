/* Hooks and helpers of the board as tables, from the generated contract. */

#include "bpf/verifier/platform.h"
#include "gen/abi_patch.h"

#define WRITES_MAP(id) ((id) == HELPER_MAP_UPDATE_ELEM || (id) == HELPER_MAP_DELETE_ELEM)

#define PROTOTYPE(name, id, returns, maps, a1, a2, a3, a4, a5) \
    [HELPER_PLACE(id)] = {true, returns, {a1, a2, a3, a4, a5}, OBJECT_NONE, WRITES_MAP(id) ? HELPER_WRITES_MAP : 0, 0, maps},
static const struct helper_prototype helpers[HELPER_PLACES] = {HELPER_TABLE(PROTOTYPE)};

enum hook_name { ID_timer = HOOK_TIMER, ID_packet = HOOK_PACKET, ID_run = HOOK_RUN, ID_uart_line = HOOK_UART_LINE };

#define FIELD(hook, name, offset, bytes, holds, writable) \
    {ID_##hook, offset, bytes, holds, OBJECT_NONE, bytes, (writable) ? bytes : 0},
static const struct context_field fields[] = {CONTEXT_TABLE(FIELD)};

#define TYPE(name, id, budget, bytes) [id] = {bytes, TYPE_EXISTS | TYPE_PACKET_WRITE | ((id) == HOOK_RUN ? TYPE_MEMORY : (id) == HOOK_PACKET ? TYPE_LEGACY_LOADS : 0), 0, 0},
static const struct program_type types[HOOK_ID_LIMIT] = {HOOK_TABLE(TYPE)};

const struct bpf_platform platform_velocity = {
    .helpers = helpers,
    .fields = fields,
    .types = types,
    .helper_limit = HELPER_PLACES,
    .field_count = sizeof(fields) / sizeof(fields[0]),
    .type_limit = HOOK_ID_LIMIT,
    .insn_limit = BOARD_PROGRAM_INSNS,
    .map_limit = BOARD_PROGRAM_MAPS,
    .vectors = true,
};

const struct context_field *context_field_at(const struct bpf_platform *platform, uint32_t owner, uint32_t at, uint32_t bytes) {
    for (uint32_t i = 0; i < platform->field_count; i++) {
        const struct context_field *field = &platform->fields[i];
        if (field->owner == owner && at >= field->offset && at + bytes <= (uint32_t)field->offset + field->bytes) { return field; }
    }
    return nullptr;
}

uint32_t helper_argument_count(const struct bpf_platform *platform, uint32_t id) {
    if (platform_has_vector(platform, id)) { return vector_argument_count(id); }
    const struct helper_prototype *prototype = platform_helper(platform, id);
    uint32_t count = 0;
    while (prototype != nullptr && count < 5 && prototype->arguments[count] != ARG_NONE) { count++; }
    return count;
}
