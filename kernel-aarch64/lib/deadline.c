#include "lib/deadline.h"

uint64_t deadline_in_us(uint64_t time_us) {
    return READ_SYSREG(cntvct_el0) + READ_SYSREG(cntfrq_el0) * time_us / 1'000'000;
}
