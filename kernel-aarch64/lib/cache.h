#pragma once
/* Maintenance of caches and of the TLB by address (Arm ARM DDI 0487, D7.5 and D8.17), for all cores. Barriers are the caller's. */

#include "lib/sysreg.h"

/* CTR_EL0: DminLine 19..16 and IminLine 3..0, log2 of words. */
static inline uint64_t data_line_bytes(void) { return 4ull << (READ_SYSREG(ctr_el0) >> 16 & 15); }
static inline uint64_t code_line_bytes(void) { return 4ull << (READ_SYSREG(ctr_el0) & 15); }

/* To where instructions are fetched from. */
static inline void data_line_publish(uint64_t addr) { __asm__ volatile("dc cvau, %0" ::"r"(addr) : "memory"); }
/* To memory, and out of the caches. */
static inline void data_line_drop(uint64_t addr) { __asm__ volatile("dc civac, %0" ::"r"(addr) : "memory"); }
static inline void code_line_drop(uint64_t addr) { __asm__ volatile("ic ivau, %0" ::"r"(addr) : "memory"); }
static inline void translation_drop(uint64_t addr) { __asm__ volatile("tlbi vaae1is, %0" ::"r"(addr >> 12) : "memory"); }
