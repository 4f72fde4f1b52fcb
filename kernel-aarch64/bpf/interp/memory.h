#pragma once
/* Loads, stores and atomics of RFC 9669 §5, on the memory of the machine this runs on. */

#include "bpf/program.h"
#include "gen/abi_status.h"
#include <stdint.h>

/* LDX with mode MEM or MEMSX. */
[[nodiscard]] enum status interp_load(struct bpf_insn insn, uint64_t addr, uint64_t *value);

/* ST and STX with mode MEM. */
[[nodiscard]] enum status interp_store(struct bpf_insn insn, uint64_t addr, uint64_t value);

/* STX with mode ATOMIC; changes src for fetch and exchange, r0 for compare-and-exchange. */
[[nodiscard]] enum status interp_atomic(struct bpf_insn insn, uint64_t addr, uint64_t *src, uint64_t *r0);
