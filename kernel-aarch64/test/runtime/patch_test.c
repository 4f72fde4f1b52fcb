/* Admission, canaries and rollback: the code of patch/ with a fake verifier, compiler and signature. One file, because the
 * cases build on one board that is set up once. */
#include "admission.h"
#include "bpf/maps/map.h"
#include "drivers/tick.h"
#include "lib/cbor.h"
#include "lib/sha2.h"
#include "patch/boot_id.h"
#include "patch/modules.h"
#include "patch/payload.h"
#include "patch/runaway.h"
#include "patch/service.h"
#include "patch/shadow.h"
#include "patch/slots.h"
#include "patch/timer_hook.h"
#include "telemetry/events.h"
#include "telemetry/evidence.h"
#include "telemetry/stats.h"
#include "trust/keys.h"

/* What a test patch says; zeros are left out of the payload where the field is optional. */
struct recipe {
    const char *name;
    uint32_t hook;
    const char *board;
    uint32_t insns;
    uint8_t code; /* first byte of the code: different programs */
    const uint8_t *parent;
    uint64_t sequence;
    uint64_t bound;
    uint32_t cores;
    uint32_t period_us;
    const char *map;
    uint32_t map_entries;
    uint32_t map_flags;
    uint32_t maps; /* how many of it; 0: one */
};

static struct refusal refusal;
static uint64_t next_sequence = 1;

static void put_map(struct cbor_writer *out, const struct recipe *recipe) {
    const uint32_t fields[5] = {MAP_TYPE_ARRAY, 4, 8, recipe->map_entries, recipe->map_flags};
    const uint32_t maps = recipe->maps == 0 ? 1 : recipe->maps;
    cbor_put_array(out, maps);
    for (uint32_t map = 0; map < maps; map++) {
        cbor_put_map(out, 6);
        cbor_put_uint(out, 1);
        cbor_put_text(out, text(recipe->map));
        for (uint32_t i = 0; i < 5; i++) {
            cbor_put_uint(out, i + 2);
            cbor_put_uint(out, fields[i]);
        }
    }
}

static struct span payload_of(const struct recipe *recipe) {
    static uint8_t bytes[65536];
    static uint8_t code[40000];
    struct cbor_writer out = {.out = bytes, .capacity = sizeof(bytes)};
    code[0] = recipe->code;
    cbor_put_map(&out, 10 + (recipe->map != nullptr));
    cbor_put_uint(&out, 1), cbor_put_text(&out, text(recipe->name));
    cbor_put_uint(&out, 2), cbor_put_uint(&out, recipe->hook);
    cbor_put_uint(&out, 3), cbor_put_text(&out, text(recipe->board));
    cbor_put_uint(&out, 4), cbor_put_bytes(&out, (struct span){code, recipe->insns * 8});
    if (recipe->map != nullptr) { cbor_put_uint(&out, 5), put_map(&out, recipe); }
    cbor_put_uint(&out, 7), cbor_put_uint(&out, recipe->bound);
    cbor_put_uint(&out, 8), cbor_put_bytes(&out, (struct span){recipe->parent, recipe->parent ? 32 : 0});
    cbor_put_uint(&out, 9), cbor_put_uint(&out, recipe->sequence);
    cbor_put_uint(&out, 15), cbor_put_uint(&out, recipe->cores);
    cbor_put_uint(&out, 16), cbor_put_uint(&out, recipe->period_us);
    cbor_put_uint(&out, 17), cbor_put_bytes(&out, (struct span){boot_id(), BOOT_ID_BYTES});
    CHECK(!out.overflow);
    return (struct span){bytes, out.size};
}

static void stage(struct span bytes) {
    uint8_t sha[32];
    sha256(bytes, sha);
    struct msg_stage_response response = {};
    for (uint32_t at = 0; at < bytes.size; at = response.off) {
        const uint32_t rest = bytes.size - at;
        const struct msg_stage_request request = {.off = at, .len = bytes.size, .has_len = at == 0, .sha = {sha, 32},
            .has_sha = at == 0, .data = {bytes.data + at, rest < 1000 ? rest : 1000}};
        CHECK(handle_stage(&request, &response, &refusal) == STATUS_OK);
        CHECK(response.off > at);
    }
}

static struct recipe recipe(const char *name, uint8_t code) {
    return (struct recipe){.name = name, .hook = HOOK_TIMER, .board = "aarch64", .insns = 3, .code = code,
                           .sequence = next_sequence};
}

static enum status install_as(const struct recipe *recipe, const struct msg_install_request *request) {
    struct msg_install_response response;
    refusal = (struct refusal){};
    stage(payload_of(recipe));
    const enum status status = handle_install(request, &response, &refusal);
    if (status == STATUS_OK) { next_sequence = recipe->sequence + 1; }
    return status;
}

static enum status install(const struct recipe *recipe) {
    return install_as(recipe, &(struct msg_install_request){});
}

static struct version *running(const char *name) {
    struct module *module = module_find(text(name));
    return module == nullptr ? nullptr : module_running(module);
}

static void tick(uint32_t times) {
    for (uint32_t i = 0; i < times; i++) { fake_tick(fake_time_ns += 1000, 0); }
}

static uint64_t cost; /* cycles that the programs below take */
static uint64_t returns_1(uint64_t a, uint64_t b) {
    (void)a, (void)b;
    fake_cycles += cost;
    return 1;
}
static uint64_t costs_2(uint64_t a, uint64_t b) {
    (void)a, (void)b;
    fake_cycles += 200;
    return 1;
}
static uint64_t costs_50(uint64_t a, uint64_t b) {
    (void)a, (void)b;
    fake_cycles += 50;
    return 1;
}
static uint64_t tick_number(uint64_t context, uint64_t b) {
    (void)b;
    fake_cycles += 50;
    return ((const struct timer_context *)context)->tick % 8 == 0 ? 9 : 1;
}

/* Installs and gives the version what compiled code would do. The first tick comes after. */
static struct version *install_running(const char *name, uint8_t code, uint64_t (*program)(uint64_t, uint64_t),
                                       const struct msg_install_request *request) {
    struct recipe r = recipe(name, code);
    struct version *predecessor = running(name);
    if (predecessor != nullptr) { r.parent = predecessor->sha; }
    CHECK(install_as(&r, request) == STATUS_OK);
    struct version *version = running(name);
    CHECK(version != nullptr && version != predecessor);
    version->entry = program;
    return version;
}

