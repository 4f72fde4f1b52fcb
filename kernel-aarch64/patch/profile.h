#pragma once
/* Samples of what cores are doing. Kernel code is sampled by the interrupts that come anyway. Modules run with interrupts
 * masked: for a sample one call of many is made with interrupts open and the tick's timer set to a moment within it, picked
 * by chance. Whatever interrupt comes then is not handled: it only looks where the module is, and masks them again. */

#include <stdint.h>

/* What boot/vectors.S lays on the stack of what it interrupts. */
struct interrupt_frame {
    uint64_t x[19];
    uint64_t x30;
    uint64_t x29;
    uint64_t elr;
    uint64_t spsr;
};

/* One of so many calls and interrupts is sampled; 0: none. Core 0 sets it. */
extern uint32_t profile_every;

/* At the begin of every interrupt while profile_every is not 0. True when it was for a sample: then it is not handled now. */
[[nodiscard]] bool profile_interrupted(struct interrupt_frame *frame);
