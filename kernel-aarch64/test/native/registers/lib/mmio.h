#pragma once
/* Stands in for lib/mmio.h: registers that read as 0 and forget what is written. */
#include <stdint.h>

static inline uint32_t mmio_read(uint64_t) { return 0; }
static inline void mmio_write(uint64_t, uint32_t) {}
static inline uint8_t mmio_read8(uint64_t) { return 0; }
static inline void mmio_write8(uint64_t, uint8_t) {}
static inline uint64_t mmio_read64(uint64_t) { return 0; }
static inline void mmio_write64(uint64_t, uint64_t) {}
