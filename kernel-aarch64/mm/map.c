#include "mm/map.h"
#include "lib/barrier.h"
#include "lib/cache.h"
#include "mm/layout.h"

#define PAGE_BYTES 4096ull
#define BLOCK_BYTES 0x200000ull
#define TABLE_ENTRIES 512u
#define TABLE_COUNT 32u

/* Descriptor bits (Arm ARM D8.3). */
#define DESC_VALID 1ull
#define DESC_TABLE 3ull
#define DESC_BLOCK 1ull
#define DESC_PAGE 3ull
#define DESC_ATTR(index) ((uint64_t)(index) << 2) /* MAIR index, set in head.S */
#define DESC_READ_ONLY (1ull << 7)
#define DESC_INNER_SHAREABLE (3ull << 8)
#define DESC_ACCESSED (1ull << 10)
#define DESC_PXN (1ull << 53)
#define DESC_UXN (1ull << 54)
#define DESC_ADDR 0x0000fffffffff000ull

#define FDT_MAGIC_LE 0xedfe0dd0u
#define TREE_MAX_BYTES 0x200000u

typedef uint64_t table[TABLE_ENTRIES];

/* Not in .bss: filled before .bss is cleared. root_table is named in head.S. */
__attribute__((section(".noinit"), aligned(4096))) table root_table;
__attribute__((section(".noinit"), aligned(4096))) static table tables[TABLE_COUNT];
__attribute__((section(".noinit"))) static uint32_t tables_used;

static uint64_t attributes(enum map_kind kind) {
    const uint64_t normal = DESC_ATTR(1) | DESC_INNER_SHAREABLE | DESC_ACCESSED | DESC_UXN;
    switch (kind) {
    case MAP_TEXT: return normal | DESC_READ_ONLY;
    case MAP_RODATA: return normal | DESC_READ_ONLY | DESC_PXN;
    case MAP_DATA: return normal | DESC_PXN;
    case MAP_DEVICE: break;
    }
    return DESC_ATTR(0) | DESC_ACCESSED | DESC_UXN | DESC_PXN;
}

static void table_clear(uint64_t *entries) {
    for (uint32_t i = 0; i < TABLE_ENTRIES; i += 4) {
        entries[i] = 0;
        entries[i + 1] = 0;
        entries[i + 2] = 0;
        entries[i + 3] = 0;
        barrier_compiler(); /* keeps this from becoming a call of memset, which may use DC ZVA */
    }
}

/* The table below an entry, made when there is none; null when the entry is a block or no table is left. */
static uint64_t *table_below(uint64_t *entry) {
    if ((*entry & DESC_TABLE) == DESC_TABLE) { return (uint64_t *)(uintptr_t)(*entry & DESC_ADDR); }
    if ((*entry & DESC_VALID) || tables_used == TABLE_COUNT) { return nullptr; }
    uint64_t *made = tables[tables_used++];
    table_clear(made);
    barrier_dsb_ishst(); /* the walker must not see the entry before the cleared table */
    *entry = (uint64_t)(uintptr_t)made | DESC_TABLE;
    return made;
}

/* Sets an entry that is empty or already the same. */
static enum status entry_set(uint64_t *entry, uint64_t value) {
    if (*entry == value) { return STATUS_OK; }
    if (*entry & DESC_VALID) { return STATUS_BAD_STATE; }
    *entry = value;
    return STATUS_OK;
}

