/* Calls between cores and waits for them, on this machine: one thread is each core in turn, and whoever waits lets the test say
 * what the others do meanwhile. Prints "ok NAME" or "not ok NAME" for each check. */
#include "lib/barrier.h"
#include "lib/deadline.h"
#include "lib/irqflags.h"
#include "lib/sysreg.h"
#include "mm/map.h"
#include "smp/crash_write.h"
#include "smp/start.h"
#include <stdio.h>

#define WAIT_US 1000u
#define CALLS 8u

static uint32_t here, masked, sent[MAX_CORES], told, told_args[2 * CALLS];
static uint64_t now, sent_to;
static void (*meanwhile)(void), (*asleep)(void);

uint32_t core_id(void) { return here; }
uint64_t sysreg_cntvct_el0(void) { return ++now; }
uint64_t irq_save(void) { return masked++; }
void irq_restore(uint64_t flags) { masked = (uint32_t)flags; }
static void on(uint32_t core, void (*what)(void)) {
    const uint32_t before = here;
    here = core;
    what();
    here = before;
}

void cpu_relax(void) {
    if (meanwhile != nullptr) { meanwhile(); }
}
void wait_for_interrupt(void) {
    if (asleep != nullptr) { on(0, asleep); } /* whoever sleeps here, core 0 waits for it */
}

static void send(uint64_t affinity, uint32_t core) {
    sent[core]++;
    sent_to = affinity;
}

static void tell(void *arg) { told_args[told++] = 16 * here + (uint32_t)(uintptr_t)arg; }

static enum status call(uint32_t core, uintptr_t arg) { return core_call(core, tell, (void *)arg); }

static bool calls_run_on_their_core_in_order_and_once(void) {
    bool good = call(0, 1) == STATUS_OK && told == 1 && told_args[0] == 1 && sent[0] == 0;
    good = good && call(2, 1) == STATUS_OK && call(2, 2) == STATUS_OK && told == 1 && sent[2] == 2 && sent_to == 22;
    good = good && call(3, 1) == STATUS_INVALID_ARGUMENT && call(UINT32_MAX, 1) == STATUS_INVALID_ARGUMENT;
    on(1, core_run_calls);
    good = good && told == 1;
    on(2, core_run_calls);
    on(2, core_run_calls);
    good = good && told == 3 && told_args[1] == 33 && told_args[2] == 34 && masked == 0;
    told = 0;
    return good;
}

static bool a_full_queue_refuses_until_its_core_took_the_calls(void) {
    bool good = true;
    for (uint32_t i = 0; i < CALLS; i++) { good = good && call(1, i) == STATUS_OK; }
    const uint32_t before = sent[1];
    good = good && call(1, CALLS) == STATUS_BUSY && sent[1] == before && call(2, 0) == STATUS_OK;
    good = good && cores_fetch_anew(WAIT_US) == STATUS_BUSY;
    on(1, core_run_calls);
    on(2, core_run_calls);
    for (uint32_t i = 0; i < CALLS; i++) { good = good && told_args[i] == 16 + i; }
    good = good && told == CALLS + 1 && call(1, 0) == STATUS_OK;
    on(1, core_run_calls);
    told = 0;
    return good;
}

uint8_t __image_start[CRASH_RECORD_OFFSET + sizeof(struct crash_record)] __attribute__((aligned(4096)));
void cache_clean(const volatile void *, uint64_t) {}

static bool first_to_crash;
static void crash_on_it(void) { first_to_crash = crash_claim(); }

static bool the_core_that_crashes_first_tells_why_and_others_give_it_time(void) {
    on(2, crash_on_it);
    bool good = first_to_crash;
    uint64_t before = now;
    on(1, crash_on_it); /* 100 ms for a dead transmitter, and three lines of text */
    good = good && !first_to_crash && now > before + 300'000 && now < before + 2'000'000;
    before = now;
    on(2, crash_on_it); /* in telling why */
    return good && !first_to_crash && now < before + 10;
}

static enum status waited; /* by core 0 */
static void wait_for_all(void) { waited = quiescent_wait(WAIT_US); }

/* Core 0 waits while core 2 sleeps, and core 1 does this each time that core 0 looks. */
static void (*core_1_does)(void);
static void core_1(void) {
    if (core_1_does != nullptr) { on(1, core_1_does); }
}
static enum status wait_while(void (*what)(void)) {
    core_1_does = what;
    meanwhile = core_1;
    asleep = wait_for_all;
    on(2, core_idle);
    meanwhile = nullptr;
    asleep = nullptr;
    return waited;
}

static void pass_in_an_interrupt(void) {
    core_irq_enter();
    core_irq_leave();
}

static void leave_and_come_again(void) {
    core_irq_leave();
    core_irq_enter();
}

static void core_1_and_2_pass(void) {
    on(1, quiescent_point);
    on(2, quiescent_point);
}

