/* RFC 9669 §5.3, as one LSE instruction where the CPU has them, else as an exclusive loop. Operations that return the old
 * value are full barriers, the others order nothing, as in Linux's memory model: a load behind STLXR may be done before it,
 * so a DMB follows where there is no single instruction that acquires and releases. */

#include "bpf/jit/access.h"
#include "bpf/jit/bytes.h"
#include "bpf/jit/foreign.h"
#include "bpf/jit/sum.h"
#include "bpf/jit/select.h"

#define OLD X10
#define NEW X11
#define FAILED X12

struct atomic {
    enum a64_size size;
    enum a64_width width;
    enum a64_reg address; /* holds the address itself */
    enum a64_reg source;
    uint32_t op; /* BPF_ATOMIC_*, without fetch */
};

static uint32_t load_operation(const struct atomic *a, enum a64_reg rt, enum a64_reg rs, bool ordered) {
    switch (a->op) {
    case BPF_ATOMIC_ADD:
        return ordered ? a64_ldaddal(rt, a->address, rs, a->size) : a64_ldadd(rt, a->address, rs, a->size);
    case BPF_ATOMIC_OR:
        return ordered ? a64_ldsetal(rt, a->address, rs, a->size) : a64_ldset(rt, a->address, rs, a->size);
    case BPF_ATOMIC_AND:
        return ordered ? a64_ldclral(rt, a->address, rs, a->size) : a64_ldclr(rt, a->address, rs, a->size);
    case BPF_ATOMIC_XOR:
        return ordered ? a64_ldeoral(rt, a->address, rs, a->size) : a64_ldeor(rt, a->address, rs, a->size);
    default: return a64_swpal(rt, a->address, rs, a->size);
    }
}

/* FEAT_LSE: one instruction; AND is "clear the bits that are not set". */
static void emit_lse(struct jit *j, const struct atomic *a, enum a64_reg rt, bool fetch) {
    enum a64_reg rs = a->source;
    if (a->op == BPF_ATOMIC_AND) {
        emit(j, a64_orn(OLD, XZR, amount(0), rs, A64_SHIFT_LSL, a->width));
        rs = OLD;
    }
    emit(j, load_operation(a, rt, rs, fetch));
}

static void emit_update(struct jit *j, const struct atomic *a) {
    struct a64_amount none = amount(0);
    switch (a->op) {
    case BPF_ATOMIC_ADD: return emit(j, a64_add(NEW, OLD, none, a->source, A64_SHIFT_LSL, a->width));
    case BPF_ATOMIC_OR: return emit(j, a64_orr(NEW, OLD, none, a->source, A64_SHIFT_LSL, a->width));
    case BPF_ATOMIC_AND: return emit(j, a64_and(NEW, OLD, none, a->source, A64_SHIFT_LSL, a->width));
    default: return emit(j, a64_eor(NEW, OLD, none, a->source, A64_SHIFT_LSL, a->width));
    }
}

/* DDI 0487 B2.10 (exclusives): nothing but registers between load and store. */
static void emit_exclusive_loop(struct jit *j, const struct atomic *a, bool fetch) {
    uint32_t retry = j->words;
    bool exchange = a->op == (BPF_ATOMIC_XCHG & ~BPF_ATOMIC_FETCH);
    emit(j, fetch ? a64_ldaxr(OLD, a->address, a->size) : a64_ldxr(OLD, a->address, a->size));
    if (!exchange) { emit_update(j, a); }
    enum a64_reg stored = exchange ? a->source : NEW;
    emit(j, fetch ? a64_stlxr(stored, a->address, FAILED, a->size) : a64_stxr(stored, a->address, FAILED, a->size));
    struct a64_target19 back;
    if (try_target19((int64_t)retry - j->words, &back)) { emit(j, a64_cbnz(FAILED, back, A64_WIDTH_W)); }
    if (fetch) { emit(j, a64_dmb_ish()); }
}

static void emit_exclusive_compare(struct jit *j, const struct atomic *a, enum a64_reg expected) {
    uint32_t retry = j->words;
    struct a64_target19 back, done;
    emit(j, a64_ldaxr(OLD, a->address, a->size));
    emit(j, a64_subs(XZR, expected, amount(0), OLD, A64_SHIFT_LSL, a->width));
    if (try_target19(4, &done)) { emit(j, a64_b_cond(A64_COND_NE, done)); }
    emit(j, a64_stlxr(a->source, a->address, FAILED, a->size));
    if (try_target19((int64_t)retry - j->words, &back)) { emit(j, a64_cbnz(FAILED, back, A64_WIDTH_W)); }
    emit(j, a64_dmb_ish());
}