enum status map_range(uint64_t addr_virt, uint64_t addr_phys, uint64_t size_bytes, enum map_kind kind) {
    const uint64_t flags = attributes(kind);
    const uint64_t slack = addr_virt % PAGE_BYTES;
    uint64_t virt = addr_virt - slack;
    uint64_t phys = addr_phys - slack;
    const uint64_t end = (addr_virt + size_bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
    if (size_bytes == 0 || end <= virt || end > 2 * ALIAS_BASE || phys >= ALIAS_BASE || phys + (end - virt) > ALIAS_BASE) {
        return STATUS_INVALID_ARGUMENT;
    }
    while (virt < end) {
        uint64_t *level2 = table_below(&root_table[virt >> 30]);
        if (!level2) { return STATUS_NO_MEMORY; }
        uint64_t *entry2 = &level2[virt >> 21 & (TABLE_ENTRIES - 1)];
        const bool block = !((virt | phys) % BLOCK_BYTES) && end - virt >= BLOCK_BYTES;
        if (block && (*entry2 & DESC_TABLE) != DESC_TABLE) {
            const enum status status = entry_set(entry2, phys | flags | DESC_BLOCK);
            if (status != STATUS_OK) { return status; }
            virt += BLOCK_BYTES;
            phys += BLOCK_BYTES;
            continue;
        }
        uint64_t *level3 = table_below(entry2);
        if (!level3) { return *entry2 & DESC_VALID ? STATUS_BAD_STATE : STATUS_NO_MEMORY; }
        const uint64_t stop = end < (virt | (BLOCK_BYTES - 1)) ? end : (virt | (BLOCK_BYTES - 1)) + 1;
        for (; virt < stop; virt += PAGE_BYTES, phys += PAGE_BYTES) {
            const enum status status =
                entry_set(&level3[virt >> 12 & (TABLE_ENTRIES - 1)], phys | flags | DESC_PAGE);
            if (status != STATUS_OK) { return status; }
        }
    }
    barrier_dsb_ishst();
    barrier_isb();
    return STATUS_OK;
}

enum status map_device(uint64_t addr_phys, uint64_t size_bytes) {
    if (addr_phys < PAGE_BYTES) { return STATUS_INVALID_ARGUMENT; } /* page 0 stays unmapped: it catches null pointers */
    return map_range(addr_phys, addr_phys, size_bytes, MAP_DEVICE);
}

static enum status map_identity(const uint8_t *start, const uint8_t *end, enum map_kind kind) {
    return map_range((uintptr_t)start, (uintptr_t)start, (uint64_t)(end - start), kind);
}

static enum status map_stacks(void) {
    for (uint64_t core = 0; core < 8; core++) { /* MAX_CORES */
        const uint64_t offset = core * STACK_STRIDE_BYTES + STACK_STRIDE_BYTES - STACK_BYTES;
        const enum status status =
            map_range(STACKS_VA + offset, (uintptr_t)__image_start + STACKS_OFFSET + offset, STACK_BYTES, MAP_DATA);
        if (status != STATUS_OK) { return status; }
    }
    return STATUS_OK;
}

static uint32_t tree_size(uint64_t addr_phys) {
    if (addr_phys == 0 || addr_phys % 8 != 0 || addr_phys >= ALIAS_BASE) { return 0; }
    const volatile uint32_t *header = (const volatile uint32_t *)(uintptr_t)addr_phys;
    if (header[0] != FDT_MAGIC_LE) { return 0; }
    const uint32_t size = __builtin_bswap32(header[1]);
    return size <= TREE_MAX_BYTES ? size : 0;
}

/* A failure here leaves something unmapped, which then faults with a crash record. */
uint64_t map_early(uint64_t tree_addr_phys) {
    table_clear(root_table);
    tables_used = 0;
    const uint32_t size = tree_size(tree_addr_phys);
    enum status status = map_identity(__image_start, __text_end, MAP_TEXT);
    if (status == STATUS_OK) { status = map_identity(__text_end, __rodata_end, MAP_RODATA); }
    if (status == STATUS_OK) { status = map_identity(__rodata_end, code_pool(), MAP_DATA); }
    if (status == STATUS_OK) { status = map_identity(code_pool(), __image_start + STACKS_OFFSET, MAP_TEXT); }
    if (status == STATUS_OK) { status = map_identity(data_pool(), __image_start + IMAGE_BYTES, MAP_DATA); }
    if (status == STATUS_OK) {
        status = map_range(CODE_WRITE_VA, (uintptr_t)code_pool(), STACKS_OFFSET - CODE_POOL_OFFSET, MAP_DATA);
    }
    if (status == STATUS_OK) { status = map_stacks(); }
    if (status != STATUS_OK || size == 0) { return 0; }
    return map_range(tree_addr_phys, tree_addr_phys, size, MAP_RODATA) == STATUS_OK ? size : 0;
}

/* WINDOW_VA has its own level-3 table once it was used. */
static uint64_t *window_entry(void) {
    uint64_t *level2 = table_below(&root_table[WINDOW_VA >> 30]);
    uint64_t *level3 = level2 ? table_below(&level2[WINDOW_VA >> 21 & (TABLE_ENTRIES - 1)]) : nullptr;
    return level3 ? &level3[WINDOW_VA >> 12 & (TABLE_ENTRIES - 1)] : nullptr;
}

void unmap_window(void) {
    uint64_t *entry = window_entry();
    if (!entry) { return; }
    *entry = 0;
    barrier_dsb_ishst();
    translation_drop(WINDOW_VA);
    barrier_dsb_ish();
    barrier_isb();
}

enum status map_window(uint64_t addr_phys, void **out) {
    unmap_window();
    const enum status status = map_range(WINDOW_VA, addr_phys & ~(PAGE_BYTES - 1), PAGE_BYTES, MAP_DATA);
    *out = (void *)(uintptr_t)(WINDOW_VA + addr_phys % PAGE_BYTES);
    return status;
}

void cache_clean(const volatile void *start, uint64_t size_bytes) {
    const uint64_t line = data_line_bytes();
    const uint64_t end = (uintptr_t)start + size_bytes;
    for (uint64_t at = (uintptr_t)start & ~(line - 1); at < end; at += line) { data_line_drop(at); }
    barrier_dsb();
}
