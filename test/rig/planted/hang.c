/* A kernel that hangs at boot: one level of its start-up never returns. */
#include "patch/slots.h"

enum status __wrap_slots_init(void);
enum status __wrap_slots_init(void) {
    for (;;) { __asm__ volatile("" ::: "memory"); }
}
