#include "smp/core.h"
#include "lib/barrier.h"
#include "lib/deadline.h"
#include "lib/irqflags.h"
#include "lib/sysreg.h"
#include "mm/layout.h"
#include "smp/start.h"

#define CALLS_MAX 8u

struct call {
    void (*fn)(void *);
    void *arg;
};

/* What the other cores look at, on a cache line of its own per core. */
struct core {
    uint32_t irq_sequence; /* odd while in interrupt context */
    uint32_t points;       /* quiescent points passed */
    bool idle;             /* in WFI outside of interrupts, holding nothing */
    bool up;
    uint32_t lock; /* protects calls and call_count; held with interrupts masked */
    uint32_t call_count;
    uint32_t round; /* newest that it was asked for by cores_fetch_anew() */
    struct call calls[CALLS_MAX];
    uint64_t idle_wakeups;
    uint64_t calls_run;
} __attribute__((aligned(64)));

static struct core cores[MAX_CORES];
static uint32_t others_up;
static void (*ipi_send)(uint64_t affinity, uint32_t core);

/* Read by secondary_entry in boot/head.S with the MMU off. Unused entries match no core. */
uint64_t core_affinity[MAX_CORES];

void cores_init(void (*send)(uint64_t affinity, uint32_t core)) {
    ipi_send = send;
    for (uint32_t i = 1; i < MAX_CORES; i++) { core_affinity[i] = UINT64_MAX; }
    core_affinity[0] = READ_SYSREG(mpidr_el1) & 0xff00ffffffull;
}

uint32_t cores_up(void) { return 1 + __atomic_load_n(&others_up, __ATOMIC_ACQUIRE); }

void core_came_up(void) { __atomic_store_n(&cores[core_id()].up, true, __ATOMIC_RELEASE); }

/* Ids stay dense: a core that did not come up ends the count. */
uint32_t cores_count(void) {
    uint32_t count = 1;
    while (count < MAX_CORES && __atomic_load_n(&cores[count].up, __ATOMIC_ACQUIRE)) { count++; }
    __atomic_store_n(&others_up, count - 1, __ATOMIC_RELEASE);
    return count;
}

static void lock_take(uint32_t *lock) {
    while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE)) { cpu_relax(); }
}

static void lock_give(uint32_t *lock) { __atomic_store_n(lock, 0, __ATOMIC_RELEASE); }

enum status core_call(uint32_t core, void (*fn)(void *), void *arg) {
    if (core >= cores_up()) { return STATUS_INVALID_ARGUMENT; }
    if (core == core_id()) {
        fn(arg);
        return STATUS_OK;
    }
    struct core *target = &cores[core];
    const uint64_t flags = irq_save();
    lock_take(&target->lock);
    const bool room = target->call_count < CALLS_MAX;
    if (room) { target->calls[target->call_count++] = (struct call){fn, arg}; }
    lock_give(&target->lock);
    irq_restore(flags);
    if (!room) { return STATUS_BUSY; }
    ipi_send(core_affinity[core], core);
    return STATUS_OK;
}

void core_run_calls(void) {
    struct core *self = &cores[core_id()];
    struct call taken[CALLS_MAX];
    lock_take(&self->lock); /* interrupts are masked: this runs in interrupt context */
    const uint32_t count = self->call_count;
    for (uint32_t i = 0; i < count; i++) { taken[i] = self->calls[i]; }
    self->call_count = 0;
    lock_give(&self->lock);
    for (uint32_t i = 0; i < count; i++) { taken[i].fn(taken[i].arg); }
    self->calls_run += count;
}

/* The barrier pairs with the one in quiescent_wait(): either this interrupt sees what was published before the wait, or
 * the waiter sees the odd sequence. */
void core_irq_enter(void) {
    struct core *self = &cores[core_id()];
    __atomic_store_n(&self->irq_sequence, self->irq_sequence + 1, __ATOMIC_RELAXED);
    barrier_dmb_ish();
}

void core_irq_leave(void) {
    struct core *self = &cores[core_id()];
    __atomic_store_n(&self->irq_sequence, self->irq_sequence + 1, __ATOMIC_RELEASE);
}

uint32_t core_irq_sequence(void) { return cores[core_id()].irq_sequence; }

