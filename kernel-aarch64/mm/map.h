#pragma once
/* Page tables: 4 KiB granule, 39 bits, three levels (Arm ARM D8). Nothing is both writable and executable.
 * Core 0, before the other cores run, or for new mappings of devices at any time. */

#include "gen/abi_status.h"
#include <stdint.h>

enum map_kind : uint32_t {
    MAP_TEXT,   /* normal, read and execute */
    MAP_RODATA, /* normal, read */
    MAP_DATA,   /* normal, read and write */
    MAP_DEVICE, /* device nGnRnE, read and write */
};

/* Maps the image, its pools and stacks, and the device tree. Runs with the MMU off, before .bss is cleared.
 * Returns the size of the device tree, 0 when there is none at that address. */
uint64_t map_early(uint64_t tree_addr_phys);

/* Maps physical memory at a virtual address; both are widened to whole pages. Mapping the same again is fine.
 * STATUS_INVALID_ARGUMENT: beyond 256 GiB. STATUS_NO_MEMORY: out of page tables. STATUS_BAD_STATE: mapped otherwise. */
[[nodiscard]] enum status map_range(uint64_t addr_virt, uint64_t addr_phys, uint64_t size_bytes, enum map_kind kind);

/* Registers of a device, at their own address. */
[[nodiscard]] enum status map_device(uint64_t addr_phys, uint64_t size_bytes);

/* The page that holds this physical address, writable and uncached-coherent by the caller's own cleaning, until the next call. */
[[nodiscard]] enum status map_window(uint64_t addr_phys, void **out);
void unmap_window(void);

/* Writes a range back to memory and drops it from the caches, for readers that have no cache. */
void cache_clean(const volatile void *start, uint64_t size_bytes);
