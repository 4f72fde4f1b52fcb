/* A board's way from start to start, on this machine: `slots_host POLICY DISK TREE HANDOFF ADDRESS` starts the kernel with a
 * disk (a file that is written, too; an empty one is no disk), what the kernel before handed to it (a file, too), and its tree at
 * an address. Then it does what lines on standard input say, and prints an answer to each:
 *   r|w COMMAND HEX   a request of SMP group 1: status and payload, or its message
 *   at SECONDS        it is that late
 *   measured          slot that runs, seconds left to confirm it, root
 *   revoke            takes the first key of the policy back
 *   keys              whether it is
 *   reset             what a reset does: starts from memory, or the board is reset
 * Ends when it enters another image, with where that lies, and when the board is reset; what the next one finds is in HANDOFF. */
#include "drivers/board.h"
#include "drivers/clock.h"
#include "drivers/console.h"
#include "lib/print.h"
#include "link/smp.h"
#include "mm/layout.h"
#include "mm/map.h"
#include "update/update.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define IMAGE_AT 0x42000000ull /* the trees of the test know it */
__asm__(".globl __image_start\n.set __image_start, 0x42000000");

uint8_t velocity_policy[POLICY_BYTES];
static uint8_t disk[0x301000];
static char **path;
static uint64_t now_s, mapped, mapped_bytes;
static uint32_t closed;

uint64_t clock_ns(void) { return now_s * 1'000'000'000; }

void console_print(const char *fmt, ...) {
    char text[256];
    va_list args;
    va_start(args, fmt);
    format_list(text, sizeof text, fmt, args);
    va_end(args);
    printf("console: %s", text);
}

static uint32_t load(uint32_t i, void *out, uint32_t limit) {
    FILE *file = fopen(path[i], "rb");
    if (file == nullptr) { exit(2); }
    const size_t size = fread(out, 1, limit, file);
    fclose(file);
    return (uint32_t)size;
}

static void save(uint32_t i, const void *data, uint32_t size) {
    FILE *file = fopen(path[i], "wb");
    if (file == nullptr || fwrite(data, 1, size, file) != size) { exit(2); }
    fclose(file);
}

/* Memory outlives it: the firmware's image finds what a successor, as this is one then, left in its place. */
[[noreturn]] void board_reset(void) {
    save(4, (const void *)(uintptr_t)(IMAGE_AT - DISTANCE_BYTES + HANDOFF_OFFSET), sizeof(struct handoff));
    puts("reset");
    exit(0);
}

static void put_hex(const uint8_t *data, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) { printf("%02x", data[i]); }
}

[[noreturn]] void handover(uint64_t entry, const void *tree) {
    const uint8_t *image = (const uint8_t *)(uintptr_t)entry;
    save(4, image + HANDOFF_OFFSET, sizeof(struct handoff));
    printf("entered %lx with %x, closed %u, ", entry, *(const uint32_t *)tree, closed);
    put_hex(image, 8);
    puts("");
    exit(0);
}

enum status map_range(uint64_t virt, uint64_t phys, uint64_t size_bytes, enum map_kind kind) {
    mapped = virt, mapped_bytes = size_bytes;
    return virt == phys && kind == MAP_DATA ? STATUS_OK : STATUS_INVALID_ARGUMENT;
}

/* What was written of an image, and what was mapped for it, is what it needs. */
void cache_clean(const volatile void *start, uint64_t size_bytes) {
    const uint64_t at = (uintptr_t)start;
    const bool own = at == IMAGE_AT + HANDOFF_OFFSET && size_bytes == sizeof(struct handoff);
    const bool next = at == mapped && size_bytes == STATIC_BYTES && size_bytes <= mapped_bytes;
    if (!own && !next) { puts("cleaned something else"); }
}

static void close_disk(void) { closed++; }

static enum status read(void *, uint64_t sector, uint32_t count, void *out) {
    memcpy(out, disk + sector * SECTOR_BYTES, count * SECTOR_BYTES);
    return STATUS_OK;
}

