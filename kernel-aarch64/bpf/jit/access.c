/* RFC 9669 §5.1 and §5.2: loads and stores, with the address folded and neighbours paired. */

#include "bpf/jit/access.h"
#include "bpf/jit/bytes.h"
#include "bpf/jit/foreign.h"
#include "bpf/jit/hoist.h"
#include "bpf/jit/pair.h"
#include "bpf/jit/promote.h"
#include "bpf/jit/select.h"
#include "bpf/jit/sum.h"

static bool fits_immediate(int64_t offset, enum a64_size size) {
    struct a64_scaled scaled;
    struct a64_unscaled unscaled;
    return try_scaled(offset, size, &scaled) || try_unscaled(offset, &unscaled);
}

static bool fits_index(const struct value *v, int16_t off, enum a64_size size) {
    return v->kind == VALUE_SUM && v->base != XZR && (int64_t)v->imm + off == 0 && (v->to == 0 || v->to == size);
}

/* Whether the sum in an address, without the constant beside it, is to be kept for others like it: one is there already, or
 * the address is needed no more after this access. */
static bool fits_shared(const struct jit *j, uint32_t reg, int16_t off, enum a64_size size) {
    const struct value *v = &j->values[reg];
    if (v->kind != VALUE_SUM || !fits_immediate((int64_t)v->imm + off, size)) { return false; }
    struct insn insn = insn_at(j, j->slot);
    bool overwritten = class_of(insn) == BPF_CLASS_LDX && dst_of(insn) == reg;
    return find_shared_sum(j, v) || (v->base != XZR && (overwritten || !(j->live_out & REG_BIT(reg))));
}

/* Whether an address moves on with the counter, by constants that the next turns add: they need its sum in a register. */
static bool counts(const struct jit *j, const struct value *v) {
    uint32_t counter = j->home[j->in_turn - 1];
    return !v->to && (v->index == counter || v->base == counter);
}

void prepare_address(struct jit *j, uint32_t reg, int16_t off, enum a64_size size) {
    const struct value *v = &j->values[reg];
    if (v->kind == VALUE_COPY) { return; }
    if (fits_index(v, off, size)) {
        if (j->in_turn && counts(j, v)) { share_sum(j, reg); }
        return;
    }
    if (v->kind == VALUE_ADD_IMM && (reg == 10 || fits_immediate((int64_t)v->imm + off, size))) { return; }
    if (fits_shared(j, reg, off, size)) { return share_sum(j, reg); }
    ensure_reg(j, reg);
}

struct address address_of(struct jit *j, uint32_t reg, int16_t off, enum a64_size size, enum a64_reg scratch) {
    const struct value *v = &j->values[reg];
    struct address a = {.kind = ADDRESS_INDEX, .base = (enum a64_reg)v->base, .option = A64_EXTEND_UXTX};
    if (v->kind == VALUE_SUM) {
        a.index = (enum a64_reg)v->index;
        a.option = v->narrow ? A64_EXTEND_UXTW : A64_EXTEND_UXTX;
        a.scale = v->to ? A64_SCALE_SCALED : A64_SCALE_UNSCALED;
        return a;
    }
    int64_t offset = v->kind == VALUE_ADD_IMM ? (int64_t)v->imm + off : off;
    if (try_scaled(offset, size, &a.scaled)) {
        a.kind = ADDRESS_SCALED;
    } else if (try_unscaled(offset, &a.unscaled)) {
        a.kind = ADDRESS_UNSCALED;
    } else {
        emit_constant(j, scratch, (uint64_t)offset);
        a.index = scratch;
    }
    return a;
}

