/* Platforms that the host judges for, beside the board. */
#include "bpf/verifier/platform.h"
#include "gen/abi_patch.h"
#include "gen/platform_linux.h"

#include "platform.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

const struct bpf_platform platform_linux = {
    .helpers = linux_helpers,
    .fields = linux_fields,
    .types = linux_types,
    .helper_limit = COUNT(linux_helpers),
    .field_count = COUNT(linux_fields),
    .type_limit = COUNT(linux_types),
    .insn_limit = MAX_PROGRAM_INSNS,
    .map_limit = MAX_MAPS_PER_PROGRAM,
    .socket_map_writers = linux_socket_map_writers,
    .socket_map_deleters = linux_socket_map_deleters,
    .lock_owners = linux_lock_owners,
    .timer_owners = linux_timer_owners,
    .sleeping_maps = linux_sleeping_maps,
    .single_maps = linux_single_maps,
    .privileged = true,
};
