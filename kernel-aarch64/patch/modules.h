#pragma once
/* The table of modules and the slots of each hook. A slot is one pointer: the dispatcher loads it once per call, and
 * whoever changes it does so by compare-and-swap and waits for nobody; a swap masks no interrupt.
 *
 * The table belongs to core 0 outside interrupts. Other cores and interrupts only take running versions back or promote
 * them. A version is freed by modules_poll() alone, on core 0 outside interrupts and after a grace period: so a pointer
 * that core 0 has read there stays valid until it polls, and one read in an interrupt until that returns. */

#include "patch/version.h"
#include "smp/guard.h"

/* Single runs have no slot. */
#define MODULES_LIMIT (SLOTS_PER_HOOK * (HOOK_ID_LIMIT - 2))
#define BASELINE_SAMPLES 8u

struct baseline_sample {
    uint32_t version;
    uint64_t calls;
    uint64_t cycles;
};

struct module {
    char name[NAME_BYTES + 1];
    bool in_use;
    uint32_t id; /* from 1; of no other module since start-up */
    enum hook_id hook;
    uint32_t slot;
    uint32_t newest; /* number of the newest version it ever had */
    struct baseline_sample samples[BASELINE_SAMPLES]; /* of the running version, a ring; core 0 only */
    uint32_t next_sample;
};

struct hook_slots {
    struct version *slot[SLOTS_PER_HOOK];
    uint64_t taken; /* bit per slot that may hold a version; core 0 writes it */
};

extern struct hook_slots hook_slots[HOOK_ID_LIMIT];

/* The version that runs in this module's slot; null when it was just taken out. */
struct version *module_running(const struct module *module);
/* Null when there is none of this name, or no i-th one. */
struct module *module_find(struct span name);
struct module *module_at(uint32_t i);
/* The version that runs at a place of the table, below MODULES_LIMIT; null when there is none. */
struct version *module_in(uint32_t place);

/* STATUS_SLOTS_FULL when a new module would find no slot in this hook. */
[[nodiscard]] enum status module_has_room(enum hook_id hook);

/* Puts a version into the slot of its module in the place of `predecessor`, which stays resident. For a new module both
 * are null, and module_has_room() must have said so. STATUS_BUSY: the predecessor was thrown out since it was looked up;
 * nothing was changed. Core 0, outside interrupts, without modules_poll() since the look-up. */
[[nodiscard]] enum status module_apply(enum hook_id hook, struct version *version, struct module *module,
                                       struct version *predecessor);

/* Throws out a running version: its predecessor takes over, or the slot becomes empty. Keeps evidence, adds events.
 * Returns false when it was not running any more: then only a fault is told. Any core, any context; `fault` may be null. */
bool module_take_back(struct version *version, enum status reason, const struct fault *fault);

/* Ends the watch over a canary in its favour. Any core, any context. */
void module_promote(struct version *version);

/* Takes a module and all its versions out. STATUS_BAD_STATE when it went away meanwhile. Core 0. */
[[nodiscard]] enum status module_remove(struct module *module);

/* Frees what was thrown out and is no longer in use by any core. True when it freed something. Core 0, main loop. */
bool modules_poll(void);
