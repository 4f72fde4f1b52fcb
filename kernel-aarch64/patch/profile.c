#include "patch/profile.h"
#include "drivers/clock.h"
#include "drivers/timer.h"
#include "gen/abi_profile.h"
#include "gen/abi_trace.h"
#include "lib/barrier.h"
#include "lib/sysreg.h"
#include "mm/code.h"
#include "mm/layout.h"
#include "patch/dispatch.h"
#include "patch/modules.h"
#include "patch/service.h"
#include "telemetry/evidence.h"
#include "telemetry/story.h"

constexpr uint32_t RING = 64; /* samples a core; power of two */
constexpr uint64_t SPSR_IRQ_MASKED = 1 << 7;
constexpr uint64_t TIMER_ENABLED = 1; /* CNTV_CTL_EL0 */
constexpr uint64_t TIMER_FIRED = 4;
static_assert(SAMPLE_NO_INSN == EVIDENCE_NO_INSN);

uint32_t profile_every;

/* Written by its own core, which fills the ring; core 0 empties it. */
static struct sampler {
    uint32_t written;
    uint32_t read; /* by core 0 */
    uint32_t lost;
    uint32_t lost_told; /* as of the last time that somebody read; by core 0 */
    uint32_t chance;         /* state of the generator */
    uint64_t longest_count;  /* slowest call so far, in counts of the timer: the window that a moment is picked from */
    bool open;               /* a call is under way that waits for its sample */
    bool taken;              /* `at` holds where it was */
    struct interrupt_frame at;
    struct profile_sample ring[RING];
} __attribute__((aligned(64))) samplers[MAX_CORES];

/* xorshift32 (Marsaglia 2003); below `limit`. */
static uint32_t random_below(struct sampler *sampler, uint32_t limit) {
    uint32_t x = sampler->chance != 0 ? sampler->chance : 0x9e3779b9u + core_id();
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    sampler->chance = x;
    return x % limit;
}

static void profile_end(void) {
    __atomic_store_n(&dispatch_probe, nullptr, __ATOMIC_RELAXED);
    profile_every = 0;
}

/* A place in the ring, null when it is full. What was written counts once `written` says so. */
static struct profile_sample *place_for(struct sampler *sampler) {
    if (sampler->written - __atomic_load_n(&sampler->read, __ATOMIC_ACQUIRE) == RING) {
        if (sampler->lost++ - sampler->lost_told >= PROBE_UNREAD_LIMIT) { profile_end(); }
        return nullptr;
    }
    struct profile_sample *place = &sampler->ring[sampler->written % RING];
    *place = (struct profile_sample){.core = core_id(), .insn = SAMPLE_NO_INSN};
    return place;
}

static void publish(struct sampler *sampler) {
    __atomic_store_n(&sampler->written, sampler->written + 1, __ATOMIC_RELEASE);
}

static void take_kernel(struct sampler *sampler, const struct interrupt_frame *frame) {
    struct profile_sample *place = place_for(sampler);
    if (place == nullptr) { return; }
    uint64_t frames[SAMPLE_FRAMES] = {frame->elr - (uintptr_t)__image_start};
    (void)story_frames(core_id(), frame->x29, frames + 1, SAMPLE_FRAMES - 1);
    for (uint32_t i = 0; i < SAMPLE_FRAMES; i++) { place->frames[i] = (uint32_t)frames[i]; }
    publish(sampler);
}

bool profile_interrupted(struct interrupt_frame *frame) {
    struct sampler *sampler = &samplers[core_id()];
    if (!sampler->open) {
        if (random_below(sampler, profile_every) == 0 && !code_contains(frame->elr)) { take_kernel(sampler, frame); }
        return false;
    }
    /* Another interrupt may have waited already: that moment is not by chance. */
    sampler->taken = (READ_SYSREG(cntv_ctl_el0) & TIMER_FIRED) != 0;
    sampler->at = *frame;
    sampler->open = false;
    frame->spsr |= SPSR_IRQ_MASKED;
    return true;
}

