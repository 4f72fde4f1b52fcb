#pragma once
/* Memory barriers (Arm ARM DDI 0487, B2.3). */

#include <stdint.h>

static inline void barrier_dsb(void) { __asm__ volatile("dsb sy" ::: "memory"); }
static inline void barrier_dsb_ish(void) { __asm__ volatile("dsb ish" ::: "memory"); }
static inline void barrier_dsb_ishst(void) { __asm__ volatile("dsb ishst" ::: "memory"); }
static inline void barrier_dmb(void) { __asm__ volatile("dmb sy" ::: "memory"); }
static inline void barrier_dmb_ish(void) { __asm__ volatile("dmb ish" ::: "memory"); }
static inline void barrier_isb(void) { __asm__ volatile("isb" ::: "memory"); }
/* `index` if it is below `limit`, else 0, also while the CPU guesses how a check of it went: a select waits for the flags,
 * and CSDB keeps its result from being guessed (DDI 0487 B2.9). */
static inline uint32_t index_below(uint32_t index, uint32_t limit) {
#ifdef __aarch64__
    __asm__ volatile("cmp %w0, %w1\n\tcsel %w0, %w0, wzr, lo\n\thint #20" : "+r"(index) : "r"(limit) : "cc");
    return index;
#else
    return index < limit ? index : 0;
#endif
}

/* Keeps the compiler, not the CPU, from moving memory accesses across it. */
static inline void barrier_compiler(void) { __asm__ volatile("" ::: "memory"); }

/* In a loop that waits for another core: also lets an emulator that runs cores in turns go on to it. */
static inline void cpu_relax(void) { __asm__ volatile("yield" ::: "memory"); }

static inline void wait_for_interrupt(void) { __asm__ volatile("dsb sy\n\twfi" ::: "memory"); }
