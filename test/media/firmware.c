/* UEFI firmware of a few lines: calls boot/efi.c for one case, named by the argument, and says what it did. Firmware in
 * real life rarely has a stale memory map or too little memory; this one has them when asked. */
#include "boot/efi.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES 0x3000u
#define HEADER_BYTES 0x200u
#define ENTRY_BYTES (0x1000u - HEADER_BYTES) /* beside the headers; loaded behind all that follows in the file */
#define IMAGE_MEMORY 0x400000u
#define TREE_BYTES 0x1234u

static const char *which;
static bool is(const char *name) { return strcmp(which, name) == 0; }

static uint8_t file[FILE_BYTES], image[FILE_BYTES + 0x1000], tree[TREE_BYTES + 8];
static uint64_t pages_asked, limit_asked, key = 41;
static int maps, exits, texts;

static efi_status output(struct efi_text_output *self, const uint16_t *text) {
    (void)self;
    texts++;
    for (; *text; text++) { putchar(*text == '\r' || *text == '\n' ? ' ' : *text); }
    return EFI_SUCCESS;
}

static efi_status allocate(uint32_t kind, uint32_t type, uint64_t pages, uint64_t *addr) {
    pages_asked = kind == EFI_ALLOCATE_MAX_ADDRESS && type == EFI_LOADER_DATA ? pages : 0;
    limit_asked = *addr;
    if (is("no memory")) { return EFI_LOAD_ERROR; }
    *addr = (uint64_t)(uintptr_t)aligned_alloc(EFI_PAGE_BYTES, pages * EFI_PAGE_BYTES);
    return *addr ? EFI_SUCCESS : EFI_LOAD_ERROR;
}

static efi_status memory_map(uint64_t *size, void *map, uint64_t *out, uint64_t *entry_bytes, uint32_t *version) {
    maps++;
    memset(map, 0xaa, *size); /* must be ours, all of it: the sanitizer watches */
    *size = 48;
    *entry_bytes = 48;
    *version = 1;
    *out = is("always stale") || (is("stale once") && maps == 1) ? key - 1 : key;
    return is("no map") ? EFI_UNSUPPORTED : EFI_SUCCESS;
}

static efi_status leave_boot_services(void *handle, uint64_t given) {
    exits++;
    return handle == image && given == key ? EFI_SUCCESS : EFI_INVALID_PARAMETER;
}

static void report(const char *end, efi_status status) {
    printf("|%s %llx maps %d exits %d texts %d", end, (unsigned long long)status, maps, exits, texts);
    exit(0);
}

void efi_leave(uint64_t tree_addr, uint64_t start, uint64_t end) {
    const bool same = memcmp((void *)start, file, sizeof file) == 0 && memcmp((void *)tree_addr, tree, TREE_BYTES) == 0;
    const bool placed = start % 0x200000 == 0 && tree_addr >= start + IMAGE_MEMORY && tree_addr % 8 == 0 &&
                        end >= tree_addr + TREE_BYTES && pages_asked > 0 && limit_asked < 1ull << 38;
    report(same && placed ? "left" : "left wrongly", 0);
    abort();
}

static void put32(uint8_t *at, uint32_t value) { memcpy(at, &value, 4); }

/* As a loader of PE files does that takes nothing but what the headers name. */
static void load(void) {
    for (uint32_t i = 0; i < sizeof file; i++) { file[i] = (uint8_t)(i * 7); }
    put32(file + 0x10, IMAGE_MEMORY);
    put32(file + 0x14, 0);
    put32(file + 0x150, ENTRY_BYTES);
    put32(file + 0x154, FILE_BYTES);
    put32(file + 0x158, ENTRY_BYTES);
    put32(file + 0x15c, HEADER_BYTES);
    memcpy(image, file, sizeof file);
    memset(image + HEADER_BYTES, 0, ENTRY_BYTES);
    memcpy(image + FILE_BYTES, file + HEADER_BYTES, ENTRY_BYTES);
}

int main(int count, char **arguments) {
    which = count > 1 ? arguments[1] : "";
    load();
    memset(tree, 0x5a, sizeof tree);
    put32(tree, is("not a tree") ? 0 : 0xedfe0dd0);
    put32(tree + 4, __builtin_bswap32(is("huge tree") ? 0x200001 : TREE_BYTES));
    const struct efi_configuration_table tables[] = {
        {{1, 2, 3, {4}}, image},
        {{0xb1b621d5, 0xf19c, 0x41a5, {0x83, 0x0b, 0xd9, 0x15, 0x2c, 0x69, 0xaa, 0xe0}}, is("null tree") ? nullptr : tree},
    };
    const struct efi_boot_services boot = {
        .allocate_pages = allocate, .get_memory_map = memory_map, .exit_boot_services = leave_boot_services};
    struct efi_text_output console = {.output_string = output};
    const struct efi_system_table system = {
        .console_out = is("no console") ? nullptr : &console,
        .boot = &boot,
        .table_count = is("no tree") || is("no console") ? 1 : 2,
        .tables = tables,
    };
    report("returned", efi_main(image, &system, image));
}
