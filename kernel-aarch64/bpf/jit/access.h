#pragma once
/* Addresses as A64 loads and stores take them (DDI 0487 C1.3.3). */

#include "bpf/jit/value.h"

enum address_kind : uint8_t { ADDRESS_SCALED, ADDRESS_UNSCALED, ADDRESS_INDEX };

struct address {
    enum address_kind kind;
    enum a64_reg base; /* may be SP */
    enum a64_reg index;
    enum a64_extend option;
    enum a64_scale scale;
    struct a64_scaled scaled;
    struct a64_unscaled unscaled;
};

/* RFC 9669 §5 counts W, H, B, DW from 0; A64 B, H, S, D. */
static inline enum a64_size size_of(struct insn insn) {
    static_assert(BPF_SIZE_W == 0 && BPF_SIZE_H == 8 && BPF_SIZE_B == 16 && BPF_SIZE_DW == 24);
    return (enum a64_size)(0xc6u >> (opcode_of(insn) >> 2 & 6u) & 3u);
}

/* Computes whatever an address of this size can't fold. May emit. */
void prepare_address(struct jit *j, uint32_t reg, int16_t off, enum a64_size size);

/* The address reg + off, after prepare_address(); an offset that fits no form goes through `scratch`. */
struct address address_of(struct jit *j, uint32_t reg, int16_t off, enum a64_size size, enum a64_reg scratch);
