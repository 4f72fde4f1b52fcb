#pragma once
/* For boot only. */

#include "gen/abi_status.h"
#include "lib/fdt.h"

void net_probe(const struct fdt_node *node);

/* STATUS_OK also when there is no device. */
[[nodiscard]] enum status net_init(void);

/* Lets the device forget the memory that it was told of: another image is about to start. */
void net_close(void);
