#pragma once
/* Power State Coordination Interface (Arm DEN 0022F), by the conduit that the device tree names. */

#include "gen/abi_status.h"
#include "lib/fdt.h"
#include <stdint.h>

void psci_probe(const struct fdt_node *node);

[[nodiscard]] bool psci_present(void);

/* Starts a core at a physical address with the MMU off. STATUS_NOT_SUPPORTED without PSCI, STATUS_UNKNOWN when refused. */
[[nodiscard]] enum status psci_cpu_on(uint64_t affinity, uint64_t entry_addr_phys, uint64_t context);

/* Switches the calling core off; returns only when that is refused. */
void psci_cpu_off(void);

/* Whether that has happened to a core. */
[[nodiscard]] bool psci_is_off(uint64_t affinity);

/* Returns only when it is not supported. */
void psci_system_reset(void);
