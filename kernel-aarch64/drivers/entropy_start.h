#pragma once
#include "lib/fdt.h"

/* Remembers the seed and starts the generator. */
void entropy_probe(const struct fdt_node *node);