static void remove_module(const char *name) {
    CHECK(handle_remove(&(struct msg_remove_request){.name = text(name)}, &refusal) == STATUS_OK);
    CHECK(running(name) == nullptr);
    (void)modules_poll();
}

static uint64_t calls_of(const struct version *version) {
    struct counters_total totals;
    version_totals(version, &totals);
    return totals.calls;
}

static uint64_t stat_of(enum stat stat) {
    const char *name;
    uint64_t value = 0;
    CHECK(stats_read(stat, &name, &value));
    return value;
}

static struct event last_event(void) {
    struct event event = {};
    uint64_t seq = 0;
    while (event_read(seq, &event)) { seq = event.seq; }
    return event;
}

static void drop_evidence(void) {
    struct evidence evidence;
    while (evidence_read(0, &evidence) == STATUS_OK) { CHECK(evidence_acknowledge(evidence.id) == STATUS_OK); }
}

static void refusals_are_precise_and_change_nothing(void) {
    const uint8_t other[32] = {1, 2, 3};
    struct recipe good = recipe("m", 1);
    struct recipe bad = good;
    fake_cose_status = STATUS_BAD_SIGNATURE;
    CHECK(install(&good) == STATUS_BAD_SIGNATURE);
    fake_cose_status = STATUS_OK;
    bad.board = "x86", CHECK(install(&bad) == STATUS_WRONG_BOARD), bad = good;
    bad.hook = HOOK_RUN, CHECK(install(&bad) == STATUS_UNKNOWN_HOOK), bad = good;
    bad.hook = 0, CHECK(install(&bad) == STATUS_UNKNOWN_HOOK), bad = good;
    bad.hook = HOOK_ID_LIMIT, CHECK(install(&bad) == STATUS_UNKNOWN_HOOK), bad = good;
    bad.hook = 77, CHECK(install(&bad) == STATUS_UNKNOWN_HOOK), bad = good;
    bad.cores = 1 << 5, CHECK(install(&bad) == STATUS_WRONG_BOARD), bad = good;
    bad.hook = HOOK_PACKET, bad.cores = 2, CHECK(install(&bad) == STATUS_BAD_PATCH), bad = good;
    bad.hook = HOOK_UART_LINE, bad.cores = 3, CHECK(install(&bad) == STATUS_BAD_PATCH), bad = good;
    bad.parent = other, CHECK(install(&bad) == STATUS_WRONG_PARENT), bad = good;
    bad.insns = 0, CHECK(install(&bad) == STATUS_EMPTY_PROGRAM), bad = good;
    bad.insns = MAX_PROGRAM_INSNS + 1, CHECK(install(&bad) == STATUS_PROGRAM_TOO_LONG), bad = good;
    bad.name = "a b", CHECK(install(&bad) == STATUS_BAD_PATCH), bad = good;
    bad.map = "x", bad.map_entries = 0, CHECK(install(&bad) == STATUS_BAD_MAP_DEFINITION), bad = good;
    const uint32_t blocks = fake_pool_blocks;
    bad.bound = 9, CHECK(install(&bad) == STATUS_BOUND_MISMATCH && fake_pool_blocks == blocks), bad = good;
    fake_bound = 65537, CHECK(install(&good) == STATUS_OVER_BUDGET), fake_bound = 10;
    fake_budget = 9, CHECK(install(&good) == STATUS_BUDGET_FORBIDDEN), fake_budget = UINT64_MAX;
    fake_verdict = STATUS_NULL_DEREFERENCE;
    CHECK(install(&good) == STATUS_NULL_DEREFERENCE);
    CHECK(refusal.has_insn && refusal.insn == 1 && strcmp(refusal.message, "r1 is bad") == 0);
    fake_verdict = STATUS_OK;
    fake_pool_left = 0, CHECK(install(&good) == STATUS_POOL_FULL), fake_pool_left = UINT32_MAX;
    CHECK(running("m") == nullptr && keys_newest_sequence() == 0 && map_at(2) == nullptr); /* those of lines alone */
    CHECK(last_event().kind == EVENT_REFUSED && last_event().reason == STATUS_POOL_FULL);
}

/* The fake compiler makes four words of each instruction. */
static void an_address_belongs_to_the_instruction_that_was_made_there(void) {
    struct recipe r = recipe("m", 1);
    CHECK(install(&r) == STATUS_OK);
    const struct version *version = running("m");
    const uint64_t start = version->code.exec_addr, end = start + 3 * 16;
    CHECK(version_insn_of(version, start, 0) == 0 && version_insn_of(version, start + 16, 0) == 1);
    CHECK(version_insn_of(version, end - 4, 0) == 2 && version_insn_of(version, end, 0) == EVIDENCE_NO_INSN);
    CHECK(version_insn_of(version, end, start + 16) == 0 && version_insn_of(version, start - 4, start + 20) == 1);
    CHECK(version_insn_of(version, end, end) == 2 && version_insn_of(version, end, end + 4) == EVIDENCE_NO_INSN);
    remove_module("m");
}

static void a_watch_has_bounds(void) {
    const struct recipe r = recipe("b", 1);
    const struct msg_install_request outside[] = {
        {.has_window = true},
        {.window = WATCH_WINDOW_MAX + 1, .has_window = true},
        {.has_ratio = true},
        {.ratio = WATCH_RATIO_MAX + 1, .has_ratio = true},
        {.canary = true, .shadow = true, .has_shadow = true}, /* there is nothing to compare with */
    };
    for (uint32_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        CHECK(install_as(&r, &outside[i]) == STATUS_INVALID_ARGUMENT && running("b") == nullptr);
    }
    CHECK(install_as(&r, &(struct msg_install_request){.canary = true, .window = WATCH_WINDOW_MAX, .has_window = true,
                                                       .ratio = WATCH_RATIO_MAX, .has_ratio = true}) == STATUS_OK);
    remove_module("b");
}

