#pragma once
/* What fast.c does out of its loop with the stack. */

#include "bpf/checker/light.h"
#include "bpf/checker/rows.h"

/* A number that need not be known is stored to these bytes of a slot; false when a register is kept there and not all of it goes. */
[[nodiscard]] bool store_part(struct machine *m, uint32_t index, uint32_t mask);
/* A load or store, by its row, at a known place of the stack; `tracked`: what it keeps or loads matters. False, and nothing done,
 * when it is not that simple. */
[[nodiscard]] bool reach_stack(struct loop *l, uint32_t fields, uint32_t imm, uint32_t row, bool tracked);
