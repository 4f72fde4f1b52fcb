#include "lib/deadline.h"

uint32_t counter_hz_of_tree;

uint64_t counter_hz(void) { return counter_hz_of_tree ? counter_hz_of_tree : READ_SYSREG(cntfrq_el0); }

uint64_t deadline_in_us(uint64_t time_us) { return READ_SYSREG(cntvct_el0) + counter_hz() * time_us / 1'000'000; }