static void emit_load(struct jit *j, enum a64_reg rt, const struct address *a, enum a64_size size, bool is_signed) {
    switch (a->kind) {
    case ADDRESS_SCALED: {
        if (is_signed) { return emit(j, a64_ldrs_scaled(rt, a->base, a->scaled, size)); }
        return emit_access(j, a64_ldr_scaled(rt, a->base, a->scaled, size));
    }
    case ADDRESS_UNSCALED:
        if (is_signed) { return emit(j, a64_ldurs(rt, a->base, a->unscaled, size)); }
        return emit_access(j, a64_ldur(rt, a->base, a->unscaled, size));
    case ADDRESS_INDEX:
        return emit(j, is_signed ? a64_ldrs_reg(rt, a->base, a->scale, a->option, a->index, size)
                                 : a64_ldr_reg(rt, a->base, a->scale, a->option, a->index, size));
    }
}

/* Whether the register is needed no more, neither by src nor by whoever else is noted to read it. */
static bool is_last_use(const struct jit *j, uint32_t src, enum a64_reg rt) {
    return !(j->live_out & REG_BIT(src)) && rt == (enum a64_reg)j->home[src] && is_unread_elsewhere(j, src);
}

/* `src`: the register that the value is of; NO_REG: none. */
static void emit_store_word(struct jit *j, uint32_t word, uint32_t src, enum a64_reg rt) {
    if (!has_neighbour(j, word)) { return emit(j, word); }
    return src != NO_REG && is_last_use(j, src, rt) ? emit_last_beside(j, word) : emit_beside(j, word);
}

static void emit_store(struct jit *j, enum a64_reg rt, const struct address *a, enum a64_size size, uint32_t src) {
    switch (a->kind) {
    case ADDRESS_SCALED: return emit_store_word(j, a64_str_scaled(rt, a->base, a->scaled, size), src, rt);
    case ADDRESS_UNSCALED: return emit_store_word(j, a64_stur(rt, a->base, a->unscaled, size), src, rt);
    case ADDRESS_INDEX: return emit(j, a64_str_reg(rt, a->base, a->scale, a->option, a->index, size));
    }
}

RARE static void load_general(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn), src = src_of(insn);
    enum a64_size size = size_of(insn);
    bool is_signed = (opcode_of(insn) & 0xe0u) == BPF_MODE_MEMSX;
    prepare_address(j, src, off_of(insn), size);
    drop_unread(j, dst);
    enum a64_reg rt = begin_define(j, dst);
    struct address address = address_of(j, src, off_of(insn), size, SCRATCH);
    emit_load(j, rt, &address, size, is_signed);
    define(j, dst, rt, is_signed ? 64 : 8u << size);
}

/* The address as the form with an unsigned offset has it, when the register needs no code for that. */
static inline bool try_simple_address(const struct jit *j, uint32_t reg, int16_t off, enum a64_size size,
                                      struct a64_scaled *scaled) {
    const struct value *v = &j->values[reg];
    int64_t offset = off;
    if (v->kind == VALUE_ADD_IMM) {
        offset += (int64_t)v->imm;
    } else if (v->kind != VALUE_COPY) {
        return false;
    }
    return try_scaled(offset, size, scaled);
}

/* Needs no frame. */
[[clang::noinline]] static void load_plain(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn), src = src_of(insn);
    enum a64_size size = size_of(insn);
    struct a64_scaled offset;
    enum a64_reg rt;
    bool simple = (opcode_of(insn) & 0xe0u) == BPF_MODE_MEM && try_place(j, dst, &rt);
    if (!simple || !try_simple_address(j, src, off_of(insn), size, &offset)) { return load_general(j, insn); }
    uint32_t word = a64_ldr_scaled(rt, (enum a64_reg)j->values[src].base, offset, size);
    define(j, dst, rt, 8u << size);
    emit_access(j, word);
}

/* Of a byte or a halfword. */
RARE static void load_small(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn);
    enum a64_size size = size_of(insn);
    bool waits = (opcode_of(insn) & 0xe0u) == BPF_MODE_MEM && load_waits(j, dst, size);
    if (waits && try_note_load(j, dst, src_of(insn), off_of(insn), size)) { return; }
    load_plain(j, insn);
}

