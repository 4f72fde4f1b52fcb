#pragma once
/* Stands in for lib/mmio.h: registers are those of the model (medium_card.c). */
#include <stdint.h>

uint32_t mmio_read(uint64_t addr);
void mmio_write(uint64_t addr, uint32_t value);
