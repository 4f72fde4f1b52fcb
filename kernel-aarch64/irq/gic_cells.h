#pragma once
#include "irq/irq.h"

/* Interrupt specifiers of GICs: <type number flags>, type 0 shared (INTID 32 on), 1 private (INTID 16 on);
 * Linux Documentation/devicetree/bindings/interrupt-controller/arm,gic.yaml. */
static inline uint32_t gic_number(struct span cells, uint32_t i) {
    if (i >= cells.size / 12) { return IRQ_NONE; }
    const uint32_t type = fdt_cell(cells, 3 * i);
    const uint32_t number = fdt_cell(cells, 3 * i + 1);
    if (type == 0 && number < 988) { return number + 32; }
    if (type == 1 && number < 16) { return number + 16; }
    return IRQ_NONE;
}
