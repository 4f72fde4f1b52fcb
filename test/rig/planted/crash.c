/* A kernel that crashes in its own code, some polls after a module named "last" has run. */
#include "link/link.h"
#include "telemetry/running.h"

#define POLLS 100u
#define NO_MEMORY 0x18ull /* page 0 is not mapped */

[[clang::noinline]] static void crash_here(uint64_t address) {
    *(volatile uint32_t *)(uintptr_t)address = 1;
}

bool __real_link_poll(void);
bool __wrap_link_poll(void);
bool __wrap_link_poll(void) {
    static uint32_t polls;
    const struct running *running = running_module[0];
    if (running != nullptr && running->name != nullptr && running->name[0] == 'l' && ++polls > POLLS) { crash_here(NO_MEMORY); }
    return __real_link_poll();
}
