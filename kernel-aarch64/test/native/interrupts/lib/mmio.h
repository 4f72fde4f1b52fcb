#pragma once
/* Stands in for lib/mmio.h: registers are those of irq_host.c. */
#include <stdint.h>

uint32_t mmio_read(uint64_t addr);
uint64_t mmio_read64(uint64_t addr);
void mmio_write(uint64_t addr, uint32_t value);
void mmio_write8(uint64_t addr, uint8_t value);
void mmio_write64(uint64_t addr, uint64_t value);
