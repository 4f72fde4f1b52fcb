#pragma once
/* For boot only. */

#include "lib/fdt.h"

/* Equal to enum jit_feature, which this layer may not see; boot/main.c checks. */
#define BOARD_LSE (1u << 0)
#define BOARD_DOTPROD (1u << 1)
#define BOARD_CRC32 (1u << 2)
#define BOARD_BTI (1u << 3)
#define BOARD_IN_ORDER (1u << 4)
#define BOARD_ERRATUM_835769 (1u << 5)

void board_probe(const struct fdt_node *node);
void board_init(void);

/* Stops the boot clock. */
void board_ready(void);
