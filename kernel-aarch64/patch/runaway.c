#include "patch/runaway.h"
#include "drivers/alarm.h"
#include "drivers/board.h"
#include "drivers/clock.h"
#include "drivers/watchdog.h"
#include "mm/layout.h"
#include "patch/modules.h"
#include "smp/crash_write.h"
#include "telemetry/story.h"
#include "update/update.h"
#include <stddef.h>

/* A second is some hundred times what all modules of a hook may take on the slowest board. */
constexpr uint32_t LOOK_MS = 250;
constexpr uint32_t LOOKS = 4;
/* Far above the longest single run that the hook of single runs allows, interpreted. */
constexpr uint32_t LOOKS_AT_LOOP = 240;
constexpr uint32_t BRK = 0xd4200000u | RUNAWAY_BRK << 5;

/* Of the core that is looked at; written by the one that looks. */
static struct look {
    uint32_t sequence;
    uint32_t unchanged;
    uint32_t points;
    uint32_t points_unchanged;
    bool stopped; /* its module's code is gone already */
} looks[MAX_CORES];

static bool available;
static enum : uint8_t { NOT_YET, RESTING, WATCHING } state;
static uint64_t next_look_ns;

/* Whoever waits for this core waits for good: nothing is freed that it runs in. */
static bool stop_module(uint32_t core) {
    const struct running *running = __atomic_load_n(&running_module[core], __ATOMIC_ACQUIRE);
    if (!guard_is_active(core) || running == nullptr) { return false; }
    const struct version *version = (const struct version *)((const uint8_t *)running - offsetof(struct version, running));
    if (version->module == nullptr || version->code.size_bytes == 0) { return false; }
    code_withdraw(&version->code, BRK);
    return true;
}

[[noreturn]] static void give_up(uint32_t core, const char *what) {
    if (crash_claim()) {
        const struct fault unknown = {.elr = (uintptr_t)__image_start}; /* no core can read the registers of another */
        struct crash_story story;
        crash_story_tell(&story, core, &unknown);
        crash_write(what, build_id(), core, &unknown, &story);
    }
    board_reset();
}

/* An interrupt that lasts: the sequence is odd within one, and changes with each. */
static void look_at(uint32_t core) {
    struct look *look = &looks[core];
    const uint32_t sequence = core_sequence(core);
    if (sequence % 2 == 0 || sequence != look->sequence) {
        look->sequence = sequence;
        look->unchanged = 0;
        look->stopped = false;
        return;
    }
    if (++look->unchanged < LOOKS) { return; }
    look->unchanged = 0;
    if (look->stopped || !stop_module(core)) { give_up(core, "core hangs"); }
    look->stopped = true;
}

static void look_at_loop(void) {
    struct look *look = &looks[0];
    uint32_t points;
    const bool idle = core_is_idle(0, &points);
    if (idle || points != look->points) {
        look->points = points;
        look->points_unchanged = 0;
    } else if (++look->points_unchanged >= LOOKS_AT_LOOP) {
        give_up(0, "main loop hangs");
    }
}

/* On core 1. When neither core looks any more, the watchdog of the SoC starves. */
static void on_alarm(void) {
    look_at(0);
    look_at_loop();
    watchdog_feed();
}

static void watch(void *) {
    watchdog_feed();
    alarm_start_here(nullptr);
}

static void rest(void *) {
    alarm_stop_here(nullptr);
    watchdog_stop();
}

enum status runaway_init(void) {
    const enum status status = cores_up() > 1 ? alarm_init(LOOK_MS, on_alarm) : STATUS_NOT_SUPPORTED;
    available = status == STATUS_OK;
    return status;
}

static bool is_needed(void) {
    uint64_t taken = 0;
    for (uint32_t hook = 0; hook < HOOK_ID_LIMIT; hook++) { taken |= hook_slots[hook].taken; }
    return taken != 0 || update_confirm_in_s() != 0;
}

void runaway_poll(void) {
    const bool needed = available && is_needed();
    const typeof(state) wanted = needed ? WATCHING : RESTING;
    if (wanted != state && core_call(available ? 1 : 0, needed ? watch : rest, nullptr) == STATUS_OK) {
        state = wanted;
        next_look_ns = 0;
    }
    if (!needed || clock_ns() < next_look_ns) { return; }
    next_look_ns = clock_ns() + LOOK_MS * 1'000'000ull;
    for (uint32_t core = 1; core < cores_up(); core++) { look_at(core); }
}