static void the_longest_and_largest_is_taken(void) {
    struct recipe r = recipe("azAZ09_-.azAZ09_-.azAZ09_-.zZ9a", 1);
    CHECK(strlen(r.name) == NAME_BYTES);
    r.insns = MAX_PROGRAM_INSNS, r.cores = 8, r.map = "azAZ09_-.azAZ09_-.azAZ09_-.zZ9a", r.map_entries = 1;
    r.bound = fake_bound = fake_budget = 65536;
    CHECK(install(&r) == STATUS_OK);
    fake_bound = 10, fake_budget = UINT64_MAX;
    remove_module(r.name);
}

static void a_period_has_bounds(void) {
    struct recipe r = recipe("p", 1);
    const uint32_t before = timer_period_us;
    r.period_us = TICK_PERIOD_MIN_US - 1, CHECK(install(&r) == STATUS_BAD_PATCH);
    r.period_us = TICK_PERIOD_MAX_US + 1, CHECK(install(&r) == STATUS_BAD_PATCH);
    r.period_us = 0, CHECK(install(&r) == STATUS_OK && timer_period_us == before);
    r.parent = running("p")->sha, r.code = 2, r.sequence = next_sequence, r.period_us = TICK_PERIOD_MIN_US;
    CHECK(install(&r) == STATUS_OK && timer_period_us == TICK_PERIOD_MIN_US);
    r.parent = running("p")->sha, r.code = 3, r.sequence = next_sequence, r.period_us = TICK_PERIOD_MAX_US;
    CHECK(install(&r) == STATUS_OK && timer_period_us == TICK_PERIOD_MAX_US);
    remove_module("p");
    CHECK(timer_set_period(before) == STATUS_OK);
}

/* Whichever block there is no room for: the ones before it come back. */
static void a_full_pool_gets_back_what_it_gave(void) {
    struct recipe r = recipe("m", 1);
    r.map = "w", r.map_entries = 4;
    const uint32_t blocks = fake_pool_blocks;
    const uint64_t versions = stat_of(STAT_versions_made) - stat_of(STAT_versions_freed);
    uint32_t room = 0;
    for (; fake_pool_left = room, install(&r) == STATUS_POOL_FULL; room++) { CHECK(fake_pool_blocks == blocks); }
    CHECK(room > 3 && running("m") != nullptr);
    CHECK(stat_of(STAT_versions_made) - stat_of(STAT_versions_freed) == versions + 1);
    fake_pool_left = UINT32_MAX;
    remove_module("m");
    CHECK(fake_pool_blocks == blocks);
}

static void sequence_and_parent_order_versions(void) {
    struct recipe r = recipe("m", 1);
    r.sequence = 100;
    CHECK(install(&r) == STATUS_OK && keys_newest_sequence() == 100);
    CHECK(install(&r) == STATUS_REPLAYED);
    r.sequence = 99;
    CHECK(install(&r) == STATUS_OLDER_SEQUENCE);
    r.sequence = 101;
    CHECK(install(&r) == STATUS_WRONG_PARENT); /* names none, but one runs */
    const uint8_t other[32] = {1, 2, 3};
    r.parent = other;
    CHECK(install(&r) == STATUS_WRONG_PARENT);
    r.parent = running("m")->sha;
    r.hook = HOOK_PACKET;
    CHECK(install(&r) == STATUS_WRONG_PARENT);
    r.hook = HOOK_TIMER;
    CHECK(install(&r) == STATUS_OK && running("m")->running.version == 2);
    remove_module("m");
}

static const char *slot_name(uint32_t i) {
    static char name[4];
    (void)snprintf(name, sizeof name, "s%u", i % 100);
    return name;
}

static void slots_run_out(void) {
    for (uint32_t i = 0; i < SLOTS_PER_HOOK; i++) {
        struct recipe r = recipe(slot_name(i), 1);
        CHECK(install(&r) == STATUS_OK);
    }
    struct recipe r = recipe("more", 1);
    CHECK(install(&r) == STATUS_SLOTS_FULL);
    for (uint32_t i = 0; i < SLOTS_PER_HOOK; i++) { remove_module(slot_name(i)); }
    CHECK(install(&r) == STATUS_OK);
    remove_module("more");
}

static void maps_outlive_versions(void) {
    struct recipe r = recipe("m", 1);
    r.map = "state", r.map_entries = 4;
    CHECK(install(&r) == STATUS_OK);
    struct bpf_map *map = map_find(text("state"));
    const uint64_t value = 42;
    CHECK(map_update(map, &(uint32_t){2}, &value, 0) == MAP_DONE);
    r.parent = running("m")->sha, r.code = 2, r.sequence = next_sequence, r.map_entries = 5;
    CHECK(install(&r) == STATUS_MAP_SHAPE && map->users == 1);
    r.map_entries = 4;
    CHECK(install(&r) == STATUS_OK && map->users == 2);
    CHECK(*(uint64_t *)map_lookup(map, &(uint32_t){2}) == 42);
    remove_module("m");
    CHECK(map_find(text("state")) == nullptr);
}

static const struct msg_install_request canary = {.canary = true, .window = 10, .has_window = true};

static void a_faster_canary_is_promoted(void) {
    cost = 100;
    install_running("m", 1, returns_1, &(struct msg_install_request){});
    tick(20);
    struct version *second = install_running("m", 2, costs_50, &canary);
    struct recipe third = recipe("m", 3);
    third.parent = second->sha;
    CHECK(install(&third) == STATUS_CANARY_RUNNING);
    tick(9);
    CHECK(second->watched == 1);
    tick(1);
    CHECK(running("m") == second && second->watched == 0 && last_event().kind == EVENT_PROMOTED);
    CHECK(last_event().before == 100 && last_event().after == 50);
}

static void a_slower_canary_is_taken_back_by_the_tick(void) {
    struct version *before = running("m");
    install_running("m", 3, returns_1, &canary);
    tick(10);
    CHECK(running("m") == before && last_event().kind == EVENT_ROLLED_BACK);
    CHECK(last_event().reason == STATUS_CANARY_SLOWER && last_event().before == 50 && last_event().after == 100);
    struct evidence evidence;
    CHECK(evidence_read(0, &evidence) == STATUS_OK && evidence.calls == 10 && evidence.cycles == 1000);
    CHECK(evidence.baseline == 50 && evidence.reason == STATUS_CANARY_SLOWER && !evidence.faulted);
    CHECK(evidence_acknowledge(evidence.id) == STATUS_OK);
    /* The ratio that was asked for decides. */
    struct msg_install_request twice = canary;
    twice.ratio = 2000, twice.has_ratio = true;
    struct version *slower = install_running("m", 4, returns_1, &twice);
    tick(10);
    CHECK(running("m") == slower && slower->watched == 0);
}

