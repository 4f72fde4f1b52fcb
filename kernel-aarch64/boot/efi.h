#pragma once
/* What boot/efi.c uses of UEFI 2.10: sections 4.3 (system table), 7 (boot services), 12.4 (text output). Functions take
 * the AAPCS64 convention, as the rest of the kernel. */

#include <stdint.h>

typedef uint64_t efi_status;
#define EFI_SUCCESS 0ull
#define EFI_ERROR (1ull << 63)
#define EFI_LOAD_ERROR (EFI_ERROR | 1)
#define EFI_INVALID_PARAMETER (EFI_ERROR | 2)
#define EFI_UNSUPPORTED (EFI_ERROR | 3)

#define EFI_ALLOCATE_MAX_ADDRESS 1u
#define EFI_LOADER_DATA 2u
#define EFI_PAGE_BYTES 4096ull

struct efi_guid {
    uint32_t a;
    uint16_t b, c;
    uint8_t d[8];
};

struct efi_table_header {
    uint64_t signature;
    uint32_t revision, size_bytes, crc32, reserved;
};

struct efi_text_output {
    void *reset;
    efi_status (*output_string)(struct efi_text_output *self, const uint16_t *text);
};

struct efi_boot_services {
    struct efi_table_header header;
    void *raise_tpl, *restore_tpl;
    efi_status (*allocate_pages)(uint32_t kind, uint32_t memory_type, uint64_t pages, uint64_t *addr_phys);
    void *free_pages;
    efi_status (*get_memory_map)(uint64_t *size_bytes, void *map, uint64_t *key, uint64_t *entry_bytes, uint32_t *version);
    void *memory[2], *events[6], *protocols[9], *images[4];
    efi_status (*exit_boot_services)(void *image, uint64_t key);
};

struct efi_configuration_table {
    struct efi_guid vendor;
    const void *table;
};

struct efi_system_table {
    struct efi_table_header header;
    const uint16_t *vendor;
    uint32_t revision;
    void *console_in_handle, *console_in;
    void *console_out_handle;
    struct efi_text_output *console_out;
    void *error_handle;
    struct efi_text_output *error;
    void *runtime;
    const struct efi_boot_services *boot;
    uint64_t table_count;
    const struct efi_configuration_table *tables;
};

static_assert(__builtin_offsetof(struct efi_boot_services, exit_boot_services) == 232);
static_assert(__builtin_offsetof(struct efi_system_table, tables) == 112);

/* Entered by the firmware through boot/efi.S; runs in the file as it was loaded, before anything was relocated, so it
 * uses no pointer in data. `image` is the address of the Image header. Returns only when the start failed; boot services
 * go on then, and the firmware tries its next entry. */
efi_status efi_main(void *handle, const struct efi_system_table *system, const uint8_t *image);

/* boot/efi.S: cleans [start, end) and itself to memory, turns MMU and caches off, starts the Image at `start`. */
[[noreturn]] void efi_leave(uint64_t tree_addr_phys, uint64_t start, uint64_t end);
