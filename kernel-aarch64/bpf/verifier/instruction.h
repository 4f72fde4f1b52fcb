#pragma once
/* The shape of each opcode (RFC 9669 §3–§5): what its fields mean, and which of them must be zero. */

#include <stdint.h>

enum insn_shape : uint8_t {
    SHAPE_BAD,
    SHAPE_LEGACY_PACKET, /* LD with ABS or IND (§5.6, deprecated) */
    SHAPE_CALLX,
    SHAPE_LD_IMM64,
    SHAPE_LDX,
    SHAPE_LDSX,
    SHAPE_ST,
    SHAPE_STX,
    SHAPE_ATOMIC,
    SHAPE_MOV_K,
    SHAPE_MOV_X,
    SHAPE_ALU_K,
    SHAPE_ALU_X,
    SHAPE_DIV_K, /* div and mod, off 1 = signed */
    SHAPE_DIV_X,
    SHAPE_NEG,
    SHAPE_SWAP,
    SHAPE_JA,   /* by off */
    SHAPE_JA32, /* by imm */
    SHAPE_COND_K,
    SHAPE_COND_X,
    SHAPE_CALL,
    SHAPE_EXIT,
    SHAPE_MAY_GOTO, /* other platforms */
};

/* A jump that Linux takes when a loop has taken too long: counted by the kernel, not by the program. */
enum { PLATFORM_MAY_GOTO = 0xe5 };

/* A move that makes an address of an arena of another address space: the kernel's, of 32 bits, or the user's. */
enum { PLATFORM_CAST = 1, PLATFORM_CAST_TO_ARENA = 1, PLATFORM_CAST_TO_USER = 1 << 16 };

/* Ordered loads and stores, which Linux has beside RFC 9669: of any size. */
enum { PLATFORM_LOAD_ACQUIRE = 0x100, PLATFORM_STORE_RELEASE = 0x110 };
static inline bool atomic_is_ordered(int32_t imm) { return imm == PLATFORM_LOAD_ACQUIRE || imm == PLATFORM_STORE_RELEASE; }

extern const uint8_t insn_shapes[256];

static inline uint32_t access_bytes(uint32_t opcode) {
    /* W 4, H 2, B 1, DW 8: size codes 0, 1, 2, 3 in bits 3..4 */
    return (0x8124u >> ((opcode & 0x18u) >> 1)) & 15u;
}
