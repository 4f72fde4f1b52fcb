/* Page tables and the memory of compiled modules on this machine: what is mapped, and which caches are told of what, in which
 * order. Prints "ok NAME" or "FAILED NAME" for each check. */
#include "lib/barrier.h"
#include "lib/cache.h"
#include "mm/code.h"
#include "mm/layout.h"
#include "mm/map.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define IMAGE_AT 0x42000000ull
#define TEXT_END (IMAGE_AT + 0x3b000)
#define RODATA_END (IMAGE_AT + 0x40000)
#define TREE_AT 0x48000000ull
__asm__(".globl __image_start, __text_end, __rodata_end\n"
        ".set __image_start, 0x42000000\n.set __text_end, 0x4203b000\n.set __rodata_end, 0x42040000");

#define PAGE_BYTES 4096ull
#define BLOCK_BYTES 0x200000ull
extern uint64_t root_table[512];

enum step : uint32_t { PUBLISH, DROP, DROP_CODE, DROP_TRANSLATION, DSB, DSB_ISH, DSB_ISHST, ISB };
static struct {
    enum step step;
    uint64_t addr;
} done[0x4000];
static uint32_t done_count, at;

static void note(enum step step, uint64_t addr) {
    done[done_count].step = step;
    done[done_count++].addr = addr;
}
uint64_t data_line_bytes(void) { return 64; }
uint64_t code_line_bytes(void) { return 32; }
void data_line_publish(uint64_t addr) { note(PUBLISH, addr); }
void data_line_drop(uint64_t addr) { note(DROP, addr); }
void code_line_drop(uint64_t addr) { note(DROP_CODE, addr); }
void translation_drop(uint64_t addr) { note(DROP_TRANSLATION, addr); }
void barrier_dsb(void) { note(DSB, 0); }
void barrier_dsb_ish(void) { note(DSB_ISH, 0); }
void barrier_dsb_ishst(void) { note(DSB_ISHST, 0); }
void barrier_isb(void) { note(ISB, 0); }

static void forget(void) { done_count = at = 0; }

static bool next(enum step step, uint64_t addr) {
    const bool good = at < done_count && done[at].step == step && done[at].addr == addr;
    at++;
    return good;
}

static bool lines(enum step step, uint64_t start, uint64_t end, uint64_t line) {
    for (uint64_t addr = start; addr < end; addr += line) {
        if (!next(step, addr)) { return false; }
    }
    return true;
}

/* Memory first, then what was fetched of it, each over before the next begins. */
static bool is_published(const struct code_area *area) {
    return lines(PUBLISH, (uintptr_t)area->write, (uintptr_t)area->write + area->size_bytes, 64) && next(DSB_ISH, 0) &&
           lines(DROP_CODE, area->exec_addr, area->exec_addr + area->size_bytes, 32) && next(DSB_ISH, 0) && next(ISB, 0);
}

static bool code_is_published_whole_before_it_runs(void) {
    struct code_area area;
    bool good = code_alloc(1000, &area) == STATUS_OK;
    forget();
    code_publish(&area);
    good = good && is_published(&area) && at == done_count;
    code_free(&area);
    return good;
}

static bool code_that_is_withdrawn_is_none_of_it_left(void) {
    static uint32_t words[256 / 4 + 1];
    const struct code_area area = {words, 0x42400700, 256};
    words[256 / 4] = 7;
    forget();
    code_withdraw(&area, 0xd4200000);
    bool good = is_published(&area) && next(DROP_TRANSLATION, 0x42400700) && next(DSB_ISH, 0) && at == done_count;
    for (uint32_t i = 0; i < 256 / 4; i++) { good = good && words[i] == 0xd4200000; }
    return good && words[256 / 4] == 7;
}

