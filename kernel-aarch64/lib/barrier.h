#pragma once
/* Memory barriers (Arm ARM DDI 0487, B2.3). */

static inline void barrier_dsb(void) { __asm__ volatile("dsb sy" ::: "memory"); }
static inline void barrier_dsb_ish(void) { __asm__ volatile("dsb ish" ::: "memory"); }
static inline void barrier_dsb_ishst(void) { __asm__ volatile("dsb ishst" ::: "memory"); }
static inline void barrier_dmb(void) { __asm__ volatile("dmb sy" ::: "memory"); }
static inline void barrier_dmb_ish(void) { __asm__ volatile("dmb ish" ::: "memory"); }
static inline void barrier_isb(void) { __asm__ volatile("isb" ::: "memory"); }
/* Keeps the compiler, not the CPU, from moving memory accesses across it. */
static inline void barrier_compiler(void) { __asm__ volatile("" ::: "memory"); }

/* In a loop that waits for another core: also lets an emulator that runs cores in turns go on to it. */
static inline void cpu_relax(void) { __asm__ volatile("yield" ::: "memory"); }

static inline void wait_for_interrupt(void) { __asm__ volatile("dsb sy\n\twfi" ::: "memory"); }
