#pragma once
/* System registers by the names of the Arm ARM (DDI 0487, D19); the name is part of the instruction text. */

#include <stdint.h>

#define READ_SYSREG(name)                                            \
    ({                                                               \
        uint64_t sysreg_value_;                                      \
        __asm__ volatile("mrs %0, " #name : "=r"(sysreg_value_)::"memory"); \
        sysreg_value_;                                               \
    })

#define WRITE_SYSREG(name, value) __asm__ volatile("msr " #name ", %x0" ::"rZ"((uint64_t)(value)) : "memory")
