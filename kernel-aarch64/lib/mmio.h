#pragma once
/* Device registers. Device memory keeps the order of accesses to one device; across devices and normal memory, barriers do.
 * Reads are load-acquires: a Cortex-A57 may come to a standstill where plain loads from devices meet exclusive accesses (erratum 832075). */

#include <stdint.h>

static inline uint32_t mmio_read(uint64_t addr) { return __atomic_load_n((volatile uint32_t *)(uintptr_t)addr, __ATOMIC_ACQUIRE); }
static inline void mmio_write(uint64_t addr, uint32_t value) { *(volatile uint32_t *)(uintptr_t)addr = value; }
static inline uint8_t mmio_read8(uint64_t addr) { return __atomic_load_n((volatile uint8_t *)(uintptr_t)addr, __ATOMIC_ACQUIRE); }
static inline void mmio_write8(uint64_t addr, uint8_t value) { *(volatile uint8_t *)(uintptr_t)addr = value; }
static inline uint64_t mmio_read64(uint64_t addr) { return __atomic_load_n((volatile uint64_t *)(uintptr_t)addr, __ATOMIC_ACQUIRE); }
static inline void mmio_write64(uint64_t addr, uint64_t value) { *(volatile uint64_t *)(uintptr_t)addr = value; }
