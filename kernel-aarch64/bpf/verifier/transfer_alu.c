/* Arithmetic and moves on registers (RFC 9669 §4.1, §4.2). */

#include "bpf/verifier/step.h"

static bool is_wide(struct bpf_insn insn) { return insn_class(insn) == BPF_CLASS_ALU64; }

enum status refuse_unset(struct verifier *v, struct state *s, uint32_t r) {
    return refuse(v, STATUS_UNINITIALISED_REGISTER, s->pc, "%r is not set", r);
}

uint32_t new_id(struct verifier *v) { return ++v->last_id; }

/* Where addresses are no secret, what is left of one is any number. */
static void set_address_number(struct reg *r, bool wide) {
    reg_set_scalar(r);
    scalar_set_unknown(&r->var);
    if (!wide) { scalar_zero_extend_32(&r->var); }
}

static enum status move_register(struct verifier *v, struct state *s, struct bpf_insn insn) {
    enum status status = require_set(v, s, insn_src(insn));
    if (status != STATUS_OK) { return status; }
    struct reg *dst = reg_at(s, insn_dst(insn)), *src = reg_at(s, insn_src(insn));
    if (OTHER_PLATFORMS && insn.off == PLATFORM_CAST) {
        set_address_number(dst, true);
        if (insn.imm == PLATFORM_CAST_TO_ARENA) { reg_set_pointer(dst, REG_ARENA); }
        return STATUS_OK;
    }
    if (src->kind != REG_SCALAR && is_privileged(v) && (!is_wide(insn) || insn.off != 0)) {
        set_address_number(dst, is_wide(insn));
        return STATUS_OK;
    }
    if (src->kind != REG_SCALAR) {
        if (!is_wide(insn)) {
            return refuse(v, STATUS_POINTER_ARITHMETIC_32, s->pc, "%r is %R; a 32-bit move cuts it", insn_src(insn), src);
        }
        if (insn.off != 0) {
            return refuse(v, STATUS_POINTER_ARITHMETIC, s->pc, "%r is %R; it cannot be sign-extended", insn_src(insn), src);
        }
        reg_copy(dst, src);
        return STATUS_OK;
    }
    bool same = insn.off == 0 && (is_wide(insn) || scalar_fits_u32(&src->var));
    if (same && src->id == 0 && !scalar_is_const(&src->var)) { src->id = new_id(v); }
    reg_copy(dst, src);
    if (!same) { reg_renumber(dst); }
    if (insn.off != 0) { scalar_sign_extend(&dst->var, (uint32_t)insn.off); }
    if (!is_wide(insn)) { scalar_zero_extend_32(&dst->var); }
    return STATUS_OK;
}

static uint64_t swapped(uint64_t x, uint32_t bits) {
    return bits == 16 ? __builtin_bswap16((uint16_t)x) : bits == 32 ? __builtin_bswap32((uint32_t)x) : __builtin_bswap64(x);
}

/* To little endian keeps the low bits; the others swap bytes (§4.2). */
static void swap_bytes(struct scalar *s, struct bpf_insn insn) {
    uint32_t bits = (uint32_t)insn.imm;
    bool swaps = is_wide(insn) || (insn.opcode & BPF_SRC_X) != 0;
    if (!swaps) {
        if (bits < 64) { scalar_truncate(s, bits); }
    } else if (scalar_is_const(s)) {
        scalar_set_const(s, swapped(s->value, bits));
    } else {
        scalar_set_loaded(s, bits / 8, false);
    }
}

