#include "drivers/psci.h"

#define CPU_OFF 0x84000002u          /* §5.5 */
#define CPU_ON_64 0xc4000003u        /* §5.6 */
#define AFFINITY_INFO_64 0xc4000004u /* §5.7; 1: off */
#define SYSTEM_RESET 0x84000009u     /* §5.11 */

static enum { CONDUIT_NONE, CONDUIT_HVC, CONDUIT_SMC } conduit;

void psci_probe(const struct fdt_node *node) {
    if (!fdt_compatible(node, "arm,psci-0.2") && !fdt_compatible(node, "arm,psci-1.0")) { return; }
    const struct span method = node->property[FDT_METHOD];
    if (span_equal(method, (struct span){(const uint8_t *)"hvc", 4})) { conduit = CONDUIT_HVC; }
    if (span_equal(method, (struct span){(const uint8_t *)"smc", 4})) { conduit = CONDUIT_SMC; }
}

/* SMC calling convention (Arm DEN 0028): function and arguments in x0..x3, result in x0, x4..x17 may change. */
static int32_t call(uint64_t function, uint64_t a, uint64_t b, uint64_t c) {
    register uint64_t x0 __asm__("x0") = function;
    register uint64_t x1 __asm__("x1") = a;
    register uint64_t x2 __asm__("x2") = b;
    register uint64_t x3 __asm__("x3") = c;
#define CLOBBERED "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory"
    if (conduit == CONDUIT_HVC) {
        __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::CLOBBERED);
    } else {
        __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::CLOBBERED);
    }
    return (int32_t)x0;
}

bool psci_present(void) { return conduit != CONDUIT_NONE; }

enum status psci_cpu_on(uint64_t affinity, uint64_t entry_addr_phys, uint64_t context) {
    if (!psci_present()) { return STATUS_NOT_SUPPORTED; }
    return call(CPU_ON_64, affinity, entry_addr_phys, context) == 0 ? STATUS_OK : STATUS_UNKNOWN;
}

void psci_cpu_off(void) { call(CPU_OFF, 0, 0, 0); }

bool psci_is_off(uint64_t affinity) { return call(AFFINITY_INFO_64, affinity, 0, 0) == 1; }

void psci_system_reset(void) {
    if (psci_present()) { call(SYSTEM_RESET, 0, 0, 0); }
}
