/* Plain accesses may be unaligned (the verifier decides where that is allowed); atomics never are. */

#include "bpf/interp/memory.h"

typedef uint16_t unaligned16 __attribute__((aligned(1), may_alias));
typedef uint32_t unaligned32 __attribute__((aligned(1), may_alias));
typedef uint64_t unaligned64 __attribute__((aligned(1), may_alias));
typedef uint32_t aliased32 __attribute__((may_alias));
typedef uint64_t aliased64 __attribute__((may_alias));

static uint32_t mode(struct bpf_insn insn) { return insn.opcode & 0xe0u; }
static uint32_t size(struct bpf_insn insn) { return insn.opcode & 0x18u; }

static uint64_t load_zero(uint32_t access, uintptr_t addr) {
    switch (access) {
    case BPF_SIZE_B: return *(const uint8_t *)addr;
    case BPF_SIZE_H: return *(const unaligned16 *)addr;
    case BPF_SIZE_W: return *(const unaligned32 *)addr;
    default: return *(const unaligned64 *)addr;
    }
}

enum status interp_load(struct bpf_insn insn, uint64_t addr, uint64_t *value) {
    uint64_t zero_extended = load_zero(size(insn), (uintptr_t)addr);
    if (mode(insn) == BPF_MODE_MEM) {
        *value = zero_extended;
        return STATUS_OK;
    }
    if (mode(insn) != BPF_MODE_MEMSX) { return STATUS_BAD_OPCODE; }
    switch (size(insn)) {
    case BPF_SIZE_B: *value = (uint64_t)(int8_t)zero_extended; return STATUS_OK;
    case BPF_SIZE_H: *value = (uint64_t)(int16_t)zero_extended; return STATUS_OK;
    case BPF_SIZE_W: *value = (uint64_t)(int32_t)zero_extended; return STATUS_OK;
    default: return STATUS_BAD_OPCODE;
    }
}

enum status interp_store(struct bpf_insn insn, uint64_t addr, uint64_t value) {
    if (mode(insn) != BPF_MODE_MEM) { return STATUS_BAD_OPCODE; }
    uintptr_t at = (uintptr_t)addr;
    switch (size(insn)) {
    case BPF_SIZE_B: *(uint8_t *)at = (uint8_t)value; break;
    case BPF_SIZE_H: *(unaligned16 *)at = (uint16_t)value; break;
    case BPF_SIZE_W: *(unaligned32 *)at = (uint32_t)value; break;
    default: *(unaligned64 *)at = value; break;
    }
    return STATUS_OK;
}

/* §5.3; r0 and src get the old value zero-extended. */
static enum status atomic32(struct bpf_insn insn, aliased32 *at, uint64_t *src, uint64_t *r0) {
    uint32_t operand = (uint32_t)*src, old;
    switch ((uint32_t)insn.imm & ~BPF_ATOMIC_FETCH) {
    case BPF_ATOMIC_ADD: old = __atomic_fetch_add(at, operand, __ATOMIC_SEQ_CST); break;
    case BPF_ATOMIC_OR: old = __atomic_fetch_or(at, operand, __ATOMIC_SEQ_CST); break;
    case BPF_ATOMIC_AND: old = __atomic_fetch_and(at, operand, __ATOMIC_SEQ_CST); break;
    case BPF_ATOMIC_XOR: old = __atomic_fetch_xor(at, operand, __ATOMIC_SEQ_CST); break;
    case BPF_ATOMIC_XCHG & ~BPF_ATOMIC_FETCH: old = __atomic_exchange_n(at, operand, __ATOMIC_SEQ_CST); break;
    case BPF_ATOMIC_CMPXCHG & ~BPF_ATOMIC_FETCH:
        old = (uint32_t)*r0;
        __atomic_compare_exchange_n(at, &old, operand, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        *r0 = old;
        return STATUS_OK;
    default: return STATUS_ATOMIC_BAD_OPERATION;
    }
    if ((uint32_t)insn.imm & BPF_ATOMIC_FETCH) { *src = old; }
    return STATUS_OK;
}

static enum status atomic64(struct bpf_insn insn, aliased64 *at, uint64_t *src, uint64_t *r0) {
    uint64_t operand = *src, old;
    switch ((uint32_t)insn.imm & ~BPF_ATOMIC_FETCH) {
    case BPF_ATOMIC_ADD: old = __atomic_fetch_add(at, operand, __ATOMIC_SEQ_CST); break;
    case BPF_ATOMIC_OR: old = __atomic_fetch_or(at, operand, __ATOMIC_SEQ_CST); break;
    case BPF_ATOMIC_AND: old = __atomic_fetch_and(at, operand, __ATOMIC_SEQ_CST); break;
    case BPF_ATOMIC_XOR: old = __atomic_fetch_xor(at, operand, __ATOMIC_SEQ_CST); break;
    case BPF_ATOMIC_XCHG & ~BPF_ATOMIC_FETCH: old = __atomic_exchange_n(at, operand, __ATOMIC_SEQ_CST); break;
    case BPF_ATOMIC_CMPXCHG & ~BPF_ATOMIC_FETCH:
        old = *r0;
        __atomic_compare_exchange_n(at, &old, operand, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
        *r0 = old;
        return STATUS_OK;
    default: return STATUS_ATOMIC_BAD_OPERATION;
    }
    if ((uint32_t)insn.imm & BPF_ATOMIC_FETCH) { *src = old; }
    return STATUS_OK;
}

/* Full barriers, as the JIT's are. */
enum status interp_atomic(struct bpf_insn insn, uint64_t addr, uint64_t *src, uint64_t *r0) {
    enum status status = STATUS_BAD_OPCODE;
    if (size(insn) == BPF_SIZE_W) { status = atomic32(insn, (aliased32 *)(uintptr_t)addr, src, r0); }
    if (size(insn) == BPF_SIZE_DW) { status = atomic64(insn, (aliased64 *)(uintptr_t)addr, src, r0); }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return status;
}