static bool areas_of_code_lie_apart_and_are_used_again(void) {
    struct code_area area[3], whole, none = {};
    bool good = true;
    for (uint32_t i = 0; i < 3; i++) {
        good = good && code_alloc(257 + i, &area[i]) == STATUS_OK && area[i].size_bytes == 512;
        good = good && area[i].exec_addr == IMAGE_AT + CODE_POOL_OFFSET + 512 * i && (uintptr_t)area[i].write == CODE_WRITE_VA + 512 * i;
    }
    good = good && code_use().bytes == 3 * 512 && code_alloc(CODE_POOL_BYTES - 3 * 512 + 1, &whole) == STATUS_POOL_FULL;
    good = good && code_contains(area[0].exec_addr) && !code_contains(area[0].exec_addr - 1);
    good = good && code_contains(area[0].exec_addr + CODE_POOL_BYTES - 1) && !code_contains(area[0].exec_addr + CODE_POOL_BYTES);
    struct code_area inner = {nullptr, area[1].exec_addr + 256, 256}, beyond = {nullptr, area[0].exec_addr + CODE_POOL_BYTES, 256};
    code_free(&inner); /* is the start of none */
    code_free(&beyond);
    code_free(&none);
    code_free(&(struct code_area){nullptr, area[1].exec_addr + 4, 512});
    good = good && code_use().bytes == 3 * 512;
    const uint64_t middle = area[1].exec_addr;
    code_free(&area[1]);
    good = good && area[1].exec_addr == 0 && code_alloc(513, &inner) == STATUS_OK && inner.exec_addr == area[2].exec_addr + 512;
    good = good && code_alloc(512, &area[1]) == STATUS_OK && area[1].exec_addr == middle;
    for (uint32_t i = 0; i < 3; i++) { code_free(&area[i]); }
    code_free(&inner);
    good = good && code_use().bytes == 0 && code_use().most_bytes == 4 * 512 + 256 && code_alloc(0, &whole) == STATUS_INVALID_ARGUMENT;
    good = good && code_alloc(CODE_POOL_BYTES + 1, &whole) == STATUS_POOL_FULL && code_alloc(CODE_POOL_BYTES, &whole) == STATUS_OK;
    code_free(&whole);
    return good && code_use().bytes == 0;
}

static bool what_is_cleaned_is_so_from_its_first_byte_to_its_last(void) {
    bool good = true;
    for (uint64_t start = 0x1000; start < 0x1040; start++) {
        for (uint64_t size = 1; size < 130; size += 21) {
            forget();
            cache_clean((const void *)start, size);
            good = good && lines(DROP, 0x1000, start + size, 64) && next(DSB, 0) && at == done_count;
        }
    }
    return good;
}

/* The descriptor for an address, 0 where nothing is mapped (Arm ARM D8.3). */
static uint64_t descriptor(uint64_t addr) {
    const uint64_t *table = root_table;
    for (uint32_t shift = 30;; shift -= 9) {
        const uint64_t entry = table[addr >> shift & 511];
        if (shift == 12 || (entry & 3) != 3) { return entry & 1 && (shift == 12) == ((entry & 3) == 3) ? entry : 0; }
        table = (const uint64_t *)(entry & 0xfffffffff000);
    }
}

/* Physical address of the page, and what may be done: bits 7 and 6 of access, 53 and 54 of execution, MAIR index, accessed. */
#define NORMAL (1u << 2 | 3u << 8 | 1u << 10)
#define READ_ONLY (1u << 7)
#define NEVER_HERE (1ull << 53)
#define NEVER_BELOW (1ull << 54)
static const uint64_t rights[] = {
    [MAP_TEXT] = NORMAL | READ_ONLY | NEVER_BELOW,
    [MAP_RODATA] = NORMAL | READ_ONLY | NEVER_HERE | NEVER_BELOW,
    [MAP_DATA] = NORMAL | NEVER_HERE | NEVER_BELOW,
    [MAP_DEVICE] = 1u << 10 | NEVER_HERE | NEVER_BELOW,
};

static bool is_mapped(uint64_t start, uint64_t end, uint64_t phys, enum map_kind kind) {
    for (uint64_t addr = start; addr < end; addr += PAGE_BYTES, phys += PAGE_BYTES) {
        const uint64_t entry = descriptor(addr);
        const uint64_t in_block = (entry & 3) == 1 ? phys % BLOCK_BYTES : 0;
        if ((entry & 0xfffffffff000) + in_block != phys || (entry & ~0xfffffffff003ull) != rights[kind]) { return false; }
    }
    return true;
}

static bool is_unmapped(uint64_t start, uint64_t end) {
    for (uint64_t addr = start; addr < end; addr += PAGE_BYTES) {
        if (descriptor(addr) != 0) { return false; }
    }
    return true;
}

static void begin(uint64_t tree) {
    memset(root_table, 0xff, sizeof(uint64_t[512])); /* whatever was there */
    (void)map_early(tree);
    forget();
}