static bool waiting_ends_when_each_core_passed_a_point_or_sleeps(void) {
    uint32_t before, after;
    (void)core_is_idle(0, &before);
    bool good = wait_while(quiescent_point) == STATUS_OK;
    good = good && !core_is_idle(0, &after) && after == before + 1 && !core_is_idle(2, &after);
    good = good && wait_while(nullptr) == STATUS_TIMEOUT; /* what it passed before does not count */
    good = good && wait_while(pass_in_an_interrupt) == STATUS_TIMEOUT; /* what was interrupted goes on */
    meanwhile = core_1_and_2_pass;
    on(1, wait_for_all); /* for core 0, too */
    meanwhile = nullptr;
    good = good && waited == STATUS_TIMEOUT;
    return good;
}

static bool waiting_ends_when_each_core_left_its_interrupt(void) {
    on(1, core_irq_enter);
    bool good = core_sequence(1) % 2 == 1 && wait_while(quiescent_point) == STATUS_TIMEOUT;
    good = good && wait_while(leave_and_come_again) == STATUS_TIMEOUT;
    on(1, core_irq_leave);
    good = good && core_sequence(1) % 2 == 0 && wait_while(quiescent_point) == STATUS_OK;
    on(2, core_irq_enter); /* while it sleeps */
    good = good && wait_while(quiescent_point) == STATUS_TIMEOUT;
    on(2, core_irq_leave);
    return good && wait_while(quiescent_point) == STATUS_OK;
}

static void leave_for_another(void) {
    static bool left;
    if (!left) { leave_and_come_again(); }
    left = true;
    quiescent_point();
}

static bool another_interrupt_is_not_the_one_that_was_waited_for(void) {
    on(1, core_irq_enter);
    const bool good = wait_while(leave_for_another) == STATUS_OK;
    on(1, core_irq_leave);
    return good;
}

static void take_calls_on_all(void) {
    on(1, core_run_calls);
    on(2, core_run_calls);
}
static void take_calls_on_one(void) { on(1, core_run_calls); }
static void take_calls_on_two(void) { on(2, core_run_calls); }

static bool every_core_takes_an_exception_for_new_code(void) {
    meanwhile = take_calls_on_all;
    bool good = cores_fetch_anew(WAIT_US) == STATUS_OK && cores_fetch_anew(WAIT_US) == STATUS_OK;
    meanwhile = take_calls_on_one;
    good = good && cores_fetch_anew(WAIT_US) == STATUS_TIMEOUT;
    on(2, core_run_calls); /* late, and for what was given up */
    good = good && cores_fetch_anew(WAIT_US) == STATUS_TIMEOUT;
    meanwhile = take_calls_on_two;
    good = good && cores_fetch_anew(WAIT_US) == STATUS_TIMEOUT;
    meanwhile = nullptr;
    take_calls_on_all();
    return good;
}

static bool waits_end_when_their_time_is_over(void) {
    const uint64_t start = now;
    (void)wait_while(nullptr);
    const bool good = now > start + WAIT_US && now < start + WAIT_US + 20;
    const uint64_t again = now;
    return good && cores_fetch_anew(WAIT_US) == STATUS_TIMEOUT && now > again + WAIT_US && now < again + WAIT_US + 20;
}

static bool a_frequency_that_the_tree_corrects_is_that_of_waits(void) {
    counter_hz_of_tree = 3'000'000;
    const uint64_t before = now;
    const bool good = deadline_in_us(WAIT_US) == before + 1 + 3 * WAIT_US;
    counter_hz_of_tree = 0;
    return good && deadline_in_us(WAIT_US) == before + 2 + WAIT_US;
}

static bool cores_that_came_up_are_counted_up_to_the_first_that_did_not(void) {
    cores_init(send);
    bool good = core_affinity[0] == 0x100 && core_affinity[1] == UINT64_MAX && core_affinity[7] == UINT64_MAX;
    good = good && cores_count() == 1 && cores_up() == 1;
    core_affinity[1] = 11, core_affinity[2] = 22;
    on(2, core_came_up);
    good = good && cores_count() == 1;
    on(1, core_came_up);
    good = good && cores_up() == 1 && cores_count() == 3 && cores_up() == 3;
    return good;
}

static bool as_many_cores_are_counted_as_there_may_be(void) {
    for (uint32_t core = 3; core < MAX_CORES; core++) { on(core, core_came_up); }
    return cores_count() == MAX_CORES && cores_up() == MAX_CORES;
}

#define CHECK(name) printf("%s " #name "\n", name() ? "ok" : "not ok")

int main(void) {
    CHECK(cores_that_came_up_are_counted_up_to_the_first_that_did_not);
    CHECK(calls_run_on_their_core_in_order_and_once);
    CHECK(a_full_queue_refuses_until_its_core_took_the_calls);
    CHECK(waiting_ends_when_each_core_passed_a_point_or_sleeps);
    CHECK(waiting_ends_when_each_core_left_its_interrupt);
    CHECK(another_interrupt_is_not_the_one_that_was_waited_for);
    CHECK(every_core_takes_an_exception_for_new_code);
    CHECK(waits_end_when_their_time_is_over);
    CHECK(a_frequency_that_the_tree_corrects_is_that_of_waits);
    CHECK(the_core_that_crashes_first_tells_why_and_others_give_it_time);
    CHECK(as_many_cores_are_counted_as_there_may_be);
    return 0;
}
