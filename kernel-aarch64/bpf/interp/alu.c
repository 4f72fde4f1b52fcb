/* RFC 9669 §4.1 to §4.3. Each operation is written once for 64 and once for 32 bits: the reference has to be obvious, not short. */

#include "bpf/interp/alu.h"

static uint64_t sign_extend(uint64_t value, uint32_t bits) {
    uint64_t sign = 1ull << (bits - 1);
    uint64_t low = bits == 64 ? value : value & ((1ull << bits) - 1);
    return (low ^ sign) - sign;
}

/* §4.1: dividing by zero gives 0, and the quotient that overflows wraps round. */
static uint64_t divide64(uint64_t dst, uint64_t src, bool is_signed) {
    if (src == 0) { return 0; }
    if (!is_signed) { return dst / src; }
    if (src == UINT64_MAX) { return 0 - dst; }
    return (uint64_t)((int64_t)dst / (int64_t)src);
}

/* §4.1: the remainder by zero is dst. */
static uint64_t modulo64(uint64_t dst, uint64_t src, bool is_signed) {
    if (src == 0) { return dst; }
    if (!is_signed) { return dst % src; }
    if (src == UINT64_MAX) { return 0; }
    return (uint64_t)((int64_t)dst % (int64_t)src);
}

static uint32_t divide32(uint32_t dst, uint32_t src, bool is_signed) {
    if (src == 0) { return 0; }
    if (!is_signed) { return dst / src; }
    return (uint32_t)((int64_t)(int32_t)dst / (int32_t)src);
}

static uint32_t modulo32(uint32_t dst, uint32_t src, bool is_signed) {
    if (src == 0) { return dst; }
    if (!is_signed) { return dst % src; }
    return (uint32_t)((int64_t)(int32_t)dst % (int32_t)src);
}

/* Table 5: off selects plain MOV or MOVSX from 8, 16 or 32 bits. */
static bool move(uint64_t src, int16_t off, uint64_t *result) {
    if (off != 0 && off != 8 && off != 16 && off != 32) { return false; }
    *result = off == 0 ? src : sign_extend(src, (uint32_t)off);
    return true;
}

static enum status alu64(struct bpf_insn insn, uint64_t dst, uint64_t src, uint64_t *result) {
    switch (insn.opcode & 0xf0u) {
    case BPF_ALU_ADD: *result = dst + src; return STATUS_OK;
    case BPF_ALU_SUB: *result = dst - src; return STATUS_OK;
    case BPF_ALU_MUL: *result = dst * src; return STATUS_OK;
    case BPF_ALU_DIV: *result = divide64(dst, src, insn.off == 1); return STATUS_OK;
    case BPF_ALU_MOD: *result = modulo64(dst, src, insn.off == 1); return STATUS_OK;
    case BPF_ALU_OR: *result = dst | src; return STATUS_OK;
    case BPF_ALU_AND: *result = dst & src; return STATUS_OK;
    case BPF_ALU_XOR: *result = dst ^ src; return STATUS_OK;
    case BPF_ALU_LSH: *result = dst << (src & 63); return STATUS_OK;
    case BPF_ALU_RSH: *result = dst >> (src & 63); return STATUS_OK;
    case BPF_ALU_ARSH: *result = (uint64_t)((int64_t)dst >> (src & 63)); return STATUS_OK;
    case BPF_ALU_NEG: *result = 0 - dst; return STATUS_OK;
    case BPF_ALU_MOV: return move(src, insn.off, result) ? STATUS_OK : STATUS_BAD_OPCODE;
    default: return STATUS_BAD_OPCODE;
    }
}

