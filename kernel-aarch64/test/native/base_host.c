/* The base of the kernel on a PC: device tree, text formatting, memory functions, checksums, pool.
 *   base_host check            runs the checks; prints "ok NAME" or "not ok NAME" for each
 *   base_host tree FILE        prints each node: depth, name, compatible, first reg, disabled or not
 *   base_host find FILE PATH   prints the name of the node at that path
 *   base_host fuzz FILE SEED N walks N damaged copies of the tree */
#include "lib/crc32.h"
#include "lib/fdt.h"
#include "lib/print.h"
#include "mm/layout.h"
#include "mm/pool.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

alignas(4096) uint8_t __image_start[IMAGE_BYTES];

/* The kernel's own versions, renamed by the test's build, so that they stand beside libc's. */
void *kernel_memcpy(void *restrict to, const void *restrict from, size_t size);
void *kernel_memmove(void *to, const void *from, size_t size);
void *kernel_memset(void *to, int byte, size_t size);
int kernel_memcmp(const void *a, const void *b, size_t size);

static uint64_t random_state;

static uint32_t random_below(uint32_t limit) { /* xorshift64, Marsaglia 2003 */
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % limit;
}

static void report(const char *name, bool good) { printf("%s %s\n", good ? "ok" : "not ok", name); }

#define PRINTS(expected, ...)                                     \
    do {                                                          \
        char out_[128];                                           \
        const uint32_t size_ = format(out_, sizeof out_, __VA_ARGS__); \
        if (strcmp(out_, expected) != 0 || size_ != strlen(expected)) { \
            printf("# got \"%s\", wanted \"%s\"\n", out_, expected); \
            good = false;                                         \
        }                                                         \
    } while (0)

/* As it stands; the compiler would tell of it. */
static uint32_t format_unknown(char *out, uint32_t size, ...) {
    va_list none;
    va_start(none, size);
    const uint32_t used = format_list(out, size, "%q %", none);
    va_end(none);
    return used;
}

static void check_print(void) {
    bool good = true;
    PRINTS("a -5 7 ff z", "a %d %u %x %c", -5, 7u, 255u, 'z');
    PRINTS("0 0 0 a 9 10", "%d %u %x %x %x %d", 0, 0u, 0u, 10u, 9u, 10);
    PRINTS("[][  ][][(nu]", "[%s][%2s][%.0s][%.3s]", "", "", "abc", (const char *)nullptr);
    PRINTS("-9223372036854775808 18446744073709551615", "%ld %lu", INT64_MIN, UINT64_MAX);
    PRINTS("-2147483648 0", "%d %u", INT32_MIN, 0u);
    PRINTS("[   42][00042][-0042][  -42][4211]", "[%5d][%05d][%05d][%5d][%2d]", 42, 42, -42, -42, 4211);
    PRINTS("[ab][  ab][abc]", "[%s][%4s][%.3s]", "ab", "ab", "abcdef");
    PRINTS("[ab][abc]%", "[%.*s][%.*s]%%", 2, "abcdef", -1, "abc");
    PRINTS("0x00ff 0x0000000000000abc ffffffffffffffff", "0x%04x 0x%016lx %llx", 255u, 0xabcul, ~0ull);
    char unknown[8];
    good = good && format_unknown(unknown, sizeof unknown) == 4 && strcmp(unknown, "%q %") == 0;
    report("print_formats_like_printf", good);
    char small[4];
    good = format(small, sizeof small, "%s", "abcdef") == 3 && strcmp(small, "abc") == 0 && format(small, 0, "x") == 0;
    report("print_never_writes_past_the_end", good);
}

