#pragma once
/* What the opcodes are to fast.c. */

#include "gen/abi_bpf.h"
#include <stdint.h>

/* What an opcode is, in bits. Those that make a number of a register and a constant, or of two registers, have a bit of their
 * own, as have those that reach memory: what is common to all of them is looked at at once. */
enum row : uint16_t {
    /* 0..3: whether the upper half of the result is zero, by what is known before: whether that of dst is (1), and whether that
     * of src is, or the immediate is negative (2) */
    NEVER_NARROW = 0,
    BOTH = 8,
    EITHER = 14,
    LIKE_DST = 10,
    LIKE_SRC = 12,
    ALWAYS_NARROW = 15,
    FRESH_AT = 4, /* the result does not depend on dst */
    FRESH = 1 << FRESH_AT,
    WITH_X = 1 << 5,
    WITH_K = 1 << 6,
    ACCESS = 1 << 7,
    BYTES_AT = 8, /* 8..11: of an access */
    STORES = 1 << 15,
    KIND = 15 << 12 | WITH_X | WITH_K | ACCESS,
    SLOW = 0,
    CONDITION_K = 1 << 12,
    CONDITION_X = 2 << 12,
    JUMP = 3 << 12,
    ALU_K = WITH_K,
    ADD_K = WITH_K | 1 << 12,
    AND_K = WITH_K | 2 << 12,
    MOV_K = WITH_K | 3 << 12,
    RIGHT_K = WITH_K | 4 << 12, /* no other kind has this bit */
    ALU_X = WITH_X,
    ADD_X = WITH_X | 1 << 12,
    MOV_X = WITH_X | 2 << 12,
    LOAD = ACCESS,
    STORE_K = ACCESS | STORES,
    STORE_X = ACCESS | STORES | 1 << 12,
};
enum : uint32_t { BY_FAR = RIGHT_K & ~(uint32_t)WITH_K };

/* For an immediate as for a register whose upper half is zero when it is not negative. */
#define BY_SIGN(narrow) (((narrow) & 3) << 2 | (narrow) >> 2)
#define OPERATION(op, kind_k, kind_x, narrow64)                                    \
    [BPF_CLASS_ALU64 | BPF_ALU_##op | BPF_SRC_K] = (kind_k) | BY_SIGN(narrow64),   \
    [BPF_CLASS_ALU64 | BPF_ALU_##op | BPF_SRC_X] = (kind_x) | (narrow64),   \
    [BPF_CLASS_ALU | BPF_ALU_##op | BPF_SRC_K] = ((kind_k) == AND_K ? AND_K : ALU_K) | ALWAYS_NARROW, \
    [BPF_CLASS_ALU | BPF_ALU_##op | BPF_SRC_X] = ALU_X | ALWAYS_NARROW
#define CONDITION(op)                                                                                       \
    [BPF_CLASS_JMP | BPF_JMP_##op | BPF_SRC_K] = CONDITION_K, [BPF_CLASS_JMP | BPF_JMP_##op | BPF_SRC_X] = CONDITION_X, \
    [BPF_CLASS_JMP32 | BPF_JMP_##op | BPF_SRC_K] = CONDITION_K, [BPF_CLASS_JMP32 | BPF_JMP_##op | BPF_SRC_X] = CONDITION_X
#define REACH(class, kind)                                                      \
    [class | BPF_MODE_MEM | BPF_SIZE_B] = (kind) | ALWAYS_NARROW | 1 << BYTES_AT, \
    [class | BPF_MODE_MEM | BPF_SIZE_H] = (kind) | ALWAYS_NARROW | 2 << BYTES_AT, \
    [class | BPF_MODE_MEM | BPF_SIZE_W] = (kind) | ALWAYS_NARROW | 4 << BYTES_AT, \
    [class | BPF_MODE_MEM | BPF_SIZE_DW] = (kind) | NEVER_NARROW | 8 << BYTES_AT

/* By a constant; by a register it is noted for the JIT whether that may be zero. */
#define DIVISION(op)                                                                       \
    [BPF_CLASS_ALU64 | BPF_ALU_##op | BPF_SRC_K] = ALU_K | LIKE_DST, \
    [BPF_CLASS_ALU | BPF_ALU_##op | BPF_SRC_K] = ALU_K | ALWAYS_NARROW

static const uint16_t rows[256] = {
    OPERATION(ADD, ADD_K, ADD_X, NEVER_NARROW),
    OPERATION(SUB, ALU_K, ALU_X, NEVER_NARROW),
    OPERATION(MUL, ALU_K, ALU_X, NEVER_NARROW),
    DIVISION(DIV),
    DIVISION(MOD),
    OPERATION(OR, ALU_K, ALU_X, BOTH),
    OPERATION(AND, AND_K, ALU_X, EITHER),
    OPERATION(LSH, ALU_K, ALU_X, NEVER_NARROW),
    OPERATION(RSH, RIGHT_K, ALU_X, LIKE_DST),
    OPERATION(XOR, ALU_K, ALU_X, BOTH),
    OPERATION(ARSH, ALU_K, ALU_X, LIKE_DST),
    [BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_K] = MOV_K | BY_SIGN(LIKE_SRC) | FRESH,
    [BPF_CLASS_ALU | BPF_ALU_MOV | BPF_SRC_K] = MOV_K | ALWAYS_NARROW | FRESH,
    [BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_X] = MOV_X | LIKE_SRC | FRESH,
    [BPF_CLASS_ALU | BPF_ALU_MOV | BPF_SRC_X] = MOV_X | ALWAYS_NARROW | FRESH,
    REACH(BPF_CLASS_LDX, LOAD),
    REACH(BPF_CLASS_ST, STORE_K),
    REACH(BPF_CLASS_STX, STORE_X),
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
    [BPF_CLASS_JMP | BPF_JMP_JA] = JUMP,
};