uint32_t core_sequence(uint32_t core) { return __atomic_load_n(&cores[core].irq_sequence, __ATOMIC_ACQUIRE); }

bool core_is_idle(uint32_t core, uint32_t *points) {
    *points = __atomic_load_n(&cores[core].points, __ATOMIC_ACQUIRE);
    return __atomic_load_n(&cores[core].idle, __ATOMIC_ACQUIRE);
}

void core_idle(void) {
    struct core *self = &cores[core_id()];
    __atomic_store_n(&self->idle, true, __ATOMIC_RELEASE);
    wait_for_interrupt();
    __atomic_store_n(&self->idle, false, __ATOMIC_RELAXED);
    barrier_dmb_ish(); /* not idle before anything that follows is read */
    self->idle_wakeups++;
}

void quiescent_point(void) {
    struct core *self = &cores[core_id()];
    __atomic_store_n(&self->points, self->points + 1, __ATOMIC_RELEASE);
}

/* Passed: out of the interrupt it was in, if any, and idle or past a point since `before`. */
static bool passed(const struct core *core, const struct core *before) {
    const uint32_t sequence = __atomic_load_n(&core->irq_sequence, __ATOMIC_ACQUIRE);
    const bool out = before->irq_sequence % 2 == 0 || sequence != before->irq_sequence;
    const bool point = __atomic_load_n(&core->points, __ATOMIC_ACQUIRE) != before->points;
    return out && (point || __atomic_load_n(&core->idle, __ATOMIC_ACQUIRE));
}

enum status quiescent_wait(uint32_t timeout_us) {
    barrier_dmb_ish();
    const uint32_t self = core_id();
    const uint64_t deadline = deadline_in_us(timeout_us);
    const uint32_t count = cores_up();
    quiescent_point();
    for (uint32_t core = 0; core < count; core++) {
        if (core == self) { continue; }
        const struct core *other = &cores[core];
        const struct core before = {.irq_sequence = __atomic_load_n(&other->irq_sequence, __ATOMIC_ACQUIRE),
                                    .points = __atomic_load_n(&other->points, __ATOMIC_ACQUIRE)};
        while (!passed(other, &before)) {
            if (is_past(deadline)) { return STATUS_TIMEOUT; }
            cpu_relax();
        }
    }
    barrier_dmb_ish();
    return STATUS_OK;
}

/* In interrupt context: entering it, or leaving it, is what counts. */
static void note_round(void *round) {
    __atomic_store_n(&cores[core_id()].round, (uint32_t)(uintptr_t)round, __ATOMIC_RELEASE);
}

enum status cores_fetch_anew(uint32_t timeout_us) {
    static uint32_t round;
    const uint64_t deadline = deadline_in_us(timeout_us);
    const uint32_t count = cores_up();
    round++;
    for (uint32_t core = 1; core < count; core++) {
        const enum status status = core_call(core, note_round, (void *)(uintptr_t)round);
        if (status != STATUS_OK) { return status; }
    }
    for (uint32_t core = 1; core < count; core++) {
        while (__atomic_load_n(&cores[core].round, __ATOMIC_ACQUIRE) != round) {
            if (is_past(deadline)) { return STATUS_TIMEOUT; }
            cpu_relax();
        }
    }
    return STATUS_OK;
}

/* Above what is zero still, as boot/head.S left it: less by the words of the deepest frame that were zero. */
static uint32_t stack_used_bytes(uint32_t core) {
    const uint64_t end = STACKS_VA + (core + 1) * STACK_STRIDE_BYTES;
    uint64_t at = end - STACK_BYTES;
    while (at < end && *(const volatile uint64_t *)(uintptr_t)at == 0) { at += sizeof(uint64_t); }
    return (uint32_t)(end - at);
}

enum status core_stats_read(uint32_t core, struct core_stats *out) {
    if (core >= cores_up()) { return STATUS_INVALID_ARGUMENT; }
    *out = (struct core_stats){.idle_wakeups = cores[core].idle_wakeups, .calls = cores[core].calls_run};
    out->stack_size_bytes = STACK_BYTES;
    out->stack_used_bytes = stack_used_bytes(core);
    return STATUS_OK;
}