static bool memory_round(void) {
    uint8_t mine[300];
    uint8_t reference[300];
    for (uint32_t i = 0; i < sizeof mine; i++) { mine[i] = reference[i] = (uint8_t)random_below(256); }
    const uint32_t size = random_below(100);
    const uint32_t from = random_below(200);
    const uint32_t to = random_below(200);
    kernel_memmove(mine + to, mine + from, size);
    memmove(reference + to, reference + from, size);
    if (memcmp(mine, reference, sizeof mine) != 0) { return false; }
    kernel_memset(mine + from, (int)size, size);
    memset(reference + from, (int)size, size);
    if (memcmp(mine, reference, sizeof mine) != 0) { return false; }
    kernel_memcpy(mine + from % 100, reference + 100 + to % 100, size);
    if (memcmp(mine + from % 100, reference + 100 + to % 100, size) != 0) { return false; }
    const int wanted = memcmp(mine + from, reference + to, size);
    const int got = kernel_memcmp(mine + from, reference + to, size);
    return (wanted < 0) == (got < 0) && (wanted > 0) == (got > 0);
}

/* Equal but for one byte, of what is compared or next to it. */
static bool comparison_round(void) {
    alignas(8) uint8_t buffers[2][64];
    for (uint32_t i = 0; i < sizeof buffers[0]; i++) { buffers[0][i] = buffers[1][i] = (uint8_t)random_below(256); }
    const uint32_t from = random_below(16);
    const uint32_t size = random_below(sizeof buffers[0] - from);
    buffers[random_below(2)][random_below(sizeof buffers[0])] ^= 1;
    const int wanted = memcmp(buffers[0] + from, buffers[1] + from, size);
    const int got = kernel_memcmp(buffers[0] + from, buffers[1] + from, size);
    return (wanted < 0) == (got < 0) && (wanted > 0) == (got > 0);
}

static void check_memory(void) {
    bool good = true;
    for (uint32_t i = 0; i < 20000 && good; i++) { good = memory_round() && comparison_round(); }
    report("memory_functions_do_what_libc_does", good);
}

#define HELD 64u

static bool all_bytes(const uint8_t *bytes, uint32_t size, uint8_t value) {
    for (uint32_t i = 0; i < size; i++) {
        if (bytes[i] != value) { return false; }
    }
    return true;
}

/* Allocates and frees at random; each block holds its own pattern, which another block's memory would destroy. */
static bool pool_rounds(void) {
    struct {
        void *memory;
        uint32_t size;
    } held[HELD] = {};
    for (uint32_t round = 0; round < 20000; round++) {
        const uint32_t i = random_below(HELD);
        if (held[i].memory) {
            if (!all_bytes(held[i].memory, held[i].size, (uint8_t)(i + 1))) { return false; }
            pool_free(held[i].memory);
            held[i].memory = nullptr;
            continue;
        }
        const uint32_t align = 1u << random_below(13);
        held[i].size = 1 + random_below(random_below(4) == 0 ? 700000 : 3000);
        if (pool_alloc(held[i].size, align, &held[i].memory) != STATUS_OK) {
            held[i].memory = nullptr;
            continue;
        }
        if ((uintptr_t)held[i].memory % align != 0 || !all_bytes(held[i].memory, held[i].size, 0)) { return false; }
        memset(held[i].memory, (int)(i + 1), held[i].size);
    }
    for (uint32_t i = 0; i < HELD; i++) { pool_free(held[i].memory); }
    return true;
}

static void check_pool(void) {
    void *memory;
    report("pool_blocks_are_zeroed_aligned_and_apart", pool_rounds());
    const struct memory_use after = pool_use();
    report("pool_is_empty_when_everything_is_freed", after.bytes == 0 && after.most_bytes > 0 && after.most_bytes <= POOL_BYTES);
    const bool whole = pool_alloc(POOL_BYTES - 16, 16, &memory) == STATUS_OK;
    void *more;
    report("pool_gives_all_it_has_and_then_refuses", whole && pool_alloc(1, 0, &more) == STATUS_POOL_FULL);
    pool_free((uint8_t *)memory + 16);
    pool_free(&memory);
    pool_free(memory);
    pool_free(memory);
    report("pool_ignores_pointers_it_did_not_give", pool_use().bytes == 0);
    report("pool_remembers_the_most_that_was_in_use", pool_use().most_bytes == POOL_BYTES);
    const bool refused = pool_alloc(0, 0, &memory) == STATUS_INVALID_ARGUMENT &&
                         pool_alloc(8, 3, &memory) == STATUS_INVALID_ARGUMENT &&
                         pool_alloc(UINT32_MAX, 16, &memory) == STATUS_POOL_FULL;
    report("pool_refuses_sizes_and_alignments_that_make_no_sense", refused);
}

