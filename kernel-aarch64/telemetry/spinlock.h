#pragma once
/* A lock for short sections that interrupts and other cores also enter. The holder runs with interrupts masked, so an
 * interrupt can never wait for the code it interrupted. Nothing that can fault or wait may run inside. */

#include "lib/irqflags.h"
#include <stdint.h>

struct spinlock {
    uint32_t held;
};

/* Returns what spin_unlock() needs. */
static inline uint64_t spin_lock(struct spinlock *lock) {
    const uint64_t flags = irq_save();
    while (__atomic_exchange_n(&lock->held, 1u, __ATOMIC_ACQUIRE) != 0) {}
    return flags;
}

static inline void spin_unlock(struct spinlock *lock, uint64_t flags) {
    __atomic_store_n(&lock->held, 0u, __ATOMIC_RELEASE);
    irq_restore(flags);
}
