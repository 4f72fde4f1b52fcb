#pragma once
/* Arithmetic and jump conditions of RFC 9669 §4, on values. */

#include "bpf/program.h"
#include "gen/abi_status.h"
#include <stdint.h>

/* The new value of dst for an instruction of class ALU or ALU64. Returns STATUS_OK or STATUS_BAD_OPCODE. */
[[nodiscard]] enum status interp_alu(struct bpf_insn insn, uint64_t dst, uint64_t src, uint64_t *result);

/* Whether a conditional jump of class JMP or JMP32 is taken. Returns STATUS_OK or STATUS_BAD_OPCODE. */
[[nodiscard]] enum status interp_condition(struct bpf_insn insn, uint64_t dst, uint64_t src, bool *taken);