/* r0 is compared and gets the old value. */
static void compare_exchange(struct jit *j, const struct atomic *a) {
    enum a64_reg r0 = (enum a64_reg)j->home[0], expected = value_reg(j, 0);
    if (j->environment->features & JIT_LSE) {
        emit(j, a64_orr(OLD, XZR, amount(0), expected, A64_SHIFT_LSL, A64_WIDTH_X));
        emit(j, a64_casal(a->source, a->address, OLD, a->size));
    } else {
        emit_exclusive_compare(j, a, expected);
    }
    release_phys(j, r0, j->live_out, 0);
    emit(j, a64_orr(r0, XZR, amount(0), OLD, A64_SHIFT_LSL, a->width));
    define(j, 0, r0, 8u << a->size);
}

static void fetch_operation(struct jit *j, const struct atomic *a, uint32_t src) {
    enum a64_reg rd = (enum a64_reg)j->home[src];
    release_phys(j, rd, j->live_out, src);
    if (j->environment->features & JIT_LSE) {
        emit_lse(j, a, rd, true);
    } else {
        emit_exclusive_loop(j, a, true);
        emit(j, a64_orr(rd, XZR, amount(0), OLD, A64_SHIFT_LSL, a->width));
    }
    define(j, src, rd, 8u << a->size);
}

/* The address in a register of its own: no form of these takes an offset. */
static enum a64_reg plain_address(struct jit *j, uint32_t reg, int16_t off) {
    const struct value *v = &j->values[reg];
    if (is_in_arena(j)) { return arena_register(j, reg, off); }
    uint64_t offset = (uint64_t)(int64_t)off + (v->kind == VALUE_ADD_IMM ? v->imm : 0);
    if (offset == 0) { return (enum a64_reg)v->base; }
    emit_add_imm(j, SCRATCH, (enum a64_reg)v->base, offset, A64_WIDTH_X);
    return SCRATCH;
}

#if OTHER_PLATFORMS
enum { LOAD_ACQUIRE = 0x100, STORE_RELEASE = 0x110 };

static void load_ordered(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn), src = src_of(insn);
    ensure_reg(j, src);
    drop_unread(j, dst);
    enum a64_reg rt = begin_define(j, dst);
    enum a64_reg address = plain_address(j, src, off_of(insn));
    emit(j, a64_ldar(rt, address, size_of(insn)));
    define(j, dst, rt, 8u << size_of(insn));
}

static void store_ordered(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn), src = src_of(insn);
    ensure_reg(j, dst);
    ensure_reg(j, src);
    ensure_reg(j, dst);
    enum a64_reg address = plain_address(j, dst, off_of(insn));
    emit(j, a64_stlr(value_reg(j, src), address, size_of(insn)));
}
#endif

void compile_atomic(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn), src = src_of(insn), op = (uint32_t)imm_of(insn);
    load_waiting(j);
    release_shared_sums(j);
#if OTHER_PLATFORMS
    if (op == LOAD_ACQUIRE) { return load_ordered(j, insn); }
    if (op == STORE_RELEASE) { return store_ordered(j, insn); }
#endif
    bool is_wide = (opcode_of(insn) & 0x18u) == BPF_SIZE_DW, compare = op == BPF_ATOMIC_CMPXCHG;
    if (is_in_arena(j) || j->values[dst].kind != VALUE_ADD_IMM) { ensure_reg(j, dst); }
    ensure_reg(j, src);
    if (compare) { ensure_reg(j, 0); }
    if (is_in_arena(j) || j->values[dst].kind != VALUE_ADD_IMM) { ensure_reg(j, dst); }
    struct atomic a = {
        .size = is_wide ? A64_SIZE_D : A64_SIZE_S,
        .width = is_wide ? A64_WIDTH_X : A64_WIDTH_W,
        .op = op & ~BPF_ATOMIC_FETCH,
    };
    /* what still needs the old values of the registers that change is written before the address is taken */
    if (compare) { release_phys(j, (enum a64_reg)j->home[0], j->live_out, 0); }
    if (!compare && op & BPF_ATOMIC_FETCH) { release_phys(j, (enum a64_reg)j->home[src], j->live_out, src); }
    a.address = plain_address(j, dst, off_of(insn));
    a.source = value_reg(j, src);
    if (compare) { return compare_exchange(j, &a); }
    if (op & BPF_ATOMIC_FETCH) { return fetch_operation(j, &a, src); }
    if (j->environment->features & JIT_LSE) { return emit_lse(j, &a, XZR, false); }
    emit_exclusive_loop(j, &a, false);
}