/* Called 200 times a second, of late for four times the cost. */
static void a_canary_is_compared_with_what_was_lately(void) {
    cost = 100;
    install_running("late", 1, returns_1, &(struct msg_install_request){});
    tick(5000);
    cost = 400;
    for (uint32_t i = 0; i < 1000; i++) {
        fake_tick(fake_time_ns += 5'000'000, 0);
        watch_poll();
    }
    struct msg_install_request long_window = canary;
    long_window.window = 256;
    struct version *second = install_running("late", 2, costs_2, &long_window);
    tick(256);
    CHECK(running("late") == second && last_event().kind == EVENT_PROMOTED);
    CHECK(last_event().before == 400 && last_event().after == 200);
    remove_module("late");
    cost = 100;
}

static void tick_costing(uint64_t cycles, uint32_t times) {
    cost = cycles;
    tick(times);
}

/* Calls that a canary with this window is compared with, after ten samples 64 calls apart, each hundred cycles dearer. */
static struct watch baseline_of(uint32_t window) {
    install_running("base", 1, returns_1, &(struct msg_install_request){});
    for (uint32_t i = 1; i <= 10; i++) {
        tick_costing(i * 100, 64);
        fake_time_ns += 50'000'000;
        watch_poll();
    }
    struct msg_install_request plan = canary;
    plan.window = window;
    const struct watch watch = install_running("base", 2, costs_50, &plan)->watch;
    remove_module("base");
    return watch;
}

static void a_canary_is_compared_with_calls_enough(void) {
    const struct { uint32_t window, calls, before; } expected[] = {
        {1, 64, 1000}, {64, 64, 1000}, {65, 128, 950}, {448, 448, 700}, {449, 640, 550}, {1000, 640, 550}};
    for (uint32_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        const struct watch watch = baseline_of(expected[i].window);
        CHECK(watch.base_calls == expected[i].calls && watch_before(&watch) == expected[i].before);
        CHECK(watch.call_limit == 1000 * WATCH_CALL_FACTOR + WATCH_CALL_SLACK_CYCLES);
    }
}

/* Neither sooner than 50 ms nor than 64 calls after the one before; nor does one of an earlier version count. */
static void samples_are_apart(void) {
    struct msg_install_request plan = canary;
    plan.window = 1;
    install_running("base", 1, returns_1, &(struct msg_install_request){});
    CHECK(install_running("base", 2, costs_50, &plan)->watch.call_limit == UINT64_MAX); /* there was no call */
    CHECK(module_take_back(running("base"), STATUS_REQUESTED, nullptr));
    tick_costing(100, 64);
    fake_time_ns += 50'000'000;
    watch_poll();
    tick_costing(200, 64);
    watch_poll();
    tick_costing(200, 1);
    CHECK(install_running("base", 3, costs_50, &plan)->watch.base_calls == 65);
    CHECK(module_take_back(running("base"), STATUS_REQUESTED, nullptr));
    fake_time_ns += 50'000'000;
    watch_poll(); /* at 129 calls */
    tick_costing(300, 63);
    fake_time_ns += 50'000'000;
    watch_poll();
    tick_costing(300, 1);
    CHECK(install_running("base", 4, costs_50, &plan)->watch.base_calls == 64);
    tick(1);
    struct version *fourth = running("base");
    CHECK(fourth->watched == 0);
    tick(299);
    plan.shadow = true, plan.has_shadow = true;
    CHECK(install_running("base", 5, costs_50, &plan)->watch.base_calls == 0);
    CHECK(module_take_back(running("base"), STATUS_REQUESTED, nullptr));
    plan.shadow = false;
    CHECK(install_running("base", 6, costs_50, &plan)->watch.base_calls == 300);
    remove_module("base");
    drop_evidence();
    cost = 100;
}

static void one_long_call_is_enough(void) {
    struct version *before = running("m");
    cost = 100 * WATCH_CALL_FACTOR + WATCH_CALL_SLACK_CYCLES + 1;
    struct version *canary_version = install_running("m", 5, costs_50, &canary);
    tick(3);
    CHECK(running("m") == canary_version);
    canary_version->entry = returns_1;
    cost -= 1;
    tick(1);
    CHECK(running("m") == canary_version);
    cost += 1;
    tick(1);
    CHECK(running("m") == before && last_event().reason == STATUS_CANARY_OVER_BUDGET);
    cost = 100;
}

static void a_fault_ends_in_the_predecessors_favour(void) {
    struct version *before = running("m");
    struct evidence evidence;
    while (evidence_read(0, &evidence) == STATUS_OK) { CHECK(evidence_acknowledge(evidence.id) == STATUS_OK); }
    install_running("m", 6, costs_50, &(struct msg_install_request){});
    tick(1);
    fake_fault_next = true;
    tick(1);
    CHECK(running("m") == before && last_event().reason == STATUS_MODULE_FAULT);
    CHECK(evidence_read(0, &evidence) == STATUS_OK);
    CHECK(evidence.faulted && evidence.esr == 0x96000005 && evidence.far == 0xdead && evidence.x[3] == 33);
    CHECK(evidence.calls == 1);
    fake_fault_next = true;
    tick(1); /* that one had no predecessor left but the one before it */
    if (running("m") != nullptr) {
        fake_fault_next = true;
        tick(1);
    }
    CHECK(running("m") == nullptr && module_at(0) == nullptr);
    tick(1);
    (void)modules_poll();
}

