#pragma once
/* One version of a module: compiled code, the maps it holds, its counters, and what is known of it. */

#include "bpf/jit/jit.h"
#include "bpf/maps/map.h"
#include "lib/sha2.h"
#include "mm/code.h"
#include "patch/watch.h"
#include "smp/core.h"
#include "smp/guard.h"
#include "telemetry/counters.h"
#include "telemetry/running.h"

struct version {
    /* Hot: read by the dispatcher of every core on each call. */
    struct counters *counters[MAX_CORES]; /* first, so that one load finds a core's */
    jit_function entry;
    uint32_t cores;   /* mask of cores it runs on */
    uint32_t watched; /* 1 while it is a canary */
    struct running running;
    /* Cold. */
    struct module *module;
    struct version *previous; /* resident predecessor; null when none. Whoever exchanges it for null owns it */
    uint32_t thrown;          /* 1 while somebody is throwing this version out */
    struct version *next_retired;
    struct watch watch;
    struct code_area code;
    uint32_t words;         /* A64 words that the compiler wrote */
    uint32_t insns;         /* eBPF slots */
    uint32_t *word_of_insn; /* insns + 1 entries, for bpf_jit_slot() */
    uint64_t bound;
    uint8_t sha[SHA256_BYTES]; /* program hash, abi/patch.ts */
    uint32_t proof;
    bool shadow_safe; /* holds no map that it could write: running it twice changes nothing */
    struct bpf_map *maps[MAX_MAPS_PER_PROGRAM];
    uint32_t map_count;
    char name[NAME_BYTES + 1];
};

/* Memory for a version, counters cleared, nothing compiled. STATUS_POOL_FULL. Core 0, outside interrupts. */
[[nodiscard]] enum status version_make(struct span name, uint32_t insns, struct version **out);

/* Gives back code, maps and memory; no core may be using it. Null is allowed. Core 0, outside interrupts. */
void version_free(struct version *version);

/* The eBPF slot whose code was running at `pc`, or was left by the call whose return address is `link`, the register x30;
 * EVIDENCE_NO_INSN when neither lies in it. */
[[nodiscard]] uint32_t version_insn_of(const struct version *version, uint64_t pc, uint64_t link);

void version_totals(const struct version *version, struct counters_total *out);