static void take_module(struct sampler *sampler, const struct version *version, uint64_t window_count) {
    struct profile_sample *place = place_for(sampler);
    if (place == nullptr) { return; }
    const struct interrupt_frame *at = &sampler->at;
    const uint64_t weight_ns = clock_ns_of(window_count) * profile_every;
    place->weight_ns = weight_ns > UINT32_MAX ? UINT32_MAX : (uint32_t)weight_ns;
    place->module = version->module->id;
    place->version = version->running.version;
    place->insn = version_insn_of(version, at->elr, at->x30);
    if (!code_contains(at->elr)) { place->frames[0] = (uint32_t)(at->elr - (uintptr_t)__image_start); }
    publish(sampler);
}

/* As dispatch_call(), sampled by chance. Not for canaries, which are judged by what they take. */
static enum status profile_call(struct version *version, void *context, uint32_t core) {
    struct sampler *sampler = &samplers[core];
    if (version->watched != 0 || random_below(sampler, profile_every) != 0) { return dispatch_call(version, context, core); }
    const uint64_t deadline = READ_SYSREG(cntv_cval_el0);
    const uint64_t control = READ_SYSREG(cntv_ctl_el0);
    const uint64_t window = sampler->longest_count + sampler->longest_count / 4 + 4;
    const uint64_t start = clock_count();
    WRITE_SYSREG(cntv_cval_el0, start + random_below(sampler, (uint32_t)window));
    WRITE_SYSREG(cntv_ctl_el0, TIMER_ENABLED);
    sampler->taken = false;
    sampler->open = true;
    barrier_isb();
    __asm__ volatile("msr daifclr, #2" ::: "memory");
    const enum status status = dispatch_call(version, context, core);
    __asm__ volatile("msr daifset, #2" ::: "memory");
    sampler->open = false;
    const uint64_t took = clock_count() - start;
    WRITE_SYSREG(cntv_cval_el0, deadline);
    WRITE_SYSREG(cntv_ctl_el0, control);
    barrier_isb();
    if (took > sampler->longest_count && took < UINT32_MAX / 2) { sampler->longest_count = took; }
    if (sampler->taken && status == STATUS_OK) { take_module(sampler, version, window); }
    return status;
}

static uint32_t read_samples(struct profile_sample *out, uint32_t limit) {
    uint32_t count = 0;
    for (uint32_t core = 0; core < MAX_CORES; core++) {
        struct sampler *sampler = &samplers[core];
        while (count < limit && sampler->read != __atomic_load_n(&sampler->written, __ATOMIC_ACQUIRE)) {
            out[count++] = sampler->ring[sampler->read % RING];
            __atomic_store_n(&sampler->read, sampler->read + 1, __ATOMIC_RELEASE);
        }
    }
    return count;
}

static enum status profile_begin(uint32_t every, struct refusal *refusal) {
    if (dispatch_probe != nullptr && dispatch_probe != profile_call) {
        return REFUSE(refusal, STATUS_BUSY, "runs are being recorded");
    }
    profile_every = every;
    __atomic_store_n(&dispatch_probe, profile_call, __ATOMIC_RELEASE);
    return STATUS_OK;
}

enum status handle_profile(const struct msg_profile_request *request, struct msg_profile_response *response,
                           struct refusal *refusal) {
    static struct profile_sample samples[REPORT_BYTES / sizeof(struct profile_sample)];
    if (request->has_every && request->every != 0) {
        const enum status status = profile_begin(request->every, refusal);
        if (status != STATUS_OK) { return status; }
    } else if (request->has_every && profile_every != 0) {
        profile_end();
    }
    const uint32_t count = read_samples(samples, sizeof samples / sizeof samples[0]);
    *response = (struct msg_profile_response){
        .every = profile_every,
        .time_ns = clock_ns(),
        .data = {(const uint8_t *)samples, count * (uint32_t)sizeof samples[0]},
    };
    for (uint32_t core = 0; core < MAX_CORES; core++) { 
        struct sampler *sampler = &samplers[core];
        sampler->lost_told = sampler->lost;
        response->lost += sampler->lost_told;
    }
    return STATUS_OK;
}