static bool the_image_is_mapped_with_nothing_both_written_and_run(void) {
    begin(0);
    const uint64_t code = IMAGE_AT + CODE_POOL_OFFSET, stacks = IMAGE_AT + STACKS_OFFSET, data = IMAGE_AT + DATA_POOL_OFFSET;
    bool good = is_unmapped(IMAGE_AT - BLOCK_BYTES, IMAGE_AT) && is_mapped(IMAGE_AT, TEXT_END, IMAGE_AT, MAP_TEXT);
    good = good && is_mapped(TEXT_END, RODATA_END, TEXT_END, MAP_RODATA) && is_mapped(RODATA_END, code, RODATA_END, MAP_DATA);
    good = good && is_mapped(code, stacks, code, MAP_TEXT) && is_mapped(CODE_WRITE_VA, STACKS_VA, code, MAP_DATA);
    good = good && is_mapped(data, IMAGE_AT + IMAGE_BYTES, data, MAP_DATA) && is_unmapped(IMAGE_AT + IMAGE_BYTES, IMAGE_AT + 0x1000000);
    good = good && is_unmapped(stacks, data); /* at their own addresses, and below each stack */
    for (uint64_t core = 0; core < 8; core++) {
        const uint64_t bottom = STACKS_VA + core * STACK_STRIDE_BYTES, stack = bottom + STACK_STRIDE_BYTES - STACK_BYTES;
        good = good && is_unmapped(bottom, stack) && is_mapped(stack, stack + STACK_BYTES, stacks + (stack - STACKS_VA), MAP_DATA);
    }
    return good && descriptor(0) == 0;
}

