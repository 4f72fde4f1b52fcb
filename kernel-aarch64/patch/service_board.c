/* info, crash, timer, inject. */
#include "drivers/board.h"
#include "drivers/clock.h"
#include "drivers/tick.h"
#include "gen/abi_patch.h"
#include "lib/irqflags.h"
#include "lib/mem.h"
#include "lib/pmu.h"
#include "lib/refusal.h"
#include "patch/boot_id.h"
#include "lib/board_class.h"
#include "patch/service.h"
#include "patch/slots.h"
#include "patch/text.h"
#include "patch/timer_hook.h"
#include "smp/core.h"
#include "smp/crash.h"
#include "trust/keys.h"

enum status handle_info(struct msg_info_response *response, [[maybe_unused]] struct refusal *refusal) {
    static const uint8_t abi[8] = ABI_HASH;
    struct key_state key = {};
    (void)keys_at(0, &key); /* stays zero when there is none */
    static uint8_t key_id[KEY_ID_BYTES];
    memcpy(key_id, key.id, sizeof(key_id));
    *response = (struct msg_info_response){
        .version = SPAN(VELOCITY_VERSION),
        .build = span_of(build_id()),
        .board = span_of(board_model()),
        .board_class = SPAN(BOARD_CLASS),
        .abi = {abi, sizeof(abi)},
        .cores = cores_up(),
        .counter_hz = clock_hz(),
        .boot_insns = boot_cycles(),
        .image_bytes = image_bytes(),
        .features = board_features(),
        .key_id = {key_id, sizeof(key_id)},
        .sequence = keys_newest_sequence(),
        .boot = {boot_id(), BOOT_ID_BYTES},
        .entropy = boot_id_entropy(),
    };
    return STATUS_OK;
}

enum status handle_crash(struct msg_crash_response *response, [[maybe_unused]] struct refusal *refusal) {
    static struct crash_record record;
    if (!crash_read(&record)) { return STATUS_NO_ENTRY; }
    *response = (struct msg_crash_response){
        .reason = span_of(record.reason),
        .build = span_of(record.build),
        .core = record.core,
        .esr = record.esr,
        .far = record.far,
        .elr = record.elr_rel,
        .spsr = record.spsr,
        .regs = {(const uint8_t *)record.x, sizeof(record.x)},
        .frames = {(const uint8_t *)record.story.frames_rel, sizeof(record.story.frames_rel)},
        .module = span_of(record.story.module),
        .module_version = record.story.module_version,
        .log = span_of(record.story.log),
    };
    return STATUS_OK;
}

/* The counters are cleared when a period is given, so that a reading without one disturbs nothing. */
enum status handle_timer(const struct msg_timer_request *request, struct msg_timer_response *response,
                         struct refusal *refusal) {
    if (request->has_period_us) {
        enum status status = keys_check_period(nullptr, request->period_us, refusal);
        if (status != STATUS_OK) { return status; }
        status = timer_set_period(request->period_us);
        if (status != STATUS_OK) {
            return REFUSE(refusal, status, "period_us is %u..%u", TICK_PERIOD_MIN_US, TICK_PERIOD_MAX_US);
        }
        timer_stats_clear();
    }
    struct tick_stats stats;
    timer_stats_read(&stats);
    *response = (struct msg_timer_response){
        .period_us = timer_period_us,
        .ticks = stats.ticks,
        .missed = stats.missed,
        .longest_gap_ns = stats.longest_gap_ns,
    };
    return STATUS_OK;
}

enum status handle_inject(const struct msg_inject_request *request, struct msg_inject_response *response,
                          [[maybe_unused]] struct refusal *refusal) {
    constexpr uint32_t FRAME_BYTES = 2048; /* limit of the message */
    alignas(16) static uint8_t frame[FRAME_BYTES];
    if (request->data.size > FRAME_BYTES) { return STATUS_INVALID_ARGUMENT; }
    memcpy(frame, request->data.data, request->data.size);
    const uint64_t flags = irq_save();
    const uint64_t start = cycles();
    response->verdict = frame_dispatch(HOOK_PACKET, frame, request->data.size, request->data.size, 0);
    response->cycles = cycles() - start;
    irq_restore(flags);
    return STATUS_OK;
}
