/* What a branch skips is one move, as clang writes a choice between two values: CSEL or CSINC in the branch's place (DDI 0487
 * C6.2), and where nobody else comes there is no label. */

#include "bpf/jit/choice.h"
#include "bpf/jit/branch.h"

/* A value that they take as it is: a register, 0, or 1, which is 0 and one more. */
static bool is_choosable(const struct value *v) { return v->kind == VALUE_COPY || (v->kind == VALUE_CONST && v->imm <= 1); }

static enum a64_reg chosen_reg(const struct value *v) { return v->kind == VALUE_COPY ? (enum a64_reg)v->base : XZR; }

static uint32_t is_one(const struct value *v) { return v->kind == VALUE_CONST && v->imm; }

/* The move's value; false when it moves none that fits. */
static bool try_moved(const struct jit *j, uint32_t slot, struct value *moved, uint32_t *bits) {
    struct insn move = insn_at(j, slot);
    uint32_t src = src_of(move), op = opcode_of(move) & ~(uint32_t)(BPF_SRC_X | 3u);
    bool is_wide = class_of(move) == BPF_CLASS_ALU64;
    if (op != (BPF_CLASS_ALU | BPF_ALU_MOV) || (class_of(move) != BPF_CLASS_ALU && !is_wide) || off_of(move)) { return false; }
    if (opcode_of(move) & BPF_SRC_X) {
        *moved = j->values[src];
        *bits = j->bits[src];
        return is_reg(j, src) && src != 10 && (is_wide || *bits <= 32 || j->facts->flags[slot] & FACT_SRC_UPPER_ZERO);
    }
    *moved = (struct value){.shape = SHAPE(VALUE_CONST, NO_REG, NO_REG), .imm = (uint32_t)imm_of(move)};
    *bits = 1;
    return true;
}

enum a64_cond branch_to_flags(struct jit *j) {
    uint32_t word = j->out[--j->words];
    enum a64_reg rt = (enum a64_reg)(word & 31u);
    bool if_set = word >> 24 & 1;
    if (word >> 24 == 0x54) { return (enum a64_cond)(word & 15u); } /* B.cond */
    if (word >> 25 & 1) { /* TBZ, TBNZ: else CBZ, CBNZ */
        struct a64_mask mask;
        if (try_mask(1ull << ((word >> 26 & 32u) | (word >> 19 & 31u)), A64_WIDTH_X, &mask)) { emit(j, a64_ands_imm(XZR, rt, mask, A64_WIDTH_X)); }
    } else {
        emit(j, a64_subs_imm(XZR, rt, (struct a64_arith){0}, word >> 31 ? A64_WIDTH_X : A64_WIDTH_W));
    }
    return if_set ? A64_COND_NE : A64_COND_EQ;
}

bool try_choose(struct jit *j, struct insn insn, uint32_t slot) {
    uint32_t target = jump_target(insn, j->slot), known = j->slots[target], dst = dst_of(insn_at(j, slot)), bits;
    struct value moved;
    struct test t = test_of(j, insn, target);
    if (!(slot_live(j, target) >> dst & 1) || !try_moved(j, slot, &moved, &bits)) { return false; }
    const struct value *kept = &j->values[dst], *other = opcode_of(insn_at(j, slot)) & BPF_SRC_X ? &j->values[src_of(insn_at(j, slot))] : &moved;
    if (!is_choosable(kept) || !is_choosable(other) || is_one(kept) + is_one(other) > 1) { return false; }
    if (!is_const(j, dst) && ((t.is_const && t.imm <= 1) || t.op == BPF_JMP_JSET)) { return false; } /* CBZ or TBZ is as short */
    emit_test(j, &t);
    if (j->words > j->capacity) { return true; }
    j->slots[target] = known & SLOT_WORD || known & SLOT_BACK ? known : known & ~SLOT_TARGET;
    enum a64_cond cond = branch_to_flags(j);
    j->live_out = slot_live(j, target);
    enum a64_reg rd = begin_define(j, dst);
    if (is_one(kept)) { /* the one stands where one more can be had */
        const struct value *first = kept;
        kept = other;
        other = first;
        cond ^= 1;
    }
    enum a64_reg rn = chosen_reg(kept), rm = chosen_reg(other);
    emit(j, is_one(other) ? a64_csinc(rd, rn, cond, rm, A64_WIDTH_X) : a64_csel(rd, rn, cond, rm, A64_WIDTH_X));
    define(j, dst, rd, bits > j->bits[dst] ? bits : j->bits[dst]);
    j->skips_next = true;
    return true;
}
