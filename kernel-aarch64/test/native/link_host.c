/* The link on a PC: the console's input is standard input, its output standard output, and the rest of the kernel is
 * replaced by stand-ins whose answers a test can tell apart. With an argument, the first N bytes of random input derived
 * from a seed are fed instead, many times over (fuzzing without a corpus): `link_host fuzz SEED ROUNDS`. */
#include "drivers/clock.h"
#include "drivers/gpio.h"
#include "drivers/tick.h"
#include "patch/command.h"
#include "link/line.h"
#include "link/packet.h"
#include "link/receive.h"
#include "link/reset.h"
#include "mm/code.h"
#include "mm/pool.h"
#include "patch/service.h"
#include "patch/slots.h"
#include "smp/core.h"
#include "telemetry/stats.h"
#include "update/update.h"
#include "drivers/console.h"
#include "lib/print.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool quiet;
static uint32_t stage_calls;

void console_print(const char *fmt, ...) {
    char text[256];
    va_list args;
    va_start(args, fmt);
    format_list(text, sizeof text, fmt, args);
    va_end(args);
    if (!quiet) { fputs(text, stdout); }
}

static void put(const void *data, uint32_t size) {
    if (size > FRAME_BYTES) { abort(); }
    if (!quiet) { fwrite(data, 1, size, stdout); }
}

uint32_t cores_up(void) { return 2; }
uint64_t clock_ns(void) {
    static uint64_t now_ns;
    return now_ns += 1000;
}

enum status core_stats_read(uint32_t core, struct core_stats *out) {
    *out = (struct core_stats){.idle_wakeups = 100 + core, .stack_size_bytes = 16384, .stack_used_bytes = 400};
    return STATUS_OK;
}

struct memory_use pool_use(void) { return (struct memory_use){.bytes = 1600, .most_bytes = 3200}; }
struct memory_use code_use(void) { return (struct memory_use){.bytes = 512, .most_bytes = 1024}; }

void tick_stats_read(uint32_t core, struct tick_stats *out) { *out = (struct tick_stats){.ticks = 1000 + core}; }

uint32_t stats_count(void) { return 2; }

bool stats_read(uint32_t i, const char **name, uint64_t *value) {
    *name = i == 0 ? "installs" : "refusals";
    *value = 0x1'0000'0000ull + i;
    return i < 2;
}

const char *gpio_name(bool output, uint32_t i) { return output && i == 0 ? "relay" : nullptr; }

enum status handle_info(struct msg_info_response *response, struct refusal *) {
    *response = (struct msg_info_response){.version = SPAN("9.9.9"), .build = SPAN("b"), .board = SPAN("paper"), .cores = 2};
    response->board_class = SPAN("aarch64");
    response->image_bytes = 3, response->boot_insns = 4, response->sequence = 5;
    return STATUS_OK;
}

enum status handle_stage(const struct msg_stage_request *request, struct msg_stage_response *response, struct refusal *) {
    response->off = request->off + request->data.size + 100000 * stage_calls++;
    return STATUS_OK;
}

enum status handle_install(const struct msg_install_request *, struct msg_install_response *, struct refusal *refusal) {
    *refusal = (struct refusal){true, 7, "r3 may be null"};
    return STATUS_NULL_DEREFERENCE;
}

/* A reply as large as a reply can be, and one byte more. */
enum status handle_map_read(const struct msg_map_read_request *request, struct msg_map_read_response *response,
                            struct refusal *) {
    static uint8_t value[SMP_BUFFER_BYTES];
    const uint32_t room = SMP_BUFFER_BYTES - 8 - (1 + 1 + 5 + 3); /* header, map, "value", head of the bytes */
    response->value = (struct span){value, span_is(request->map, "fits") ? room : room + 1};
    return STATUS_OK;
}

#define NO_ENTRY_BOTH(name)                                                                              \
    enum status handle_##name(const struct msg_##name##_request *, struct msg_##name##_response *, struct refusal *) { \
        return STATUS_NO_ENTRY;                                                                          \
    }
