#include "telemetry/story.h"
#include "lib/mem.h"
#include "lib/print.h"
#include "mm/layout.h"
#include "telemetry/events.h"
#include "telemetry/running.h"

/* Frame records (AAPCS64 §6.4.6): the caller's x29, then the return address. Each lies above the one before it. */
uint32_t story_frames(uint32_t core, uint64_t frame, uint64_t *out_rel, uint32_t limit) {
    const uint64_t top = STACKS_VA + (core + 1) * STACK_STRIDE_BYTES;
    uint64_t lowest = top - STACK_BYTES;
    uint32_t count = 0;
    while (count < limit && frame >= lowest && frame <= top - 16 && frame % 16 == 0) {
        const uint64_t *record = (const uint64_t *)(uintptr_t)frame;
        if (record[1] == 0) { break; }
        out_rel[count++] = record[1] - (uintptr_t)__image_start;
        lowest = frame + 16;
        frame = record[0];
    }
    return count;
}

/* A function that calls nobody may have no record: x30 says where it came from, or else where it called last. */
static void walk(struct crash_story *out, uint32_t core, const struct fault *fault) {
    const uint64_t from = fault->x[30] - (uintptr_t)__image_start;
    const uint32_t first = from < (uint64_t)(__text_end - __image_start);
    if (first) { out->frames_rel[0] = from; }
    (void)story_frames(core, fault->x[29], out->frames_rel + first, CRASH_FRAMES - first);
}

static void add_event(struct crash_story *out, uint32_t *used, const struct event *event) {
    *used += format(out->log + *used, CRASH_LOG_BYTES - *used, "%lu.%03lu %s %s %u %u %s\n", event->time_ns / 1'000'000'000,
                    event->time_ns / 1'000'000 % 1000, event_kind_name(event->kind), event->name, event->version,
                    event->reason, event->text);
}

/* A line that does not fit whole is left out, with all that are older. */
static void tell_events(struct crash_story *out) {
    struct event event;
    uint32_t used = 0;
    for (uint64_t back = 0; event_latest(back, &event); back++) {
        const uint32_t before = used;
        add_event(out, &used, &event);
        if (used >= CRASH_LOG_BYTES - 1) {
            out->log[before] = '\0';
            return;
        }
    }
}

void crash_story_tell(struct crash_story *out, uint32_t core, const struct fault *fault) {
    *out = (struct crash_story){};
    const struct running *running = running_module[core];
    if (running != nullptr && running->name != nullptr) {
        (void)format(out->module, sizeof(out->module), "%s", running->name);
        out->module_version = running->version;
    }
    walk(out, core, fault);
    tell_events(out);
}