static void rollback_works_when_evidence_is_full(void) {
    for (uint32_t i = 0; i < EVIDENCE_RECORDS; i++) { (void)evidence_add(&(struct evidence){.version = 500}); }
    install_running("full", 1, costs_50, &(struct msg_install_request){});
    struct version *first = running("full");
    install_running("full", 2, costs_50, &(struct msg_install_request){});
    fake_fault_next = true;
    tick(1);
    CHECK(running("full") == first);
    struct evidence evidence;
    for (uint32_t i = 0; evidence_read(i, &evidence) == STATUS_OK; i++) { CHECK(strcmp(evidence.name, "full") != 0); }
    while (evidence_read(0, &evidence) == STATUS_OK) { CHECK(evidence_acknowledge(evidence.id) == STATUS_OK); }
    remove_module("full");
}

static void shadow_finds_a_disagreement(void) {
    install_running("sh", 1, costs_2, &(struct msg_install_request){});
    struct version *first = running("sh");
    tick(8);
    struct msg_install_request shadow = canary;
    shadow.shadow = true, shadow.has_shadow = true, shadow.window = 100;
    install_running("sh", 2, tick_number, &shadow);
    tick(9);
    CHECK(running("sh") == first && last_event().reason == STATUS_CANARY_DISAGREED);
    struct version *same = install_running("sh", 3, costs_50, &shadow);
    tick(100);
    CHECK(running("sh") == same && same->watched == 0 && last_event().before == 200);
    struct recipe r = recipe("sh", 4);
    r.parent = same->sha, r.map = "w", r.map_entries = 1;
    CHECK(install_as(&r, &shadow) == STATUS_INVALID_ARGUMENT); /* would write the map twice */
    r.map_flags = MAP_FLAG_READ_ONLY;
    CHECK(install_as(&r, &shadow) == STATUS_OK);
    remove_module("sh");
}

/* It would have been thrown out for it; the canary goes on without it. */
static void a_fault_of_the_shadow_is_told_once(void) {
    drop_evidence();
    install_running("sf", 1, costs_2, &(struct msg_install_request){});
    struct version *first = running("sf");
    tick(8);
    struct msg_install_request shadow = canary;
    shadow.shadow = true, shadow.has_shadow = true, shadow.window = 100;
    struct version *second = install_running("sf", 2, costs_50, &shadow);
    const uint64_t faults = stat_of(STAT_faults), rollbacks = stat_of(STAT_rollbacks);
    fake_fault_next = true;
    tick(1);
    struct evidence evidence;
    CHECK(last_event().kind == EVENT_FAULT && last_event().version == first->running.version);
    CHECK(evidence_read(0, &evidence) == STATUS_OK && evidence.faulted && evidence.version == first->running.version);
    const uint64_t calls = calls_of(first);
    tick(98);
    CHECK(running("sf") == second && second->watched != 0 && calls_of(first) == calls);
    tick(1);
    CHECK(running("sf") == second && second->watched == 0 && last_event().kind == EVENT_PROMOTED);
    CHECK(stat_of(STAT_faults) == faults + 1 && stat_of(STAT_rollbacks) == rollbacks);
    remove_module("sf");
    drop_evidence();
}

/* What the verifier, the compiler and a proof take for two maps must not be one. */
static void a_program_has_each_map_once(void) {
    struct recipe r = recipe("tw", 1);
    const uint32_t blocks = fake_pool_blocks;
    r.map = "tw", r.map_entries = 1, r.maps = 2;
    CHECK(install(&r) == STATUS_BAD_MAP_DEFINITION && fake_pool_blocks == blocks && map_find(text("tw")) == nullptr);
    r.map_flags = MAP_FLAG_READ_ONLY; /* what nobody writes may be shared */
    CHECK(install(&r) == STATUS_OK);
    remove_module("tw");
}

static void the_host_can_roll_back_once(void) {
    struct msg_rollback_response response;
    const struct msg_rollback_request request = {.name = text("m")};
    CHECK(handle_rollback(&request, &response, &refusal) == STATUS_NO_ENTRY);
    install_running("m", 1, costs_50, &(struct msg_install_request){});
    CHECK(handle_rollback(&request, &response, &refusal) == STATUS_NO_PREVIOUS);
    install_running("m", 2, costs_50, &(struct msg_install_request){});
    install_running("m", 3, costs_50, &(struct msg_install_request){});
    CHECK(running("m")->running.version == 3);
    CHECK(handle_rollback(&request, &response, &refusal) == STATUS_OK && response.version == 2);
    CHECK(handle_rollback(&request, &response, &refusal) == STATUS_NO_PREVIOUS);
    remove_module("m");
    CHECK(last_event().kind == EVENT_REMOVED);
}

/* Of two modules each runs once a tick, and on its own cores. */
static void a_module_runs_once_a_tick_on_its_cores(void) {
    struct version *first = install_running("m", 1, costs_50, &(struct msg_install_request){});
    struct version *second = install_running("n", 1, costs_50, &(struct msg_install_request){});
    tick(3);
    CHECK(calls_of(first) == 3 && calls_of(second) == 3);
    second->cores = 2;
    const uint64_t before = timer_tick_cycles;
    tick(1);
    CHECK(calls_of(first) == 4 && calls_of(second) == 3 && timer_tick_cycles == before + 50);
    fake_core = 1;
    tick(1);
    fake_core = 0;
    CHECK(calls_of(first) == 4 && calls_of(second) == 4 && timer_tick_cycles == before + 50);
    remove_module("m");
    remove_module("n");
}

static void install_on(uint32_t hook, const char *name) {
    struct recipe r = recipe(name, 1);
    r.hook = hook, r.cores = 1;
    CHECK(install(&r) == STATUS_OK);
}

/* A place of the table that is free tells nothing, although its slot may be another module's by now. */
static void a_free_place_shows_no_module(void) {
    install_on(HOOK_TIMER, "a");
    install_on(HOOK_PACKET, "b"); /* in the second place, the first slot */
    remove_module("a");
    install_on(HOOK_PACKET, "c");
    remove_module("b");
    remove_module("c");
    install_on(HOOK_PACKET, "d"); /* in the first place, the first slot */
    CHECK(module_at(0) != nullptr && module_at(1) == nullptr);
    remove_module("d");
}

static uint64_t passes(uint64_t context, uint64_t b) {
    const struct packet_context *packet = (const struct packet_context *)context;
    (void)b;
    CHECK(packet->data_end - packet->data == packet->len);
    return VERDICT_PASS;
}
static uint64_t verdict; /* of the program below */
static uint64_t decides(uint64_t a, uint64_t b) {
    (void)a, (void)b;
    return verdict;
}

