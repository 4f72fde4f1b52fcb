#include "patch/modules.h"
#include "lib/mem.h"
#include "patch/report.h"
#include "patch/text.h"

/* Long enough for the longest module call on every core; a core that takes longer is asked again at the next poll. */
constexpr uint32_t GRACE_TIMEOUT_US = 10000;

struct hook_slots hook_slots[HOOK_ID_LIMIT];

/* Guards this table, the slots, every `previous` and the retired list. */
static struct spinlock lock;
static struct module modules[MODULES_LIMIT];
static struct version *retired;

static struct version **slot_of(const struct module *module) { return &hook_slots[module->hook].slot[module->slot]; }

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

struct module *module_at(uint32_t i) {
    for (uint32_t n = 0; n < MODULES_LIMIT; n++) {
        if (module_running(&modules[n]) == nullptr) { continue; }
        if (i-- == 0) { return &modules[n]; }
    }
    return nullptr;
}

static uint32_t free_slot(enum hook_id hook) {
    uint32_t slot = 0;
    while (slot < SLOTS_PER_HOOK && (hook_slots[hook].taken & 1u << slot) != 0) { slot++; }
    return slot;
}

enum status module_has_room(enum hook_id hook) {
    return free_slot(hook) < SLOTS_PER_HOOK ? STATUS_OK : STATUS_SLOTS_FULL;
}

/* The release makes everything that was written to the version visible before its address is. */
static void set_slot_locked(const struct module *module, struct version *version) {
    struct hook_slots *hook = &hook_slots[module->hook];
    const uint32_t bit = 1u << module->slot;
    __atomic_store_n(slot_of(module), version, __ATOMIC_RELEASE);
    __atomic_store_n(&hook->taken, version != nullptr ? hook->taken | bit : hook->taken & ~bit, __ATOMIC_RELEASE);
}

static void retire_locked(struct version *version) {
    if (version == nullptr) { return; }
    version->next_retired = retired;
    retired = version;
}

/* There are as many places as slots, and each place in use holds a slot. Only core 0 takes places and slots, outside
 * interrupts; other cores and interrupts only give them back: no lock. */
static struct module *make_module(enum hook_id hook, const struct version *version) {
    struct module *module = modules;
    while (module->in_use) { module++; }
    *module = (struct module){.in_use = true, .hook = hook, .slot = free_slot(hook)};
    memcpy(module->name, version->name, sizeof(module->name));
    return module;
}

void module_apply(enum hook_id hook, struct version *version) {
    struct module *module = module_find(span_of(version->name));
    if (module == nullptr) { module = make_module(hook, version); }
    version->module = module;
    version->running.version = ++module->newest;
    const uint64_t flags = spin_lock(&lock);
    struct version *predecessor = __atomic_load_n(slot_of(module), __ATOMIC_RELAXED);
    module->in_use = true; /* a fault may have emptied it since it was found */
    version->previous = predecessor;
    if (predecessor != nullptr && version->watched == 0) {
        /* Two versions stay resident; while a canary is watched, three do. */
        retire_locked(predecessor->previous);
        predecessor->previous = nullptr;
    }
    set_slot_locked(module, version);
    spin_unlock(&lock, flags);
}

bool module_take_back(struct version *version, enum status reason, const struct fault *fault) {
    struct module *module = version->module;
    const uint64_t flags = spin_lock(&lock);
    if (module_running(module) != version) {
        spin_unlock(&lock, flags);
        return false;
    }
    struct version *predecessor = version->previous;
    set_slot_locked(module, predecessor);
    if (predecessor == nullptr) { module->in_use = false; }
    version->previous = nullptr;
    /* On the list only now, and freed only by core 0 outside interrupts after a grace period: safe to report from. */
    retire_locked(version);
    spin_unlock(&lock, flags);
    report_taken_back(version, predecessor, reason, fault);
    return true;
}

void module_promote(struct version *version) {
    const uint64_t flags = spin_lock(&lock);
    const bool running = module_running(version->module) == version && version->watched != 0;
    if (running) {
        __atomic_store_n(&version->watched, 0u, __ATOMIC_RELAXED);
        struct version *predecessor = version->previous;
        if (predecessor != nullptr) {
            retire_locked(predecessor->previous);
            predecessor->previous = nullptr;
        }
    }
    spin_unlock(&lock, flags);
    if (running) { report_promoted(version); }
}

enum status module_remove(struct module *module) {
    const uint64_t flags = spin_lock(&lock);
    struct version *running = module_running(module);
    if (running == nullptr) {
        spin_unlock(&lock, flags);
        return STATUS_BAD_STATE;
    }
    set_slot_locked(module, nullptr);
    module->in_use = false;
    for (struct version *version = running; version != nullptr; version = version->previous) { retire_locked(version); }
    spin_unlock(&lock, flags);
    report_removed(running);
    return STATUS_OK;
}

static struct version *take_retired(void) {
    const uint64_t flags = spin_lock(&lock);
    struct version *list = retired;
    retired = nullptr;
    spin_unlock(&lock, flags);
    return list;
}

static void retire_again(struct version *list) {
    const uint64_t flags = spin_lock(&lock);
    while (list != nullptr) {
        struct version *next = list->next_retired;
        retire_locked(list);
        list = next;
    }
    spin_unlock(&lock, flags);
}

bool modules_poll(void) {
    if (__atomic_load_n(&retired, __ATOMIC_RELAXED) == nullptr) { return false; }
    struct version *list = take_retired();
    if (quiescent_wait(GRACE_TIMEOUT_US) != STATUS_OK) {
        retire_again(list);
        return false;
    }
    while (list != nullptr) {
        struct version *next = list->next_retired;
        version_free(list);
        list = next;
    }
    return true;
}
