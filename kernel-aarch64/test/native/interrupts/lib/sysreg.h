#pragma once
/* Stands in for lib/sysreg.h: as mmio.h. */
#include <stdint.h>

uint64_t sysreg_read(const char *name);
void sysreg_write(const char *name, uint64_t value);
#define READ_SYSREG(name) sysreg_read(#name)
#define WRITE_SYSREG(name, value) sysreg_write(#name, value)
