/* The Image as an EFI application: moves itself and the device tree to memory of their own, ends the boot services and
 * starts as from any other loader. */
#include "boot/efi.h"
#include "lib/mem.h"
#include "update/loader.h"

#define IMAGE_ALIGN 0x200000ull /* Linux arm64 boot protocol: a 2 MiB boundary */
#define MAP_BYTES 0x20000ull    /* memory map: 2700 entries of 48 bytes, firmware has a few hundred */
#define TREE_MAX_BYTES 0x200000u
#define ADDR_LIMIT 0x3fffffffffull /* mm/layout.h: identity mapping ends at ALIAS_BASE */
#define TEXT_LIMIT 192u
#define FDT_MAGIC_LE 0xedfe0dd0u

/* EFI_DTB_TABLE_GUID (Embedded Base Boot Requirements 2.1, 2.3) */
static const struct efi_guid tree_guid = {
    0xb1b621d5, 0xf19c, 0x41a5, {0x83, 0x0b, 0xd9, 0x15, 0x2c, 0x69, 0xaa, 0xe0}};

struct header {
    uint32_t code[2];
    uint64_t text_offset, image_size;
    uint32_t unused[78];
    uint32_t bytes, addr, file_bytes, file_offset; /* of the last section: the page of this header, but for the headers */
};
static_assert(__builtin_offsetof(struct header, bytes) == 0x148 + 8);

static void say(const struct efi_system_table *system, const char *text) {
    uint16_t wide[TEXT_LIMIT]; /* UCS-2 (UEFI 2.10, 12.4.3); kept in the image at half the size */
    uint32_t size = 0;
    for (; size < TEXT_LIMIT - 1 && text[size] != 0; size++) { wide[size] = (uint8_t)text[size]; }
    wide[size] = 0;
    if (system->console_out) { system->console_out->output_string(system->console_out, wide); }
}

/* Size in bytes of a device tree that can be believed, else 0. */
static uint32_t tree_size(const uint32_t *tree) {
    if (!tree || (uintptr_t)tree % 4 != 0 || tree[0] != FDT_MAGIC_LE) { return 0; }
    const uint32_t size = __builtin_bswap32(tree[1]);
    return size <= TREE_MAX_BYTES ? size : 0;
}

static const void *find_tree(const struct efi_system_table *system) {
    for (uint64_t i = 0; i < system->table_count; i++) {
        if (memcmp(&system->tables[i].vendor, &tree_guid, sizeof tree_guid) == 0) { return system->tables[i].table; }
    }
    return nullptr;
}

/* Any event may change the map between the two calls, the first try itself too; then the key is stale, once. */
static efi_status end_boot_services(void *handle, const struct efi_boot_services *boot, void *map) {
    efi_status status = EFI_INVALID_PARAMETER;
    for (int tries = 0; tries < 2 && status == EFI_INVALID_PARAMETER; tries++) {
        uint64_t size = MAP_BYTES, key, entry_bytes;
        uint32_t version;
        status = boot->get_memory_map(&size, map, &key, &entry_bytes, &version);
        if (status == EFI_SUCCESS) { status = boot->exit_boot_services(handle, key); }
    }
    return status;
}

efi_status efi_main(void *handle, const struct efi_system_table *system, const uint8_t *image) {
    const struct header *header = (const struct header *)image;
    const void *tree = find_tree(system);
    const uint32_t tree_bytes = tree_size(tree);
    if (tree_bytes == 0) {
        say(system, "velocity: this firmware hands over no device tree, and velocity needs one. Turn ACPI off (or\r\n"
                    "device tree on) in its setup, or with QEMU: -M virt,acpi=off. Then start again.\r\n");
        return EFI_UNSUPPORTED;
    }
    /* With room for a successor: the tree does not say what firmware holds back of its memory. */
    const uint64_t needed = IMAGE_ALIGN + 2 * DISTANCE_BYTES + TREE_MAX_BYTES + MAP_BYTES;
    uint64_t addr = ADDR_LIMIT;
    if (system->boot->allocate_pages(EFI_ALLOCATE_MAX_ADDRESS, EFI_LOADER_DATA, needed / EFI_PAGE_BYTES, &addr) !=
        EFI_SUCCESS) {
        say(system, "velocity: too little memory is free in one piece for the kernel.\r\n");
        return EFI_LOAD_ERROR;
    }
    const uint64_t start = (addr + IMAGE_ALIGN - 1) & ~(IMAGE_ALIGN - 1);
    const uint64_t tree_addr = start + 2 * DISTANCE_BYTES;
    void *map = (void *)(tree_addr + TREE_MAX_BYTES);
    memcpy((void *)start, image, header->addr);
    memcpy((void *)(start + header->file_offset), image + header->addr, header->bytes);
    memcpy((void *)tree_addr, tree, tree_bytes);
    /* Nothing may be printed from here on: output can change the memory map. */
    const efi_status status = end_boot_services(handle, system->boot, map);
    if (status != EFI_SUCCESS) { return status; }
    efi_leave(tree_addr, start, tree_addr + TREE_MAX_BYTES);
}
