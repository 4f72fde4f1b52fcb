/* Nothing: what calling costs, taken off every figure. */
#include "program.h"

PROGRAM(empty) {
    (void)memory;
    return 0;
}