static enum status write(void *, uint64_t sector, uint32_t count, const void *in) {
    memcpy(disk + sector * SECTOR_BYTES, in, count * SECTOR_BYTES);
    return STATUS_OK;
}

static void save_disk(void) { save(2, disk, sizeof disk); }

static void probe(void *, const struct fdt_node *node) {
    if (!node->disabled) { memory_probe(node); }
}

static void start(void) {
    static const struct block_device device = {.read = read, .write = write};
    void *const tree = (void *)(uintptr_t)strtoul(path[5], nullptr, 16);
    const uint32_t tree_bytes = load(3, tree, 0x4000);
    struct fdt fdt;
    if (fdt_open(tree, tree_bytes, &fdt) != STATUS_OK || fdt_walk(&fdt, probe, nullptr) != STATUS_OK) { exit(2); }
    (void)load(4, (void *)(uintptr_t)(IMAGE_AT + HANDOFF_OFFSET), sizeof(struct handoff));
    const bool has_disk = load(2, disk, sizeof disk) != 0;
    if (has_disk) { atexit(save_disk); }
    update_start(has_disk ? &device : nullptr, tree, tree_bytes, close_disk);
    update_report();
}

static void ask(char op, uint32_t command, const char *hex) {
    static uint8_t in[0x200000], reply[2048];
    uint32_t size = 0;
    for (unsigned byte; sscanf(hex + 2 * size, "%2x", &byte) == 1; size++) { in[size] = (uint8_t)byte; }
    const struct smp_header header = {.op = op == 'w' ? SMP_WRITE : SMP_READ, .command = (uint8_t)command};
    struct cbor_reader reader = {in, size, 0};
    struct cbor_writer out = {reply, sizeof reply, 0, false};
    struct refusal refusal = {};
    const enum status status = image_group(&header, &reader, &out, &refusal);
    printf("%u ", status);
    if (status == STATUS_OK) {
        put_hex(reply, out.size);
    } else {
        printf("%s", refusal.message);
    }
    puts("");
}

static void measure(void) {
    printf("%u %u ", update_running(), update_confirm_in_s());
    put_hex(update_root(), update_root() != nullptr ? 32 : 0);
    puts("");
}

static void revoke(bool now) {
    struct key_state key;
    struct refusal refusal;
    if (!keys_at(0, &key)) { exit(2); }
    if (now && keys_revoke((struct span){key.id, KEY_ID_BYTES}, nullptr, &refusal) != STATUS_OK) { exit(2); }
    puts(keys_at(0, &key) && key.record != nullptr && key.record->revoked ? "revoked" : "good");
}

static void reset(void) {
    if (!update_reset()) { board_reset(); }
    uint8_t *place = update_take_over();
    if (place == nullptr || update_take_over() != nullptr) { exit(2); }
    loader_enter(place);
}

int main(int count, char **argument) {
    static char line[0x400000];
    char op;
    uint32_t command;
    int at;
    void *const memory = (void *)(uintptr_t)(IMAGE_AT - DISTANCE_BYTES);
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    if (count != 6 || mmap(memory, 4 * DISTANCE_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0) != memory) { return 2; }
    path = argument;
    (void)load(1, velocity_policy, sizeof velocity_policy);
    start();
    while (fgets(line, sizeof line, stdin) != nullptr) {
        if (sscanf(line, "%c %u %n", &op, &command, &at) == 2 && (op == 'r' || op == 'w')) {
            ask(op, command, line + at);
        } else if (sscanf(line, "at %lu", &now_s) == 1) {
            update_poll();
            puts("");
        } else if (strcmp(line, "reset\n") == 0) {
            reset();
        } else if (strcmp(line, "measured\n") == 0) {
            measure();
        } else {
            revoke(strcmp(line, "revoke\n") == 0);
        }
    }
    return 0;
}