static bool a_tree_is_mapped_where_it_is_one(void) {
    uint32_t *tree = mmap((void *)TREE_AT, 0x400000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    tree[1] = 0xedfe0dd0;
    tree[2] = __builtin_bswap32(0x2fff);
    bool good = map_early(TREE_AT + 4) == 0;
    tree[2] = tree[0] = 0xedfe0dd0;
    tree[3] = tree[1] = __builtin_bswap32(0x2fff);
    good = good && map_early(ALIAS_BASE) == 0 && map_early(0) == 0;
    good = good && map_early(TREE_AT + 8) == 0x2fff && is_mapped(TREE_AT, TREE_AT + 0x4000, TREE_AT, MAP_RODATA);
    good = good && map_early(TREE_AT) == 0x2fff && is_mapped(TREE_AT, TREE_AT + 0x3000, TREE_AT, MAP_RODATA);
    good = good && is_unmapped(TREE_AT + 0x3000, TREE_AT + BLOCK_BYTES);
    tree[1] = __builtin_bswap32(0x200000);
    good = good && map_early(TREE_AT) == 0x200000;
    tree[1] = __builtin_bswap32(0x200001);
    good = good && map_early(TREE_AT) == 0;
    tree[0] = 0xd00dfeed;
    tree[1] = __builtin_bswap32(0x2fff);
    return good && map_early(TREE_AT) == 0;
}

static bool devices_are_mapped_in_whole_pages_and_blocks(void) {
    begin(0);
    bool good = map_device(0xfe215040, 0x40) == STATUS_OK && is_mapped(0xfe215000, 0xfe216000, 0xfe215000, MAP_DEVICE);
    good = good && next(DSB_ISHST, 0) && next(DSB_ISHST, 0) && next(DSB_ISHST, 0) && next(ISB, 0) && at == done_count;
    good = good && is_unmapped(0xfe214000, 0xfe215000) && is_unmapped(0xfe216000, 0xfe217000);
    good = good && map_device(0xfe215ff8, 16) == STATUS_OK && is_mapped(0xfe215000, 0xfe217000, 0xfe215000, MAP_DEVICE);
    good = good && map_device(0x801ff000, 0x402000) == STATUS_OK && is_mapped(0x801ff000, 0x80601000, 0x801ff000, MAP_DEVICE);
    good = good && (descriptor(0x80200000) & 3) == 1 && (descriptor(0x80400000) & 3) == 1; /* the whole ones of it */
    good = good && is_unmapped(0x80000000, 0x801ff000) && is_unmapped(0x80601000, 0x80800000);
    good = good && map_device(0x801ff000, 0x402000) == STATUS_OK; /* the same again */
    good = good && map_device(0x80300000, 0x1000) == STATUS_BAD_STATE && map_device(IMAGE_AT, 0x1000) == STATUS_BAD_STATE;
    good = good && map_device(0xa0000000, BLOCK_BYTES) == STATUS_OK && (descriptor(0xa0000000) & 3) == 1;
    good = good && map_range(0xc0000000, 0xa0401000, 2 * BLOCK_BYTES, MAP_DATA) == STATUS_OK;
    good = good && is_mapped(0xc0000000, 0xc0000000 + 2 * BLOCK_BYTES, 0xa0401000, MAP_DATA);
    return good && map_device(0xfe200000, BLOCK_BYTES) == STATUS_OK && is_mapped(0xfe200000, 0xfe400000, 0xfe200000, MAP_DEVICE);
}

static bool what_cannot_be_mapped_is_refused(void) {
    begin(0);
    bool good = map_device(0, 0x1000) == STATUS_INVALID_ARGUMENT && map_device(0xfff, 0x1000) == STATUS_INVALID_ARGUMENT;
    good = good && map_device(0x1000, 0x1000) == STATUS_OK && map_device(0x9000, 0) == STATUS_INVALID_ARGUMENT;
    good = good && map_device(0x9010, 0) == STATUS_INVALID_ARGUMENT;
    good = good && map_device(ALIAS_BASE - 0x1000, 0x1000) == STATUS_OK && map_device(ALIAS_BASE - 0x1000, 0x1001) == STATUS_INVALID_ARGUMENT;
    good = good && map_device(ALIAS_BASE, 0x1000) == STATUS_INVALID_ARGUMENT;
    good = good && map_range(0x9000, -0x1000ull, 0x1000, MAP_DATA) == STATUS_INVALID_ARGUMENT;
    good = good && map_range(2 * ALIAS_BASE - 0x1000, 0x9000, 0x1000, MAP_DATA) == STATUS_OK;
    good = good && map_range(2 * ALIAS_BASE, 0x9000, 0x1000, MAP_DATA) == STATUS_INVALID_ARGUMENT;
    for (uint64_t less = 1; less < 0x3000; less++) { good = good && map_device(0x10000, -less) == STATUS_INVALID_ARGUMENT; }
    enum status status = STATUS_OK;
    for (uint64_t addr = 0x2'0000'0000; status == STATUS_OK; addr += 0x4000'0000) { status = map_device(addr, 0x1000); }
    return good && status == STATUS_NO_MEMORY && is_mapped(IMAGE_AT, TEXT_END, IMAGE_AT, MAP_TEXT);
}

static bool the_window_shows_one_page_after_another(void) {
    void *window;
    begin(0);
    bool good = map_window(0x1238, &window) == STATUS_OK && window == (void *)(WINDOW_VA + 0x238);
    good = good && is_mapped(WINDOW_VA, WINDOW_VA + PAGE_BYTES, 0x1000, MAP_DATA);
    forget();
    good = good && map_window(0x5000, &window) == STATUS_OK && window == (void *)WINDOW_VA;
    good = good && is_mapped(WINDOW_VA, WINDOW_VA + PAGE_BYTES, 0x5000, MAP_DATA);
    /* No core may have both (Arm ARM D8.16.1). */
    const bool broken = next(DSB_ISHST, 0) && next(DROP_TRANSLATION, WINDOW_VA) && next(DSB_ISH, 0) && next(ISB, 0);
    good = good && broken && next(DSB_ISHST, 0) && next(ISB, 0) && at == done_count;
    unmap_window();
    return good && is_unmapped(WINDOW_VA, WINDOW_VA + PAGE_BYTES) && map_window(ALIAS_BASE, &window) == STATUS_INVALID_ARGUMENT;
}

#define TELL(name) printf("%s " #name "\n", name() ? "ok" : "FAILED")

int main(void) {
    TELL(areas_of_code_lie_apart_and_are_used_again);
    TELL(code_is_published_whole_before_it_runs);
    TELL(code_that_is_withdrawn_is_none_of_it_left);
    TELL(what_is_cleaned_is_so_from_its_first_byte_to_its_last);
    TELL(the_image_is_mapped_with_nothing_both_written_and_run);
    TELL(a_tree_is_mapped_where_it_is_one);
    TELL(devices_are_mapped_in_whole_pages_and_blocks);
    TELL(what_cannot_be_mapped_is_refused);
    TELL(the_window_shows_one_page_after_another);
    return 0;
}
