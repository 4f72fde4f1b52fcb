#pragma once
/* For boot only: bringing cores up, and what the exception vector and the idle loop tell. */

#include "smp/core.h"

extern uint64_t core_affinity[MAX_CORES]; /* MPIDR_EL1 affinity by core id */

/* On core 0, before any other core starts. */
void cores_init(void (*send_ipi)(uint64_t affinity, uint32_t core));

/* On a started core, when it can take calls. */
void core_came_up(void);

/* Counts the cores that came up and makes that cores_up(). */
uint32_t cores_count(void);

/* In interrupt context. */
void core_irq_enter(void);
void core_irq_leave(void);
void core_run_calls(void);

/* Changes with every interrupt on this core. */
uint32_t core_irq_sequence(void);

/* Sleeps until an interrupt is pending; with interrupts masked, so that none is lost before the sleep. */
void core_idle(void);