static enum status alu32(struct bpf_insn insn, uint32_t dst, uint32_t src, uint64_t *result) {
    uint64_t moved;
    switch (insn.opcode & 0xf0u) {
    case BPF_ALU_ADD: *result = (uint32_t)(dst + src); return STATUS_OK;
    case BPF_ALU_SUB: *result = (uint32_t)(dst - src); return STATUS_OK;
    case BPF_ALU_MUL: *result = (uint32_t)(dst * src); return STATUS_OK;
    case BPF_ALU_DIV: *result = divide32(dst, src, insn.off == 1); return STATUS_OK;
    case BPF_ALU_MOD: *result = modulo32(dst, src, insn.off == 1); return STATUS_OK;
    case BPF_ALU_OR: *result = dst | src; return STATUS_OK;
    case BPF_ALU_AND: *result = dst & src; return STATUS_OK;
    case BPF_ALU_XOR: *result = dst ^ src; return STATUS_OK;
    case BPF_ALU_LSH: *result = dst << (src & 31); return STATUS_OK;
    case BPF_ALU_RSH: *result = dst >> (src & 31); return STATUS_OK;
    case BPF_ALU_ARSH: *result = (uint32_t)((int32_t)dst >> (src & 31)); return STATUS_OK;
    case BPF_ALU_NEG: *result = (uint32_t)(0 - dst); return STATUS_OK;
    case BPF_ALU_MOV:
        if (!move(src, insn.off, &moved)) { return STATUS_BAD_OPCODE; }
        *result = (uint32_t)moved;
        return STATUS_OK;
    default: return STATUS_BAD_OPCODE;
    }
}

/* §4.2: ALU converts to little (source K) or big endian (source X), ALU64 swaps; the host is little-endian. */
static enum status byte_swap(struct bpf_insn insn, uint64_t dst, uint64_t *result) {
    bool swap = insn_class(insn) == BPF_CLASS_ALU64 || (insn.opcode & BPF_SRC_X);
    switch (insn.imm) {
    case 16: *result = swap ? __builtin_bswap16((uint16_t)dst) : (uint16_t)dst; return STATUS_OK;
    case 32: *result = swap ? __builtin_bswap32((uint32_t)dst) : (uint32_t)dst; return STATUS_OK;
    case 64: *result = swap ? __builtin_bswap64(dst) : dst; return STATUS_OK;
    default: return STATUS_BAD_OPCODE;
    }
}

enum status interp_alu(struct bpf_insn insn, uint64_t dst, uint64_t src, uint64_t *result) {
    if ((insn.opcode & 0xf0u) == BPF_ALU_END) { return byte_swap(insn, dst, result); }
    if (insn_class(insn) == BPF_CLASS_ALU64) { return alu64(insn, dst, src, result); }
    return alu32(insn, (uint32_t)dst, (uint32_t)src, result);
}

enum status interp_condition(struct bpf_insn insn, uint64_t dst, uint64_t src, bool *taken) {
    bool wide = insn_class(insn) == BPF_CLASS_JMP;
    uint64_t a = wide ? dst : (uint32_t)dst, b = wide ? src : (uint32_t)src;
    int64_t signed_a = wide ? (int64_t)dst : (int32_t)dst, signed_b = wide ? (int64_t)src : (int32_t)src;
    switch (insn.opcode & 0xf0u) {
    case BPF_JMP_JEQ: *taken = a == b; return STATUS_OK;
    case BPF_JMP_JNE: *taken = a != b; return STATUS_OK;
    case BPF_JMP_JGT: *taken = a > b; return STATUS_OK;
    case BPF_JMP_JGE: *taken = a >= b; return STATUS_OK;
    case BPF_JMP_JLT: *taken = a < b; return STATUS_OK;
    case BPF_JMP_JLE: *taken = a <= b; return STATUS_OK;
    case BPF_JMP_JSGT: *taken = signed_a > signed_b; return STATUS_OK;
    case BPF_JMP_JSGE: *taken = signed_a >= signed_b; return STATUS_OK;
    case BPF_JMP_JSLT: *taken = signed_a < signed_b; return STATUS_OK;
    case BPF_JMP_JSLE: *taken = signed_a <= signed_b; return STATUS_OK;
    case BPF_JMP_JSET: *taken = (a & b) != 0; return STATUS_OK;
    default: return STATUS_BAD_OPCODE;
    }
}
