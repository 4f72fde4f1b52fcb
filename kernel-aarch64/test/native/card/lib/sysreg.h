#pragma once
/* Stands in for lib/sysreg.h: the counter is the model's (medium_card.c). */
#include <stdint.h>

uint64_t model_cntvct_el0(void);
uint64_t model_cntfrq_el0(void);
#define READ_SYSREG(name) model_##name()
