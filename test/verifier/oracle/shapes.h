#pragma once
/* Small random programs of what certificates are about: loops in each other, with counters in registers and on the stack, with more
 * than one way out and with what moves beside; pointers that may be null where ways meet; packet pointers; ranges kept on the stack. */

#include "generator.h"
#include "random.h"

/* The same seed gives the same program. Nearly all of them are safe. */
void shape_of(uint64_t seed, struct generated *out);
/* Changes what the program is built of: a check is gone, a bound or a step is another one, registers are swapped, a jump leads
 * elsewhere. Many are not safe any more. Slots stay where they are. */
void alter(struct random *random, struct generated *out);
