#pragma once
/* Stands in for lib/sysreg.h: the timer that tick_host.c has for each core. */
#include <stdint.h>

#define READ_SYSREG(name) sysreg_##name()
#define WRITE_SYSREG(name, value) sysreg_##name##_is(value)
uint64_t sysreg_tpidr_el1(void);
void sysreg_cntv_cval_el0_is(uint64_t value);
void sysreg_cntv_ctl_el0_is(uint64_t value);
