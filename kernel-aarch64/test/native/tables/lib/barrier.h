#pragma once
/* Stands in for lib/barrier.h: as cache.h. */
void barrier_dsb(void);
void barrier_dsb_ish(void);
void barrier_dsb_ishst(void);
void barrier_isb(void);
static inline void barrier_compiler(void) {}
