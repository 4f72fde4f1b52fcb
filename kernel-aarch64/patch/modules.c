#include "patch/modules.h"
#include "lib/mem.h"
#include "patch/report.h"
#include "patch/runaway.h"
#include "patch/text.h"

/* Long enough for the longest module call on every core; a core that takes longer is asked again at the next poll. */
constexpr uint32_t GRACE_TIMEOUT_US = 10000;

struct hook_slots hook_slots[HOOK_ID_LIMIT];

static struct module modules[MODULES_LIMIT]; /* core 0 only, outside interrupts */
static struct version *retired;              /* a stack: any core pushes, modules_poll() takes all of it */

static struct version **slot_of(const struct module *module) { return &hook_slots[module->hook].slot[module->slot]; }

/* Puts `next` in if `expected` is still there. The release makes what was written to `next` visible before its address. */
static bool slot_replace(struct version **slot, struct version *expected, struct version *next) {
    return __atomic_compare_exchange_n(slot, &expected, next, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* The predecessor, which is the caller's alone from now on. */
static struct version *claim_previous(struct version *version) {
    return __atomic_exchange_n(&version->previous, nullptr, __ATOMIC_ACQ_REL);
}

static void retire(struct version *version) {
    struct version *top = __atomic_load_n(&retired, __ATOMIC_RELAXED);
    do {
        version->next_retired = top;
    } while (!__atomic_compare_exchange_n(&retired, &top, version, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

/* A version and all its predecessors. Null is allowed. */
static void retire_all(struct version *version) {
    while (version != nullptr) {
        struct version *previous = claim_previous(version);
        retire(version);
        version = previous;
    }
}

struct version *module_running(const struct module *module) {
    return module->in_use ? __atomic_load_n(slot_of(module), __ATOMIC_ACQUIRE) : nullptr;
}

static bool has_name(const struct module *module, struct span name) {
    return name.size <= NAME_BYTES && memcmp(module->name, name.data, name.size) == 0 && module->name[name.size] == '\0';
}

struct module *module_find(struct span name) {
    for (uint32_t i = 0; i < MODULES_LIMIT; i++) {
        if (module_running(&modules[i]) != nullptr && has_name(&modules[i], name)) { return &modules[i]; }
    }
    return nullptr;
}

struct version *module_in(uint32_t place) { return module_running(&modules[place]); }

struct module *module_at(uint32_t i) {
    for (uint32_t n = 0; n < MODULES_LIMIT; n++) {
        if (module_running(&modules[n]) == nullptr) { continue; }
        if (i-- == 0) { return &modules[n]; }
    }
    return nullptr;
}

static uint32_t free_slot(enum hook_id hook) {
    uint32_t slot = 0;
    while (slot < SLOTS_PER_HOOK && (hook_slots[hook].taken >> slot & 1) != 0) { slot++; }
    return slot;
}

enum status module_has_room(enum hook_id hook) {
    return free_slot(hook) < SLOTS_PER_HOOK ? STATUS_OK : STATUS_SLOTS_FULL;
}

/* There are as many places as slots, and each place in use holds a slot. */
static struct module *make_module(enum hook_id hook, const struct version *version) {
    static uint32_t made;
    struct module *module = modules;
    while (module->in_use) { module++; }
    *module = (struct module){.in_use = true, .id = ++made, .hook = hook, .slot = free_slot(hook)};
    memcpy(module->name, version->name, sizeof(module->name));
    return module;
}

static void set_taken(const struct module *module, bool taken) {
    struct hook_slots *hook = &hook_slots[module->hook];
    const uint64_t bit = 1ull << module->slot;
    __atomic_store_n(&hook->taken, taken ? hook->taken | bit : hook->taken & ~bit, __ATOMIC_RELEASE);
}

enum status module_apply(enum hook_id hook, struct version *version, struct module *module,
                         struct version *predecessor) {
    if (module == nullptr) { module = make_module(hook, version); }
    const bool canary = version->watched != 0;
    version->module = module;
    version->running.version = module->newest + 1;
    version->previous = predecessor;
    if (!slot_replace(slot_of(module), predecessor, version)) {
        version->previous = nullptr;
        return STATUS_BUSY;
    }
    module->newest += 1;
    set_taken(module, true);
    /* Two versions stay resident; while a canary is watched, three do. */
    if (predecessor != nullptr && !canary) { retire_all(claim_previous(predecessor)); }
    return STATUS_OK;
}

bool module_take_back(struct version *version, enum status reason, const struct fault *fault) {
    if (__atomic_exchange_n(&version->thrown, 1u, __ATOMIC_ACQUIRE) != 0) { return false; }
    struct version *predecessor = claim_previous(version);
    const bool ran = slot_replace(slot_of(version->module), version, predecessor);
    /* One that does not run any more, as something newer does, or nothing, may come back, but its predecessor may not. */
    retire_all(ran ? version : predecessor); /* freed after a grace period, which this core has not passed: safe to report from */
    if (fault != nullptr && fault->esr == RUNAWAY_ESR) { reason = STATUS_MODULE_RUNAWAY; }
    report_thrown_out(version, predecessor, ran, reason, fault);
    if (!ran) { __atomic_store_n(&version->thrown, 0u, __ATOMIC_RELEASE); }
    return ran;
}

void module_promote(struct version *version) {
    if (__atomic_exchange_n(&version->watched, 0u, __ATOMIC_ACQ_REL) == 0) { return; }
    if (module_running(version->module) != version) { return; } /* another core has just thrown it out */
    struct version *predecessor = __atomic_load_n(&version->previous, __ATOMIC_ACQUIRE);
    if (predecessor != nullptr) { retire_all(claim_previous(predecessor)); }
    report_promoted(version);
}

static void vacate(struct module *module) {
    set_taken(module, false);
    module->in_use = false;
}

enum status module_remove(struct module *module) {
    struct version *running = __atomic_exchange_n(slot_of(module), nullptr, __ATOMIC_ACQ_REL);
    vacate(module);
    if (running == nullptr) { return STATUS_BAD_STATE; }
    retire_all(running);
    report_removed(running);
    return STATUS_OK;
}

/* Gives back the places of modules whose slots a fault has emptied. */
static void vacate_empty(void) {
    for (uint32_t i = 0; i < MODULES_LIMIT; i++) {
        if (modules[i].in_use && module_running(&modules[i]) == nullptr) { vacate(&modules[i]); }
    }
}

static void free_all(struct version *list) {
    while (list != nullptr) {
        struct version *next = list->next_retired;
        version_free(list);
        list = next;
    }
}

static void retire_again(struct version *list) {
    while (list != nullptr) {
        struct version *next = list->next_retired;
        retire(list);
        list = next;
    }
}

bool modules_poll(void) {
    if (__atomic_load_n(&retired, __ATOMIC_RELAXED) == nullptr) { return false; }
    vacate_empty();
    struct version *list = __atomic_exchange_n(&retired, nullptr, __ATOMIC_ACQUIRE);
    if (quiescent_wait(GRACE_TIMEOUT_US) != STATUS_OK) {
        retire_again(list);
        return false;
    }
    free_all(list);
    return true;
}
