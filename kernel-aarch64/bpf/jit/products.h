#pragma once
/* Loops of one block that add up products of neighbours, as clang leaves short filters: unrolled, what each is multiplied by on
 * the stack. */

#include "bpf/jit/unroll.h"

/* At the head of a loop of one block that is only fallen into: compiles it up to its test when it holds such a sum, and returns
 * the slot of the test, else the head. */
uint32_t compile_products(struct jit *j, const struct counted *l);