static uint8_t *read_file(const char *path, uint32_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file) { exit(2); }
    fseek(file, 0, SEEK_END);
    *size = (uint32_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size); /* exactly as large, so that the sanitizer sees the first byte too many */
    if (fread(bytes, 1, *size, file) != *size) { exit(2); }
    fclose(file);
    return bytes;
}

static void print_node(void *cookie, const struct fdt_node *node) {
    (void)cookie;
    uint64_t addr;
    uint64_t size;
    printf("%u %s %s", node->depth, node->name[0] ? node->name : "/",
           node->compatible_count > 0 ? node->compatible[0] : "-");
    if (fdt_reg(node, 0, &addr, &size) == STATUS_OK) {
        printf(" %" PRIx64 "+%" PRIx64, addr, size);
    } else {
        printf(" -");
    }
    printf(" %s\n", node->disabled ? "disabled" : "okay");
}

static void touch_node(void *cookie, const struct fdt_node *node) {
    uint64_t *sum = cookie;
    uint64_t addr = 0;
    uint64_t size = 0;
    *sum += fdt_reg(node, 0, &addr, &size) + fdt_compatible(node, "arm,pl011") + strlen(node->name);
    *sum += fdt_cell(node->property[FDT_INTERRUPTS], 1) + addr + size;
}

static int fuzz(const char *path, uint64_t seed, uint32_t rounds) {
    uint32_t size;
    uint8_t *original = read_file(path, &size);
    random_state = seed | 1;
    uint64_t sum = 0;
    uint32_t opened = 0;
    for (uint32_t round = 0; round < rounds; round++) {
        const uint32_t kept = random_below(4) == 0 ? 1 + random_below(size) : size;
        uint8_t *copy = malloc(kept);
        memcpy(copy, original, kept);
        for (uint32_t i = 1 + random_below(8); i > 0; i--) {
            const uint32_t limit = random_below(3) == 0 && kept > 64 ? 64 : kept;
            copy[random_below(limit)] = (uint8_t)random_below(256);
        }
        struct fdt tree;
        uint32_t offset;
        if (fdt_open(copy, kept, &tree) == STATUS_OK) {
            opened++;
            sum += fdt_walk(&tree, touch_node, &sum);
            sum += fdt_find(&tree, SPAN("serial0:115200n8"), &offset);
            sum += fdt_find(&tree, SPAN("/soc/serial@7e201000"), &offset);
        }
        free(copy);
    }
    printf("opened %u of %u, %" PRIx64 "\n", opened, rounds, sum);
    free(original);
    return 0;
}

int main(int count, char **argument) {
    random_state = 88172645463325252ull;
    if (count == 2 && strcmp(argument[1], "check") == 0) {
        check_print();
        check_memory();
        report("crc32_of_the_check_string", crc32("123456789", 9) == 0xcbf43926u);
        check_pool();
        return 0;
    }
    if (count == 5 && strcmp(argument[1], "fuzz") == 0) {
        return fuzz(argument[2], strtoull(argument[3], nullptr, 0), (uint32_t)strtoul(argument[4], nullptr, 0));
    }
    if (count < 3) { return 2; }
    uint32_t size;
    uint8_t *bytes = read_file(argument[2], &size);
    struct fdt tree;
    if (fdt_open(bytes, size, &tree) != STATUS_OK) {
        printf("corrupt\n");
    } else if (strcmp(argument[1], "tree") == 0) {
        if (fdt_walk(&tree, print_node, nullptr) != STATUS_OK) { printf("corrupt\n"); }
    } else if (count == 4 && strcmp(argument[1], "find") == 0) {
        uint32_t offset;
        const struct span path = {(const uint8_t *)argument[3], (uint32_t)strlen(argument[3])};
        const bool found = fdt_find(&tree, path, &offset) == STATUS_OK;
        printf("%s\n", found ? (const char *)tree.structure + offset + 4 : "not found");
    }
    free(bytes);
    return 0;
}