static uint32_t packet_verdict(uint8_t *frame, uint32_t len) { return frame_dispatch(HOOK_PACKET, frame, len, len, 0); }

static void a_frame_goes_on_only_when_it_passes(void) {
    static uint8_t frame[60];
    const uint64_t frames = stat_of(STAT_frames);
    install_on(HOOK_PACKET, "first");
    install_on(HOOK_PACKET, "second");
    struct version *first = running("first"), *second = running("second");
    first->entry = decides, second->entry = passes;
    const uint64_t verdicts[][2] = {{VERDICT_ABORTED, VERDICT_ABORTED}, {VERDICT_DROP, VERDICT_DROP},
                                    {VERDICT_TRANSMIT, VERDICT_TRANSMIT}, {VERDICT_TRANSMIT + 1, VERDICT_ABORTED},
                                    {1ull << 32 | VERDICT_DROP, VERDICT_ABORTED}};
    for (uint32_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        verdict = verdicts[i][0];
        CHECK(packet_verdict(frame, sizeof frame) == verdicts[i][1] && calls_of(second) == 0);
    }
    verdict = VERDICT_PASS;
    CHECK(packet_verdict(frame, sizeof frame) == VERDICT_PASS && calls_of(first) == 6 && calls_of(second) == 1);
    fake_fault_next = true;
    CHECK(packet_verdict(frame, sizeof frame) == VERDICT_ABORTED && running("first") == nullptr);
    CHECK(packet_verdict(frame, sizeof frame) == VERDICT_PASS && calls_of(second) == 2);
    CHECK(stat_of(STAT_frames) == frames + 8);
    remove_module("second");
    drop_evidence();
}

static uint64_t answers(uint64_t context, uint64_t b) {
    const struct uart_line_context *line = (const struct uart_line_context *)context;
    (void)b;
    CHECK(line->data_end - line->data == UART_LINE_BYTES && line->len == 4 && line->port == 0 && line->time_ns != 0);
    ((uint8_t *)line->data)[UART_LINE_BYTES - 1] += 1;
    return VERDICT_TRANSMIT;
}
static uint64_t answers_otherwise(uint64_t context, uint64_t b) {
    ((uint8_t *)((const struct uart_line_context *)context)->data)[UART_LINE_BYTES - 2] = 'x';
    return answers(context, b);
}

static void lines_go_to_their_own_hook(void) {
    static uint8_t line[UART_LINE_BYTES] = "ping";
    const uint64_t frames = stat_of(STAT_frames);
    install_on(HOOK_PACKET, "frames");
    CHECK(frame_dispatch(HOOK_UART_LINE, line, sizeof line, 4, 0) == VERDICT_PASS);
    install_on(HOOK_UART_LINE, "lines");
    struct version *first = running("lines");
    first->entry = answers;
    CHECK(frame_dispatch(HOOK_UART_LINE, line, sizeof line, 4, 0) == VERDICT_TRANSMIT && line[UART_LINE_BYTES - 1] == 1);
    CHECK(calls_of(running("frames")) == 0 && calls_of(first) == 1 && stat_of(STAT_frames) == frames);
    /* A canary must leave all of the room as its predecessor does, not the line only. */
    struct recipe r = recipe("lines", 2);
    r.hook = HOOK_UART_LINE, r.cores = 1, r.parent = first->sha, r.sequence = next_sequence;
    struct msg_install_request shadow = canary;
    shadow.shadow = true, shadow.has_shadow = true, shadow.window = 100;
    CHECK(install_as(&r, &shadow) == STATUS_OK);
    running("lines")->entry = answers;
    CHECK(frame_dispatch(HOOK_UART_LINE, line, sizeof line, 4, 0) == VERDICT_TRANSMIT && line[UART_LINE_BYTES - 1] == 2);
    CHECK(running("lines") != first);
    running("lines")->entry = answers_otherwise;
    CHECK(frame_dispatch(HOOK_UART_LINE, line, sizeof line, 4, 0) == VERDICT_TRANSMIT);
    CHECK(running("lines") == first && last_event().reason == STATUS_CANARY_DISAGREED);
    remove_module("lines");
    remove_module("frames");
    drop_evidence();
}

/* Long frames are dropped, others pass. */
static uint64_t counts_up(uint64_t context, uint64_t b) {
    const struct packet_context *packet = (const struct packet_context *)context;
    (void)b;
    ((uint8_t *)packet->data)[packet->len - 1] += 1;
    return packet->len > SHADOW_FRAME_BYTES ? VERDICT_DROP : passes(context, b);
}
static uint64_t counts_up_by_two(uint64_t context, uint64_t b) {
    ((uint8_t *)((const struct packet_context *)context)->data)[0] += 1;
    return counts_up(context, b);
}

static void shadow_compares_what_is_left_of_frames(void) {
    static uint8_t frame[SHADOW_FRAME_BYTES + 1] = {[0 ... SHADOW_FRAME_BYTES] = 6};
    struct recipe r = recipe("f", 1);
    r.hook = HOOK_PACKET;
    CHECK(install(&r) == STATUS_OK);
    struct version *first = running("f");
    first->entry = counts_up;
    struct msg_install_request shadow = canary;
    shadow.shadow = true, shadow.has_shadow = true, shadow.window = 100;
    r.parent = first->sha, r.code = 2, r.sequence = next_sequence;
    CHECK(install_as(&r, &shadow) == STATUS_OK);
    struct version *second = running("f");
    second->entry = counts_up;
    CHECK(packet_verdict(frame, SHADOW_FRAME_BYTES) == VERDICT_PASS && frame[SHADOW_FRAME_BYTES - 1] == 7);
    CHECK(calls_of(first) == 1 && running("f") == second);
    /* One byte more is not compared: only the canary runs. */
    CHECK(packet_verdict(frame, SHADOW_FRAME_BYTES + 1) == VERDICT_DROP && frame[SHADOW_FRAME_BYTES] == 7);
    CHECK(calls_of(first) == 1 && running("f") == second);
    second->entry = counts_up_by_two;
    CHECK(packet_verdict(frame, SHADOW_FRAME_BYTES) == VERDICT_PASS);
    CHECK(running("f") == first && last_event().reason == STATUS_CANARY_DISAGREED);
    remove_module("f");
    drop_evidence();
}

