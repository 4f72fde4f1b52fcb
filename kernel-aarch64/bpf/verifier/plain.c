/* The plain forms of each shape. */

#include "bpf/verifier/structure.h"

const struct plain plain[SHAPE_MAY_GOTO + 1] = {
#define NONE_PLAIN {0, 0, 0x1010}
#define UP_TO(dst, src) ((15u - (dst)) | (15u - (src)) << 8)
    [SHAPE_BAD] = NONE_PLAIN,
    [SHAPE_LEGACY_PACKET] = NONE_PLAIN,
    [SHAPE_CALLX] = NONE_PLAIN,
    [SHAPE_LD_IMM64] = NONE_PLAIN,
    [SHAPE_ATOMIC] = NONE_PLAIN,
    [SHAPE_SWAP] = NONE_PLAIN,
    [SHAPE_CALL] = NONE_PLAIN,
    [SHAPE_MAY_GOTO] = NONE_PLAIN,
    [SHAPE_LDX] = {0, UINT32_MAX, UP_TO(9, 10)},
    [SHAPE_LDSX] = {0, UINT32_MAX, UP_TO(9, 9)},
    [SHAPE_ST] = {0xf000, 0, UP_TO(10, 9)},
    [SHAPE_STX] = {0, UINT32_MAX, UP_TO(10, 9)},
    [SHAPE_MOV_K] = {0xfffff000, 0, UP_TO(9, 9)},
    [SHAPE_MOV_X] = {0xffff0000, UINT32_MAX, UP_TO(9, 9)},
    [SHAPE_ALU_K] = {0xfffff000, 0, UP_TO(9, 9)},
    [SHAPE_ALU_X] = {0xffff0000, UINT32_MAX, UP_TO(9, 9)},
    [SHAPE_DIV_K] = {0xfffef000, 0, UP_TO(9, 9)},
    [SHAPE_DIV_X] = {0xfffe0000, UINT32_MAX, UP_TO(9, 9)},
    [SHAPE_NEG] = {0xfffff000, UINT32_MAX, UP_TO(9, 9)},
    [SHAPE_JA] = {0xff00, UINT32_MAX, UP_TO(9, 9)},
    [SHAPE_JA32] = {0xffffff00, 0, UP_TO(9, 9)},
    [SHAPE_COND_K] = {0xf000, 0, UP_TO(9, 9)},
    [SHAPE_COND_X] = {0, UINT32_MAX, UP_TO(9, 9)},
    [SHAPE_EXIT] = {0xffffff00, UINT32_MAX, UP_TO(9, 9)},
};
static_assert(SHAPE_MAY_GOTO == 23); /* a new shape needs its row */
