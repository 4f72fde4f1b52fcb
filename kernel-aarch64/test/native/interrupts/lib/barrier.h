#pragma once
/* Stands in for lib/barrier.h: what is ordered is written down. */
void barrier(const char *name);
static inline void barrier_isb(void) { barrier("isb"); }
static inline void barrier_dsb(void) { barrier("dsb sy"); }
static inline void barrier_dsb_ishst(void) { barrier("dsb ishst"); }
