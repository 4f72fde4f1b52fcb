#pragma once
/* What each opcode does to its registers, as one look-up (RFC 9669 §3 to §5). */

#include "gen/abi_bpf.h"
#include <stdint.h>

enum effect : uint16_t {
    EFFECT_SETS_DST = 1 << 0,  /* dst is overwritten */
    EFFECT_READS_DST = 1 << 1, /* and read */
    EFFECT_READS_SRC = 1 << 2,
    EFFECT_IS_PURE = 1 << 3, /* nothing happens but that dst is set */
    EFFECT_IS_SPECIAL = 1 << 4, /* jumps, calls, exit, atomics */
    EFFECT_IS_JUMP = 1 << 5,
    EFFECT_TAKES_CONSTANT = 1 << 8, /* may ask for its immediate in a register (hoist.c) */
    EFFECT_ENDS_WAITING = 1 << 9, /* registers may have to be loaded before (bytes.h): stores, and what computes of two of them */
    EFFECT_KIND_SHIFT = 6, /* for those that are no jumps, as the order of their frequency has it: enum effect_kind */
};

enum effect_kind : uint8_t { KIND_ALU, KIND_LOAD, KIND_STORE, KIND_OTHER };

#define EFFECT_KIND(op) \
    (((op) & 7u) == BPF_CLASS_ALU || ((op) & 7u) == BPF_CLASS_ALU64 ? KIND_ALU : \
     ((op) & 7u) == BPF_CLASS_LDX ? KIND_LOAD : \
     ((op) & 7u) == BPF_CLASS_ST || (((op) & 7u) == BPF_CLASS_STX && ((op) & 0xe0u) != BPF_MODE_ATOMIC) ? KIND_STORE : \
                                                                                                        KIND_OTHER)
#define EFFECT_CONSTANT(op) \
    (((op) & 7u) == BPF_CLASS_ST || (op) == (BPF_CLASS_LD | BPF_SIZE_DW) || \
             (EFFECT_KIND(op) == KIND_ALU && !((op) & BPF_SRC_X) && ((op) & 0xf0u) != BPF_ALU_MOV && \
              ((op) & 0xf0u) != BPF_ALU_LSH && ((op) & 0xf0u) != BPF_ALU_RSH && ((op) & 0xf0u) != BPF_ALU_ARSH) \
         ? EFFECT_TAKES_CONSTANT \
         : 0)
#define EFFECT_WAITING(op) \
    (EFFECT_KIND(op) == KIND_STORE || (EFFECT_KIND(op) == KIND_ALU && (op) & BPF_SRC_X && ((op) & 0xf0u) < BPF_ALU_MOV) || \
             (EFFECT_KIND(op) == KIND_ALU && (op) & BPF_SRC_X && ((op) & 0xf0u) == BPF_ALU_ARSH) \
         ? EFFECT_ENDS_WAITING \
         : 0)
#define EFFECT_SOURCE(op) ((op) & BPF_SRC_X ? EFFECT_READS_SRC : 0)
#define EFFECT_ALU(op) \
    (EFFECT_SETS_DST | EFFECT_IS_PURE | (((op) & 0xf0u) == BPF_ALU_MOV ? 0 : EFFECT_READS_DST) | \
     (((op) & 0xf0u) == BPF_ALU_END ? 0 : EFFECT_SOURCE(op)))
#define EFFECT_STX(op) \
    (EFFECT_READS_DST | EFFECT_READS_SRC | (((op) & 0xe0u) == BPF_MODE_ATOMIC ? EFFECT_IS_SPECIAL : 0))
#define EFFECT_JUMP(op) \
    (EFFECT_IS_SPECIAL | EFFECT_IS_JUMP | \
     (((op) & 0xf0u) == BPF_JMP_JA || ((op) & 0xf0u) == BPF_JMP_CALL || ((op) & 0xf0u) == BPF_JMP_EXIT \
          ? 0 \
          : EFFECT_READS_DST | ((op) & BPF_SRC_X ? EFFECT_READS_SRC : EFFECT_TAKES_CONSTANT)))
#define EFFECT(op) \
    (uint16_t)(EFFECT_KIND(op) << EFFECT_KIND_SHIFT | EFFECT_BITS(op) | EFFECT_CONSTANT(op) | EFFECT_WAITING(op))
#define EFFECT_BITS(op) \
    ((op) == 0 ? 0 : \
              (op) == (BPF_CLASS_LD | BPF_SIZE_DW) ? EFFECT_SETS_DST | EFFECT_IS_PURE : \
              ((op) & 7u) == BPF_CLASS_LD ? EFFECT_IS_SPECIAL | EFFECT_SETS_DST | ((op) & BPF_MODE_IND ? EFFECT_READS_SRC : 0) : \
              ((op) & 7u) == BPF_CLASS_LDX ? EFFECT_SETS_DST | EFFECT_READS_SRC | EFFECT_IS_PURE : \
              ((op) & 7u) == BPF_CLASS_ST ? EFFECT_READS_DST : \
              ((op) & 7u) == BPF_CLASS_STX ? EFFECT_STX(op) : \
              ((op) & 7u) == BPF_CLASS_JMP || ((op) & 7u) == BPF_CLASS_JMP32 ? EFFECT_JUMP(op) : EFFECT_ALU(op))
#define EFFECT_ROW4(op) EFFECT(op), EFFECT((op) + 1u), EFFECT((op) + 2u), EFFECT((op) + 3u)
#define EFFECT_ROW16(op) EFFECT_ROW4(op), EFFECT_ROW4((op) + 4u), EFFECT_ROW4((op) + 8u), EFFECT_ROW4((op) + 12u)
#define EFFECT_ROW64(op) \
    EFFECT_ROW16(op), EFFECT_ROW16((op) + 16u), EFFECT_ROW16((op) + 32u), EFFECT_ROW16((op) + 48u)

static const uint16_t effects[256] = {EFFECT_ROW64(0u), EFFECT_ROW64(64u), EFFECT_ROW64(128u), EFFECT_ROW64(192u)};