NO_ENTRY_BOTH(report)
NO_ENTRY_BOTH(profile)
NO_ENTRY_BOTH(trace)
NO_ENTRY_BOTH(event)
NO_ENTRY_BOTH(evidence)
NO_ENTRY_BOTH(inject)
NO_ENTRY_BOTH(map_next)
NO_ENTRY_BOTH(map_info)
NO_ENTRY_BOTH(run)
NO_ENTRY_BOTH(timer)
NO_ENTRY_BOTH(bench)
NO_ENTRY_BOTH(key)
/* One more with each piece of a patch. */
enum status handle_module(const struct msg_module_request *request, struct msg_module_response *response, struct refusal *) {
    const struct span texts[] = {SPAN("fir"), SPAN("timer"), SPAN("active")};
    *response = (struct msg_module_response){.name = texts[0], .hook = texts[1], .state = texts[2], .bound = 0x1'0000'0000ull};
    response->version = request->i;
    response->jit_bytes = 256;
    return request->i < stage_calls ? STATUS_OK : STATUS_NO_ENTRY;
}

/* A module that answers some lines, takes one, and lets the others pass. */
uint32_t frame_dispatch(enum hook_id hook, uint8_t *data, uint32_t room, uint32_t len, uint32_t port) {
    if (hook != HOOK_UART_LINE || room != UART_LINE_BYTES || port != 0) { abort(); }
    for (uint32_t i = 0; i < room; i++) {
        if ((data[i] == 0) != (i >= len)) { abort(); }
    }
    const struct span line = {data, len};
    if (span_is(line, "take")) { return VERDICT_DROP; }
    if (span_is(line, "fault")) { return VERDICT_ABORTED; }
    if (span_is(line, "fill")) { memset(data, 'x', room); }
    else if (span_is(line, "clear")) { memcpy(data, "\x1b[2J\n\x06\x09", 8); }
    else if (len != UART_LINE_BYTES - 1 && !span_is(line, "say it")) { return VERDICT_PASS; }
    return VERDICT_TRANSMIT;
}

enum status handle_rollback(const struct msg_rollback_request *request, struct msg_rollback_response *, struct refusal *refusal) {
    return REFUSE(refusal, STATUS_NO_ENTRY, "no '%.*s'", (int)request->name.size, (const char *)request->name.data);
}

enum status handle_remove(const struct msg_remove_request *, struct refusal *) { return STATUS_OK; }
enum status handle_evidence_ack(const struct msg_evidence_ack_request *, struct refusal *) { return STATUS_NO_ENTRY; }
enum status handle_revoke(const struct msg_revoke_request *, struct refusal *) { return STATUS_NO_ENTRY; }
enum status handle_map_write(const struct msg_map_write_request *, struct refusal *) { return STATUS_NO_ENTRY; }
enum status handle_crash(struct msg_crash_response *, struct refusal *) { return STATUS_NO_ENTRY; }


/* One slot, that holds whatever was sent last. */
static struct slot only = {.state = SLOT_STATE_CONFIRMED, .version = "9.9.8"};
const struct slot *update_slot(uint32_t slot) {
    static const struct slot empty;
    return slot == 0 ? &only : &empty;
}
uint32_t update_running(void) { return 0; }
uint32_t update_active(void) { return SLOT_NONE; }
bool update_is_running(struct span sha) { return span_equal(sha, (struct span){only.sha, 32}); }
const struct slot *update_memory(void) {
    static const struct slot empty;
    return &empty;
}
enum status update_test_memory(struct span, struct refusal *) { return STATUS_NO_ENTRY; }
enum status update_begin(uint32_t, uint32_t size_bytes, struct span sha, struct refusal *) {
    return size_bytes > 0 && sha.size == 32 ? STATUS_OK : STATUS_INVALID_ARGUMENT;
}
enum status update_take(uint32_t, struct span, uint32_t offset, struct span data, uint32_t *next, struct refusal *) {
    *next = offset + data.size;
    return STATUS_OK;
}
enum status update_erase(void) { return STATUS_OK; }
enum status update_test(struct span sha, struct refusal *) { return sha.size == 32 ? STATUS_OK : STATUS_NO_ENTRY; }
enum status update_confirm(struct refusal *) { return STATUS_OK; }
enum status handle_measured(struct msg_measured_response *, struct refusal *) { return STATUS_NO_ENTRY; }