static void load_from_arena(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn), src = src_of(insn);
    enum a64_size size = size_of(insn);
    ensure_reg32(j, src);
    drop_unread(j, dst);
    enum a64_reg rt = begin_define(j, dst);
    ensure_reg32(j, src);
    struct address address = arena_address(j, src, off_of(insn), size);
    emit_load(j, rt, &address, size, false);
    define(j, dst, rt, 8u << size);
}

void compile_load(struct jit *j, struct insn insn) {
    if (is_in_arena(j)) { return load_from_arena(j, insn); }
    if (src_of(insn) == 10 && is_promoted(j, off_of(insn))) { return load_promoted(j, insn); }
    if (size_of(insn) < A64_SIZE_S) { return load_small(j, insn); }
    load_plain(j, insn);
}

/* The register whose low bits are what a store of this size writes; a field cut above them need not be computed. */
static inline bool try_stored(const struct jit *j, uint32_t reg, enum a64_size size, enum a64_reg *out) {
    const struct value *v = &j->values[reg];
    *out = (enum a64_reg)v->base;
    if (v->kind == VALUE_COPY) { return true; }
    if (v->kind == VALUE_CONST && v->imm == 0) {
        *out = XZR;
        return true;
    }
    return v->kind == VALUE_FIELD && v->from == 0 && v->to == 0 && v->width >= 8u << size;
}

static uint64_t stored_immediate(struct insn insn, enum a64_size size) {
    uint64_t value = (uint64_t)(int64_t)imm_of(insn);
    return size == A64_SIZE_D ? value : value & ((1ull << (8u << size)) - 1);
}

static void store_immediate(struct jit *j, struct insn insn, enum a64_size size) {
    uint32_t dst = dst_of(insn);
    prepare_address(j, dst, off_of(insn), size);
    struct address address = address_of(j, dst, off_of(insn), size, SCRATCH2);
    enum a64_reg rt = XZR;
    if (imm_of(insn)) { rt = constant_reg(j, stored_immediate(insn, size), SCRATCH); }
    emit_store(j, rt, &address, size, NO_REG);
}

RARE static void store_general(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn), src = src_of(insn);
    enum a64_size size = size_of(insn);
    enum a64_reg rt;
    if (class_of(insn) == BPF_CLASS_ST) { return store_immediate(j, insn, size); }
    prepare_address(j, dst, off_of(insn), size);
    if (!try_stored(j, src, size, &rt)) { ensure_reg(j, src); }
    struct address address = address_of(j, dst, off_of(insn), size, SCRATCH);
    if (try_stored(j, src, size, &rt)) { emit_store(j, rt, &address, size, src); }
}

static void store_to_arena(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn), src = src_of(insn);
    enum a64_size size = size_of(insn);
    enum a64_reg rt = XZR;
    if (class_of(insn) == BPF_CLASS_STX) {
        ensure_reg(j, src);
        ensure_reg32(j, dst);
        rt = value_reg(j, src);
    } else {
        ensure_reg32(j, dst);
        if (imm_of(insn)) { rt = constant_reg(j, stored_immediate(insn, size), SCRATCH2); }
    }
    struct address address = arena_address(j, dst, off_of(insn), size);
    emit_store(j, rt, &address, size, NO_REG);
}

void compile_store(struct jit *j, struct insn insn) {
    if (is_in_arena(j)) { return store_to_arena(j, insn); }
    uint32_t dst = dst_of(insn), src = src_of(insn);
    enum a64_size size = size_of(insn);
    if (dst == 10 && is_promoted(j, off_of(insn))) { return store_promoted(j, insn); }
    enum a64_reg rt;
    struct a64_scaled offset;
    bool simple = class_of(insn) == BPF_CLASS_STX && try_stored(j, src, size, &rt);
    if (!simple || !try_simple_address(j, dst, off_of(insn), size, &offset)) { return store_general(j, insn); }
    uint32_t word = a64_str_scaled(rt, (enum a64_reg)j->values[dst].base, offset, size);
    emit_store_word(j, word, src, rt);
}
