#pragma once
/* What the opcodes are to fast.c. */

#include "gen/abi_bpf.h"
#include <stdint.h>

/* Those that make a number of a register and a constant, or of two registers, have a bit of their own: as long as dst is any
 * number before and afterwards, they are all alike. */
enum kind : uint8_t {
    WITH_K = 32,
    WITH_X = 64,
    SLOW = 0,
    LOAD = 1,
    STORE_K = 2,
    STORE_X = 3,
    CONDITION_K,
    CONDITION_X,
    JUMP,
    ALU_K = WITH_K,
    AND_K,
    RIGHT_K,
    ADD_K,
    MOV_K,
    ALU_X = WITH_X,
    ADD_X,
    MOV_X,
};

/* What an opcode is here, and whether the upper half of its result is zero: bit i for dst (1) and src or immediate (2) before. */
struct row {
    uint8_t kind, narrow;
};

enum { NEVER_NARROW = 0, BOTH = 8, EITHER = 14, LIKE_DST = 10, LIKE_SRC = 12, ALWAYS_NARROW = 15 };

#define OPERATION(op, kind_k, kind_x, narrow64)                                \
    [BPF_CLASS_ALU64 | BPF_ALU_##op | BPF_SRC_K] = {kind_k, narrow64},          \
    [BPF_CLASS_ALU64 | BPF_ALU_##op | BPF_SRC_X] = {kind_x, narrow64},          \
    [BPF_CLASS_ALU | BPF_ALU_##op | BPF_SRC_K] = {kind_k == AND_K ? AND_K : ALU_K, ALWAYS_NARROW}, \
    [BPF_CLASS_ALU | BPF_ALU_##op | BPF_SRC_X] = {ALU_X, ALWAYS_NARROW}
#define CONDITION(op)                                                                                             \
    [BPF_CLASS_JMP | BPF_JMP_##op | BPF_SRC_K] = {CONDITION_K, 0}, [BPF_CLASS_JMP | BPF_JMP_##op | BPF_SRC_X] = {CONDITION_X, 0}, \
    [BPF_CLASS_JMP32 | BPF_JMP_##op | BPF_SRC_K] = {CONDITION_K, 0}, [BPF_CLASS_JMP32 | BPF_JMP_##op | BPF_SRC_X] = {CONDITION_X, 0}
#define ACCESS(class, kind)                                                                                                   \
    [class | BPF_MODE_MEM | BPF_SIZE_B] = {kind, ALWAYS_NARROW}, [class | BPF_MODE_MEM | BPF_SIZE_H] = {kind, ALWAYS_NARROW}, \
    [class | BPF_MODE_MEM | BPF_SIZE_W] = {kind, ALWAYS_NARROW}, [class | BPF_MODE_MEM | BPF_SIZE_DW] = {kind, NEVER_NARROW}

static const struct row rows[256] = {
    OPERATION(ADD, ADD_K, ADD_X, NEVER_NARROW),
    OPERATION(SUB, ALU_K, ALU_X, NEVER_NARROW),
    OPERATION(MUL, ALU_K, ALU_X, NEVER_NARROW),
    OPERATION(OR, ALU_K, ALU_X, BOTH),
    OPERATION(AND, AND_K, ALU_X, EITHER),
    OPERATION(LSH, ALU_K, ALU_X, NEVER_NARROW),
    OPERATION(RSH, RIGHT_K, ALU_X, LIKE_DST),
    OPERATION(XOR, ALU_K, ALU_X, BOTH),
    OPERATION(ARSH, ALU_K, ALU_X, LIKE_DST),
    [BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_K] = {MOV_K, LIKE_SRC},
    [BPF_CLASS_ALU | BPF_ALU_MOV | BPF_SRC_K] = {MOV_K, ALWAYS_NARROW},
    [BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_X] = {MOV_X, LIKE_SRC},
    [BPF_CLASS_ALU | BPF_ALU_MOV | BPF_SRC_X] = {MOV_X, ALWAYS_NARROW},
    ACCESS(BPF_CLASS_LDX, LOAD),
    ACCESS(BPF_CLASS_ST, STORE_K),
    ACCESS(BPF_CLASS_STX, STORE_X),
    CONDITION(JEQ),
    CONDITION(JGT),
    CONDITION(JGE),
    CONDITION(JSET),
    CONDITION(JNE),
    CONDITION(JSGT),
    CONDITION(JSGE),
    CONDITION(JLT),
    CONDITION(JLE),
    CONDITION(JSLT),
    CONDITION(JSLE),
    [BPF_CLASS_JMP | BPF_JMP_JA] = {JUMP, 0},
};
