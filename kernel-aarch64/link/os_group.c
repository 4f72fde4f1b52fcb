/* SMP group 0, OS management (Zephyr smp_group_0.rst): echo, task statistics, memory pools, parameters, reset. */
#include "drivers/tick.h"
#include "lib/print.h"
#include "link/map.h"
#include "link/reset.h"
#include "link/smp.h"
#include "mm/code.h"
#include "mm/pool.h"
#include "smp/core.h"
#include "trust/keys.h"

enum : uint8_t { OS_ECHO = 0, OS_TASKSTAT = 2, OS_MPSTAT = 3, OS_RESET = 5, OS_PARAMS = 6 };

static bool reset_asked;

bool reset_take(void) {
    const bool asked = reset_asked;
    reset_asked = false;
    return asked;
}

static enum status echo(struct cbor_reader *in, struct cbor_writer *out) {
    struct span text;
    if (map_text(in, SPAN("d"), &text) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
    cbor_put_map(out, 1);
    cbor_put_text(out, SPAN("r"));
    cbor_put_text(out, text);
    return STATUS_OK;
}

static void put_number(struct cbor_writer *out, struct span key, uint64_t value) {
    cbor_put_text(out, key);
    cbor_put_uint(out, value);
}

/* A core is what comes nearest to a task here: its switches are wake-ups and ticks, its run time is counted in ticks.
 * Sizes are in 4-byte words, as Zephyr gives them. */
static void put_core(struct cbor_writer *out, uint32_t core) {
    struct core_stats stats = {};
    struct tick_stats ticks = {};
    char name[16];
    (void)core_stats_read(core, &stats); /* stays zero for a core that is not up */
    tick_stats_read(core, &ticks);
    const uint32_t size = format(name, sizeof name, "core%u", core);
    cbor_put_text(out, (struct span){(const uint8_t *)name, size});
    cbor_put_map(out, 7);
    put_number(out, SPAN("prio"), 0);
    put_number(out, SPAN("tid"), core);
    put_number(out, SPAN("state"), 1);
    put_number(out, SPAN("stkuse"), stats.stack_used_bytes / 4);
    put_number(out, SPAN("stksiz"), stats.stack_size_bytes / 4);
    put_number(out, SPAN("cswcnt"), stats.idle_wakeups);
    put_number(out, SPAN("runtime"), ticks.ticks);
}

static enum status taskstat(struct cbor_writer *out) {
    cbor_put_map(out, 1);
    cbor_put_text(out, SPAN("tasks"));
    cbor_put_map(out, cores_up());
    for (uint32_t core = 0; core < cores_up(); core++) { put_core(out, core); }
    return STATUS_OK;
}

/* A block is the smallest piece that a pool hands out. */
static void put_pool(struct cbor_writer *out, struct span name, uint32_t block, uint32_t size, struct memory_use use) {
    cbor_put_text(out, name);
    cbor_put_map(out, 4);
    put_number(out, SPAN("blksiz"), block);
    put_number(out, SPAN("nblks"), size / block);
    put_number(out, SPAN("nfree"), (size - use.bytes) / block);
    put_number(out, SPAN("min"), (size - use.most_bytes) / block);
}

static enum status mpstat(struct cbor_writer *out) {
    cbor_put_map(out, 2);
    put_pool(out, SPAN("pool"), POOL_BLOCK_BYTES, POOL_BYTES, pool_use());
    put_pool(out, SPAN("code"), CODE_BLOCK_BYTES, CODE_POOL_BYTES, code_use());
    return STATUS_OK;
}

static enum status params(struct cbor_writer *out) {
    cbor_put_map(out, 2);
    put_number(out, SPAN("buf_size"), SMP_BUFFER_BYTES);
    put_number(out, SPAN("buf_count"), 1);
    return STATUS_OK;
}

enum status os_group(const struct smp_header *header, struct cbor_reader *in, struct cbor_writer *out,
                     struct refusal *refusal) {
    if (header->command == OS_ECHO) { return echo(in, out); } /* clients send it with either operation */
    if (header->command == OS_TASKSTAT && header->op == SMP_READ) { return taskstat(out); }
    if (header->command == OS_MPSTAT && header->op == SMP_READ) { return mpstat(out); }
    if (header->command == OS_PARAMS && header->op == SMP_READ) { return params(out); }
    if (header->command == OS_RESET && header->op == SMP_WRITE) {
        const enum status status = door_check(DOOR_RESET, refusal);
        reset_asked = reset_asked || status == STATUS_OK; /* carried out once the reply is on its way */
        return status;
    }
    return STATUS_NOT_SUPPORTED;
}