static enum status step_one_operand(struct verifier *v, struct state *s, struct bpf_insn insn, uint8_t shape) {
    enum status status = require_set(v, s, insn_dst(insn));
    if (status != STATUS_OK) { return status; }
    struct reg *dst = reg_at(s, insn_dst(insn));
    if (dst->kind != REG_SCALAR && is_privileged(v)) {
        set_address_number(dst, is_wide(insn) || shape == SHAPE_SWAP); /* a swap of 64 bits has the class of 32 bits */
        return STATUS_OK;
    }
    if (dst->kind != REG_SCALAR) {
        return refuse(v, STATUS_POINTER_ARITHMETIC, s->pc, "%r is %R; only add or subtract numbers", insn_dst(insn), dst);
    }
    reg_renumber(dst);
    if (shape == SHAPE_SWAP) {
        swap_bytes(&dst->var, insn);
        return STATUS_OK;
    }
    struct scalar value = dst->var;
    scalar_set_const(&dst->var, 0);
    if (is_wide(insn)) {
        scalar_alu64(BPF_ALU_SUB, false, &dst->var, &value);
    } else {
        scalar_alu32(BPF_ALU_SUB, false, &dst->var, &value);
    }
    return STATUS_OK;
}

/* Linux says nothing of what a shift by the width or more gives. */
static bool shifts_too_far(struct bpf_insn insn, const struct reg *by) {
    uint32_t op = insn.opcode & 0xf0u;
    bool shifts = op == BPF_ALU_LSH || op == BPF_ALU_RSH || op == BPF_ALU_ARSH;
    return shifts && by->kind == REG_SCALAR && scalar_is_const(&by->var) && by->var.value >= (is_wide(insn) ? 64 : 32);
}

static bool immediate_has_meaning(struct bpf_insn insn) {
    switch (insn.opcode & 0xf0u) {
    case BPF_ALU_DIV:
    case BPF_ALU_MOD: return insn.imm != 0;
    case BPF_ALU_LSH:
    case BPF_ALU_RSH:
    case BPF_ALU_ARSH: return insn.imm >= 0 && insn.imm < (is_wide(insn) ? 64 : 32);
    default: return true;
    }
}

enum status step_alu(struct verifier *v, struct state *s, struct bpf_insn insn, uint8_t shape) {
    struct reg *dst = reg_at(s, insn_dst(insn));
    uint64_t imm = (uint64_t)(int64_t)insn.imm;
    if (shape == SHAPE_MOV_K) {
        reg_set_scalar(dst);
        scalar_set_const(&dst->var, is_wide(insn) ? imm : (uint32_t)imm);
        return STATUS_OK;
    }
    if (shape == SHAPE_MOV_X) { return move_register(v, s, insn); }
    if (shape == SHAPE_NEG || shape == SHAPE_SWAP) { return step_one_operand(v, s, insn, shape); }

    enum status status = require_set(v, s, insn_dst(insn));
    if (status != STATUS_OK) { return status; }
    struct reg number;
    const struct reg *src = &number;
    if (shape == SHAPE_ALU_X || shape == SHAPE_DIV_X) {
        status = require_set(v, s, insn_src(insn));
        if (status != STATUS_OK) { return status; }
        src = reg_at(s, insn_src(insn));
        if (is_privileged(v) && dst->kind == REG_SCALAR && shifts_too_far(insn, src)) {
            set_address_number(dst, is_wide(insn));
            return STATUS_OK;
        }
        if (src == dst) { /* the operators write dst before they have read all of src */
            number = *src;
            src = &number;
        }
    } else {
        if (is_privileged(v) && !immediate_has_meaning(insn)) { return refuse(v, STATUS_BAD_IMMEDIATE, s->pc, "%d", (int64_t)insn.imm); }
        reg_set_scalar(&number);
        scalar_set_const(&number.var, imm);
    }
    if (dst->kind != REG_SCALAR || src->kind != REG_SCALAR) { return step_pointer_alu(v, s, insn, src); }
    uint32_t op = insn.opcode & 0xf0u;
    uint8_t origin = origin_moved(insn, dst, src);
    if ((dst->id | dst->map) != 0) { reg_shift_link(dst, insn); }
    if (origin != ORIGIN_ANY) { dst->map = origin; }
    if (!is_wide(insn)) {
        scalar_alu32(op, insn.off == 1, &dst->var, &src->var);
    } else {
        scalar_alu64(op, insn.off == 1, &dst->var, &src->var);
    }
    return STATUS_OK;
}