/* Injecting needs a signature, and any message is one that may inject. */
static const struct signer *assumed;
void keys_assume(const struct signer *signer) { assumed = signer; }
enum status door_check(uint32_t door, struct refusal *) {
    return door == DOOR_PACKETS && !assumed ? STATUS_NOT_SIGNED : STATUS_OK;
}
enum status command_open(struct span message, struct command *out, struct refusal *) {
    *out = (struct command){.group = message.size > 0 ? message.data[0] : 0, .command = MSG_INJECT};
    static const uint8_t frame[] = {0xa1, 0x64, 'd', 'a', 't', 'a', 0x41, 0x00};
    out->payload = (struct span){frame, sizeof frame};
    return STATUS_OK;
}

static uint64_t state;

static uint32_t random_below(uint32_t limit) { /* xorshift64*, so that a seed repeats its run */
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545f4914f6cdd1dull) >> 33) % limit;
}

static uint8_t stream[3 * SMP_BUFFER_BYTES];
static uint32_t stream_size;

static void collect(const void *line, uint32_t size) {
    if (stream_size + size > sizeof stream) { abort(); }
    memcpy(stream + stream_size, line, size);
    stream_size += size;
}

/* A request whose header is right more often than chance would have it, and whose payload is half CBOR. */
static void random_message(void) {
    uint8_t body[SMP_BUFFER_BYTES];
    const uint32_t payload = random_below(8) == 0 ? random_below(SMP_BUFFER_BYTES - 8) : random_below(64);
    static const uint8_t groups[] = {0, 2, 64, 64, 65, 1};
    static const char *const starts[] = {"\xa1\x61\x64\x65hello", "\xa1\x61i\x18\x00", "\xbf", "\xa1\x64name\x64link", "\x9b"};
    for (uint32_t i = 0; i < 8 + payload; i++) { body[i] = (uint8_t)random_below(256); }
    const char *start = starts[random_below(5)];
    if (strlen(start) <= payload) { memcpy(body + 8, start, strlen(start)); }
    const uint8_t head[8] = {(uint8_t)(8 * random_below(2) + 2 * random_below(2)), 0, (uint8_t)(payload >> 8), (uint8_t)payload, 0,
                             groups[random_below(6)], 1, (uint8_t)random_below(24)};
    memcpy(body, head, random_below(16) ? 8 : random_below(8));
    packet_send((struct span){body, 8 + payload}, collect);
}

/* Flips, drops, doubles or inserts a byte. */
static void damage(void) {
    const uint32_t at = random_below(stream_size);
    switch (random_below(4)) {
    case 0:
        stream[at] ^= (uint8_t)(1u << random_below(8));
        break;
    case 1:
        memmove(stream + at, stream + at + 1, --stream_size - at);
        break;
    case 2:
        stream_size = at + 1;
        break;
    default:
        stream[at] = "\x06\x09\x04\x14\n\r\b="[random_below(8)];
    }
}

static int fuzz(uint64_t seed, uint32_t rounds) {
    static const uint8_t echo[] = {0x0a, 0, 0, 9, 0, 0, 0x42, 0, 0xa1, 0x61, 0x64, 0x65, 'h', 'e', 'l', 'l', 'o'};
    state = seed | 1;
    quiet = true;
    for (uint32_t round = 0; round < rounds; round++) {
        stream_size = 0;
        random_message();
        for (uint32_t i = random_below(4); i > 0 && stream_size > 0; i--) { damage(); }
        for (uint32_t i = 0; i < stream_size; i++) { (void)receive_byte(stream[i], put); }
        /* Whatever came before, the next whole message is answered. */
        struct link_counters before, after;
        receive_counters(&before);
        stream_size = 0;
        packet_send((struct span){echo, sizeof echo}, collect);
        for (uint32_t i = 0; i < stream_size; i++) { (void)receive_byte(stream[i], put); }
        receive_counters(&after);
        if (after.messages != before.messages + 1 || after.replies != before.replies + 1) {
            printf("round %u of seed %lu: no answer after damage\n", round, seed);
            return 1;
        }
    }
    struct link_counters counters;
    receive_counters(&counters);
#define PRINT_COUNTER(name, sentence) printf("%s %lu\n", #name, counters.name);
    LINK_COUNTERS(PRINT_COUNTER)
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 4) { return fuzz(strtoull(argv[2], nullptr, 0), (uint32_t)atoi(argv[3])); }
    bool reset = false;
    for (int c; !reset && (c = getchar()) != EOF;) {
        reset = receive_byte((uint8_t)c, put) && reset_take(); /* whatever asks for one was a whole message */
        fflush(stdout);
    }
    if (reset) { puts("reset"); }
    return 0;
}
