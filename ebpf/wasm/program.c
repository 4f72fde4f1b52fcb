#include "host.h"
#include "platform.h"

struct host host;

/* Lets go of the maps; call it before their memory is used for something else. */
void EXPORT(host_release)(void) {
    for (uint32_t i = 0; i < MAX_MAPS_PER_PROGRAM; i++) {
        if (host.maps[i] != nullptr) { map_release(host.maps[i]); }
        host.maps[i] = nullptr;
    }
}

/* A program without maps yet, for the board. */
void EXPORT(host_program)(const struct bpf_insn *insns, uint32_t count, uint32_t hook, uint32_t memory_size) {
    host.program = (struct bpf_program){
        .insns = insns,
        .count = count,
        .hook = (enum hook_id)hook,
        .maps = host.shapes,
        .memory_size = memory_size,
    };
}

/* The program is for Linux: its hook is a program type. */
void EXPORT(host_linux)(bool may_sleep, uint32_t catches, uint32_t context_end, bool silent) {
    host.program.silent = silent;
    host.program.parts = host.parts;
    host.program.context_end = context_end;
    host.program.may_sleep = may_sleep;
    host.program.catches = (enum catches)catches;
    host.program.platform = &platform_linux;
    host.program.fields = host.fields;
    host.program.contents = host.contents;
    host.program.globals = host.globals;
}

/* Word `at` of the context hands this over. */
void EXPORT(host_handed)(uint32_t at, uint32_t handed) {
    if (at < HANDED_WORDS) { host.program.handed[at] = (enum bpf_handed)handed; }
}

/* This is known of a place in objects of a kind. There is room for HOST_PARTS of them. */
void EXPORT(host_part)(uint32_t object, uint32_t kind, uint32_t to, uint32_t offset, uint32_t end) {
    if (host.program.part_count == HOST_PARTS) { return; }
    host.parts[host.program.part_count++] = (struct bpf_part){(uint8_t)object, (uint8_t)to, (enum bpf_part_kind)kind, offset, end};
}

/* In the values of map i these bytes are the kernel's; from OWN_TYPE_FIRST on, in objects of a type of the program's own. There is
 * room for HOST_MAP_FIELDS of them. */
void EXPORT(host_map_field)(uint32_t i, uint32_t offset, uint32_t bytes, uint32_t kind, uint32_t holds, uint32_t node) {
    if ((i >= host.program.map_count && i < OWN_TYPE_FIRST) || host.program.field_count == HOST_MAP_FIELDS) { return; }
    host.fields[host.program.field_count++] =
        (struct bpf_map_field){offset, bytes, (uint8_t)i, (enum bpf_field_kind)kind, (uint8_t)holds, node};
}

/* The only value of map i holds these bytes for good: as many as a value has. */
void EXPORT(host_map_contents)(uint32_t i, const uint8_t *contents) {
    if (i < host.program.map_count) { host.contents[i] = contents; }
}

/* The function at slot `start` is judged by itself. There is room for HOST_GLOBALS of them. */
void EXPORT(host_global)(uint32_t start) {
    if (host.program.global_count < HOST_GLOBALS) { host.globals[host.program.global_count++] = (struct bpf_global){.start = start}; }
}

/* The next argument of the newest of them, five at most. */
void EXPORT(host_global_argument)(uint32_t takes, uint32_t bytes) {
    struct bpf_global *global = &host.globals[host.program.global_count - 1];
    global->arguments[global->argument_count].takes = (enum bpf_takes)takes;
    global->arguments[global->argument_count++].bytes = bytes;
}

/* A byte for each slot of the program: bits of enum bpf_note. */
void EXPORT(host_notes)(const uint8_t *notes) { host.program.notes = notes; }

/* Map i holds maps like map `inner`. */
void EXPORT(host_inner_map)(uint32_t i, uint32_t inner) {
    if (i < host.program.map_count) { host.shapes[i].inner = inner + 1; }
}

/* The next map of the program; returns its index, or MAX_MAPS_PER_PROGRAM when there are too many. */
uint32_t EXPORT(host_map)(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t max_entries,
                          uint32_t flags) {
    const uint32_t i = host.program.map_count;
    if (i >= MAX_MAPS_PER_PROGRAM) { return MAX_MAPS_PER_PROGRAM; }
    host.shapes[i] = (struct bpf_map_shape){
        .type = type,
        .key_size = key_size,
        .value_size = value_size,
        .max_entries = max_entries,
        .flags = flags,
    };
    host.contents[i] = nullptr;
    host.program.map_count = i + 1;
    return i;
}

/* Slots that the facts and the tables of this build hold. */
uint32_t EXPORT(host_program_limit)(void) { return MAX_PROGRAM_INSNS; }
