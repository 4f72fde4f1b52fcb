#pragma once
/* Ties the network device to the packet hook. */

#include "gen/abi_status.h"

/* Start-up level after slots. STATUS_OK also without a device. */
[[nodiscard]] enum status network_init(void);
