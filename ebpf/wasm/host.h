#pragma once
/* What the host reaches the kernel's verifier, JIT and interpreter through. Addresses are WebAssembly's; single-threaded. */

#include "bpf/maps/map.h"
#include "bpf/program.h"
#include <stdint.h>

#define EXPORT(name) __attribute__((export_name(#name))) name
#define IMPORT(name) __attribute__((import_module("velocity"), import_name(#name)))

/* Fields in the values of all maps of a program, and in objects of its own types. */
#define HOST_MAP_FIELDS 1024u

/* Functions that a program may have (bpf/verifier/engine.h), and that are judged by themselves. */
#define HOST_GLOBALS 64u

/* What is known of places in objects. */
#define HOST_PARTS 64u

/* Everything of one call; the host sets it up with host_program() and host_map(). */
struct host {
    struct bpf_program program;
    struct bpf_map_shape shapes[MAX_MAPS_PER_PROGRAM];
    struct bpf_map *maps[MAX_MAPS_PER_PROGRAM];
    struct bpf_map_field fields[HOST_MAP_FIELDS];
    const uint8_t *contents[MAX_MAPS_PER_PROGRAM];
    struct bpf_global globals[HOST_GLOBALS];
    struct bpf_part parts[HOST_PARTS];
    uint32_t core;
};
extern struct host host;
