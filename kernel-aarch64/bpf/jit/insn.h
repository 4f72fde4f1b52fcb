#pragma once
/* One instruction slot in one register: the compiler is not to take apart, and put together, what it hands on. */

#include "bpf/program.h"

/* As in memory, little-endian: opcode 0..7, dst 8..11, src 12..15, off 16..31, imm 32..63. */
struct insn {
    uint64_t bits;
};

static inline struct insn load_insn(const struct bpf_insn *from) {
    struct insn insn;
    __builtin_memcpy(&insn, __builtin_assume_aligned(from, alignof(struct bpf_insn)), sizeof(insn));
    return insn;
}

static inline uint32_t opcode_of(struct insn insn) { return insn.bits & 0xffu; }
static inline uint32_t class_of(struct insn insn) { return insn.bits & 7u; }
static inline uint32_t operation_of(struct insn insn) { return insn.bits & 0xf0u; }
static inline uint32_t dst_of(struct insn insn) { return (insn.bits >> 8) & 15u; }
static inline uint32_t src_of(struct insn insn) { return (insn.bits >> 12) & 15u; }
static inline int16_t off_of(struct insn insn) { return (int16_t)(insn.bits >> 16); }
static inline int32_t imm_of(struct insn insn) { return (int32_t)(insn.bits >> 32); }