static const struct fault runaway = {.esr = RUNAWAY_ESR};

/* A fault that is charged to a version which does not run any more leaves what runs alone; all memory comes back. */
static void versions_are_thrown_out_in_any_order(void) {
    (void)modules_poll();
    const uint32_t blocks = fake_pool_blocks;
    struct version *first = install_running("m", 1, costs_50, &(struct msg_install_request){});
    struct version *second = install_running("m", 2, costs_50, &(struct msg_install_request){});
    struct version *third = install_running("m", 3, costs_50, &canary);
    struct module *module = third->module;
    CHECK(second->previous == first);
    CHECK(!module_take_back(second, STATUS_MODULE_FAULT, nullptr) && running("m") == third && second->previous == nullptr);
    fake_fault_next = true;
    tick(1);
    CHECK(running("m") == second && last_event().reason == STATUS_MODULE_FAULT);
    module_promote(third);
    CHECK(last_event().reason == STATUS_MODULE_FAULT);
    CHECK(module_take_back(second, STATUS_MODULE_FAULT, &runaway) && running("m") == nullptr);
    CHECK(last_event().reason == STATUS_MODULE_RUNAWAY);
    CHECK(modules_poll() && fake_pool_blocks == blocks && !module->in_use && hook_slots[HOOK_TIMER].taken == 0);
    CHECK(module_remove(module) == STATUS_BAD_STATE);
    drop_evidence();
}

static void a_canary_that_is_promoted_leaves_two_versions(void) {
    struct version *first = install_running("m", 1, costs_50, &canary);
    tick(10);
    CHECK(running("m") == first && first->watched == 0 && last_event().kind == EVENT_PROMOTED);
    (void)install_running("m", 2, costs_50, &(struct msg_install_request){});
    struct version *third = install_running("m", 3, costs_50, &canary);
    CHECK(third->previous->previous == first);
    tick(10);
    CHECK(running("m") == third && third->watched == 0 && third->previous->previous == nullptr);
    remove_module("m");
}

static void nothing_is_freed_before_the_grace_period(void) {
    install_running("m", 1, costs_50, &(struct msg_install_request){});
    (void)modules_poll();
    const uint32_t blocks = fake_pool_blocks;
    CHECK(handle_remove(&(struct msg_remove_request){.name = text("m")}, &refusal) == STATUS_OK);
    fake_quiescent = false;
    CHECK(!modules_poll() && fake_pool_blocks == blocks);
    fake_quiescent = true;
    CHECK(modules_poll() && fake_pool_blocks < blocks);
}

static void what_is_freed_is_not_what_a_core_ran_last(void) {
    const struct version *gone = install_running("gone", 1, costs_50, &(struct msg_install_request){});
    tick(1);
    const struct version *stays = install_running("stays", 1, costs_50, &(struct msg_install_request){});
    running_module[1] = &stays->running;
    running_module[0] = &gone->running;
    remove_module("gone");
    while (modules_poll()) {}
    CHECK(running_module[0] == nullptr && running_module[1] == &stays->running);
    running_module[1] = nullptr;
    remove_module("stays");
}

static void damaged_payloads_are_refused(void) {
    struct recipe r = recipe("m", 1);
    r.map = "map", r.map_entries = 3;
    const struct span payload = payload_of(&r);
    static struct patch patch;
    CHECK(patch_decode(payload, &patch, &refusal) == STATUS_OK);
    CHECK(patch.map_count == 1 && patch.maps[0].shape.max_entries == 3 && span_is(patch.name, "m"));
    for (uint32_t size = 0; size < payload.size; size++) {
        uint8_t *copy = malloc(size + 1); /* its own block, so that reading past it is seen */
        memcpy(copy, payload.data, size);
        CHECK(patch_decode((struct span){copy, size}, &patch, &refusal) == STATUS_BAD_PATCH);
        free(copy);
    }
    uint8_t *copy = malloc(payload.size + 1);
    memcpy(copy, payload.data, payload.size);
    CHECK(patch_decode((struct span){copy, payload.size + 1}, &patch, &refusal) == STATUS_BAD_PATCH);
    for (uint32_t i = 0; i < payload.size; i++) {
        for (uint32_t bit = 0; bit < 8; bit++) {
            copy[i] ^= 1 << bit;
            (void)patch_decode((struct span){copy, payload.size}, &patch, &refusal); /* never reads outside */
            copy[i] ^= 1 << bit;
        }
    }
    free(copy);
}

static void staging_begins_with_what_is_sound(void) {
    struct msg_install_response installed;
    struct msg_stage_response response;
    uint8_t sha[33] = {1}, data[8] = {2};
    const struct msg_stage_request good = {.len = 8, .has_len = true, .sha = {sha, 32}, .has_sha = true, .data = {data, 8}};
    struct msg_stage_request bad = good;
    fake_pool_left = 0, CHECK(handle_stage(&good, &response, &refusal) == STATUS_POOL_FULL), fake_pool_left = UINT32_MAX;
    CHECK(handle_stage(&(struct msg_stage_request){.off = 1}, &response, &refusal) == STATUS_BAD_STATE);
    CHECK(handle_install(&(struct msg_install_request){}, &installed, &refusal) == STATUS_BAD_STATE);
    bad.has_len = false, CHECK(handle_stage(&bad, &response, &refusal) == STATUS_INVALID_ARGUMENT), bad = good;
    bad.has_sha = false, CHECK(handle_stage(&bad, &response, &refusal) == STATUS_INVALID_ARGUMENT), bad = good;
    bad.sha.size = 31, CHECK(handle_stage(&bad, &response, &refusal) == STATUS_INVALID_ARGUMENT), bad = good;
    bad.sha.size = 33, CHECK(handle_stage(&bad, &response, &refusal) == STATUS_INVALID_ARGUMENT), bad = good;
    bad.len = 0, CHECK(handle_stage(&bad, &response, &refusal) == STATUS_INVALID_ARGUMENT), bad = good;
    bad.len = STAGE_BYTES + 1, CHECK(handle_stage(&bad, &response, &refusal) == STATUS_INVALID_ARGUMENT), bad = good;
    bad.len = STAGE_BYTES, CHECK(handle_stage(&bad, &response, &refusal) == STATUS_OK && response.off == 8);
    CHECK(handle_stage(&good, &response, &refusal) == STATUS_OK && response.off == 8); /* another length: begins anew */
    const uint8_t other[32] = {3};
    bad = (struct msg_stage_request){.off = 8, .sha = {other, 32}, .has_sha = true};
    CHECK(handle_stage(&bad, &response, &refusal) == STATUS_UPLOAD_TAKEN);
    const struct msg_install_request another = {.sha = {other, 32}, .has_sha = true};
    CHECK(handle_install(&another, &installed, &refusal) == STATUS_UPLOAD_TAKEN);
}

