/* A board that resets every minute, by its own clock. */
#include "drivers/clock.h"
#include "drivers/psci.h"
#include "link/link.h"

#define MINUTE_NS 60'000'000'000ull

bool __real_link_poll(void);
bool __wrap_link_poll(void);
bool __wrap_link_poll(void) {
    static uint64_t started_ns;
    if (started_ns == 0) { started_ns = clock_ns(); }
    if (clock_ns() - started_ns > MINUTE_NS) { psci_system_reset(); }
    return __real_link_poll();
}