static void staging_resumes_and_checks(void) {
    struct msg_install_response installed;
    struct msg_stage_response response;
    uint8_t data[100] = {7};
    uint8_t sha[32];
    sha256((struct span){data, 100}, sha);
    struct msg_stage_request request = {.len = 100, .has_len = true, .sha = {sha, 32}, .has_sha = true, .data = {data, 60}};
    CHECK(handle_stage(&request, &response, &refusal) == STATUS_OK && response.off == 60);
    CHECK(handle_install(&(struct msg_install_request){}, &installed, &refusal) == STATUS_BAD_STATE);
    struct msg_stage_request again = request;
    again.data.size = 10;
    CHECK(handle_stage(&again, &response, &refusal) == STATUS_OK && response.off == 60); /* the same again: goes on */
    request = (struct msg_stage_request){.off = 80, .data = {data, 20}};
    CHECK(handle_stage(&request, &response, &refusal) == STATUS_OK && response.off == 60); /* a gap is not taken */
    request = (struct msg_stage_request){.off = 60, .data = {data, 41}};
    CHECK(handle_stage(&request, &response, &refusal) == STATUS_INVALID_ARGUMENT);
    data[99] = 1; /* damaged on the way */
    request = (struct msg_stage_request){.off = 60, .data = {data + 60, 40}};
    CHECK(handle_stage(&request, &response, &refusal) == STATUS_OK && response.off == 100);
    CHECK(handle_install(&(struct msg_install_request){}, &installed, &refusal) == STATUS_STAGE_HASH);
    CHECK(handle_install(&(struct msg_install_request){}, &installed, &refusal) == STATUS_BAD_STATE);
}

static void throw_out_v(void) { CHECK(module_take_back(running("v"), STATUS_MODULE_FAULT, nullptr)); }

static const struct version *seen;
static void see(void) { seen = running("c"); }

/* No core may come to code that it could have fetched before it was written. */
static void new_code_is_reached_after_every_core_was_asked(void) {
    const struct version *first = install_running("c", 1, returns_1, &(struct msg_install_request){});
    const uint64_t sequence = keys_newest_sequence();
    struct recipe second = recipe("c", 2);
    second.parent = first->sha;
    fake_fetching = see;
    fake_quiescent = false;
    CHECK(install(&second) == STATUS_BUSY && seen == first);
    CHECK(running("c") == first && keys_newest_sequence() == sequence);
    fake_quiescent = true;
    seen = nullptr;
    CHECK(install(&second) == STATUS_OK && seen == first && running("c") != first);
    fake_fetching = nullptr;
    remove_module("c");
    drop_evidence();
}

/* The parent is checked before the program is verified; here it is gone when the pointer is to be swapped. */
static void a_parent_that_is_thrown_out_meanwhile_is_not_replaced(void) {
    drop_evidence();
    const struct version *first = install_running("v", 1, returns_1, &(struct msg_install_request){});
    const struct version *second = install_running("v", 2, returns_1, &(struct msg_install_request){});
    const uint64_t sequence = keys_newest_sequence();
    struct recipe third = recipe("v", 3);
    third.parent = second->sha;
    fake_meanwhile = throw_out_v;
    CHECK(install(&third) == STATUS_BUSY);
    CHECK(running("v") == first && first->running.version == 1 && keys_newest_sequence() == sequence);
    third.parent = first->sha;
    fake_meanwhile = throw_out_v; /* the only version: its slot is empty afterwards */
    CHECK(install(&third) == STATUS_BUSY);
    CHECK(running("v") == nullptr && keys_newest_sequence() == sequence);
    third.parent = nullptr;
    CHECK(install(&third) == STATUS_OK && running("v")->running.version == 1);
    remove_module("v");
    drop_evidence();
}

int main(void) {
    CHECK(slots_init() == STATUS_OK && fake_tick != nullptr);
    staging_begins_with_what_is_sound();
    staging_resumes_and_checks();
    refusals_are_precise_and_change_nothing();
    a_full_pool_gets_back_what_it_gave();
    an_address_belongs_to_the_instruction_that_was_made_there();
    a_watch_has_bounds();
    the_longest_and_largest_is_taken();
    a_period_has_bounds();
    sequence_and_parent_order_versions();
    slots_run_out();
    maps_outlive_versions();
    a_faster_canary_is_promoted();
    a_slower_canary_is_taken_back_by_the_tick();
    one_long_call_is_enough();
    a_fault_ends_in_the_predecessors_favour();
    rollback_works_when_evidence_is_full();
    shadow_finds_a_disagreement();
    a_fault_of_the_shadow_is_told_once();
    a_program_has_each_map_once();
    the_host_can_roll_back_once();
    a_module_runs_once_a_tick_on_its_cores();
    a_free_place_shows_no_module();
    a_frame_goes_on_only_when_it_passes();
    lines_go_to_their_own_hook();
    shadow_compares_what_is_left_of_frames();
    versions_are_thrown_out_in_any_order();
    a_canary_that_is_promoted_leaves_two_versions();
    nothing_is_freed_before_the_grace_period();
    what_is_freed_is_not_what_a_core_ran_last();
    damaged_payloads_are_refused();
    new_code_is_reached_after_every_core_was_asked();
    a_parent_that_is_thrown_out_meanwhile_is_not_replaced();
    a_canary_is_compared_with_what_was_lately();
    a_canary_is_compared_with_calls_enough();
    samples_are_apart();
    return 0;
}
