#include "bpf/jit/promote.h"
#include "bpf/jit/effect.h"

#define LOOP_WEIGHT 8u
/* Saving and restoring a register costs about as much as two accesses. */
#define LEAST_WEIGHT_SAVED 3u
#define LEAST_WEIGHT_FREE 2u

void note_slot(struct jit *j, struct insn insn, bool in_loop) {
    struct stack_use *use = &j->stack;
    int32_t off = off_of(insn);
    uint32_t size = opcode_of(insn) & 0x18u, number = slot_number(off);
    uint64_t bit = 1ull << number;
    bool is_wide = size == BPF_SIZE_DW, whole = is_wide || size == BPF_SIZE_W;
    bool plain = (opcode_of(insn) & 0xe0u) == BPF_MODE_MEM && off < 0 && off >= -(int32_t)BPF_STACK_BYTES;
    if (!(use->seen & bit)) { use->weight[number] = 0; }
    if ((use->seen & bit && (use->wide >> number & 1) != is_wide) || !whole || !plain || off & 7) { use->odd |= bit; }
    use->seen |= bit;
    if (is_wide) { use->wide |= bit; }
    uint32_t weight = use->weight[number] + (in_loop ? LOOP_WEIGHT : 1);
    use->weight[number] = (uint8_t)(weight < UINT8_MAX ? weight : UINT8_MAX);
}

/* The slot used most of those left; of equals one of eight bytes, which may be an address. */
static uint32_t heaviest(const struct stack_use *use, uint64_t left) {
    uint32_t best = 0, most = 0;
    for (; left; left &= left - 1) {
        uint32_t number = (uint32_t)__builtin_ctzll(left), weight = 2 * use->weight[number] + (uint32_t)(use->wide >> number & 1);
        if (weight > most) { best = number, most = weight; }
    }
    return best;
}

static bool is_home(const struct jit *j, enum a64_reg reg) {
    for (uint32_t i = 6; i < 10; i++) {
        if (j->home[i] == reg) { return true; }
    }
    return false;
}

/* Registers by how cheap they are: those that calls destroy, where nothing is called, then those that must be saved. Where these
 * need not be saved they come first: the others are good for constants, too. */
static const uint8_t candidates[] = {X15, X14, X13, X19, X20, X21, X22, X23, X24, X25, X26, X27, X28, X15, X14, X13};

int32_t promote_slots(struct jit *j) {
    struct stack_use *use = &j->stack;
    struct function *f = &j->function;
    uint64_t left = use->seen & ~use->odd;
    bool destroys = f->calls || j->needs.vectors;
    uint32_t next = destroys || f->caller_keeps ? 3 : 0, end = destroys ? 13 : next + 13;
    while (left && next < end) {
        enum a64_reg reg = (enum a64_reg)candidates[next++];
        uint32_t number = heaviest(use, left);
        if (is_home(j, reg) || (is_foreign(j) && reg == X28 && has_arena(j))) { continue; }
        if (use->weight[number] < (reg < X19 || f->caller_keeps ? LEAST_WEIGHT_FREE : LEAST_WEIGHT_SAVED)) { break; }
        left &= ~(1ull << number);
        use->promoted |= 1ull << number;
        use->weight[number] = reg;
        if (reg >= X19) { add_saved(f, reg); }
        if (reg < X19 && j->hoisted_limit > (uint32_t)reg - HOISTED_FIRST) { j->hoisted_limit = (uint32_t)reg - HOISTED_FIRST; }
    }
    uint64_t rest = use->seen & ~use->promoted;
    return rest ? 8 * (int32_t)__builtin_ctzll(rest) - (int32_t)BPF_STACK_BYTES : 0;
}

static enum a64_reg register_of(const struct jit *j, struct insn insn) {
    return (enum a64_reg)j->stack.weight[slot_number(off_of(insn))];
}

static bool is_double(struct insn insn) { return (opcode_of(insn) & 0x18u) == BPF_SIZE_DW; }

[[clang::noinline]] void load_promoted(struct jit *j, struct insn insn) {
    uint32_t dst = dst_of(insn);
    drop_unread(j, dst);
    begin_note(j, dst);
    note_shape(j, dst, shape_copy(register_of(j, insn)), is_double(insn) ? 64 : 32);
}

/* Whether an instruction writes one general register without reading it as such, and names it in bits 4..0 (DDI 0487 C4.1). A load
 * that moves its base along (pair.h) writes two: the slot's register may be that base. */
static bool writes_low_field(uint32_t word) {
    if ((word & 0x7f800000u) == 0x72800000u) { return false; } /* MOVK */
    if ((word & 0x1c000000u) == 0x10000000u || (word & 0x0e000000u) == 0x0a000000u) { return true; } /* data processing */
    bool single = (word & 0x3a000000u) == 0x38000000u && (word & 0x04000000u) == 0, moves = (word & 0x01200400u) == 0x400u;
    return single && word >> 22 & 3 && !moves; /* a load */
}

/* The last instruction computed the value: it does so in the slot's register, where whoever wants it finds it. */
static bool try_retarget(struct jit *j, uint32_t src, enum a64_reg to) {
    if (!is_reg(j, src) || j->words <= j->barrier || j->words > j->capacity) { return false; }
    enum a64_reg from = value_reg(j, src);
    uint32_t *last = &j->out[j->words - 1];
    if (from != (enum a64_reg)j->home[src] || is_read_elsewhere(j, src)) { return false; }
    if ((*last & 31u) != (uint32_t)from || !writes_low_field(*last)) { return false; }
    *last = (*last & ~31u) | (uint32_t)to;
    if (j->live_out & REG_BIT(src)) { note_shape(j, src, shape_copy(to), j->bits[src]); }
    return true;
}

static void store_register(struct jit *j, uint32_t src, enum a64_reg to, bool is_wide) {
    release_phys(j, to, j->live_out, src);
    bool cut = !is_wide && j->bits[src] > 32;
    if (cut) {
        ensure_reg32(j, src);
        return emit(j, a64_orr(to, XZR, amount(0), value_reg32(j, src), A64_SHIFT_LSL, A64_WIDTH_W));
    }
    if (try_retarget(j, src, to)) { return; }
    write_value(j, src, to);
    if (j->live_out & REG_BIT(src) && j->pending & REG_BIT(src)) { note_shape(j, src, shape_copy(to), j->bits[src]); }
}

[[clang::noinline]] void store_promoted(struct jit *j, struct insn insn) {
    enum a64_reg to = register_of(j, insn);
    if (class_of(insn) == BPF_CLASS_STX) { return store_register(j, src_of(insn), to, is_double(insn)); }
    uint64_t value = (uint64_t)(int64_t)imm_of(insn);
    release_phys(j, to, j->live_out, NO_REG);
    emit_constant(j, to, is_double(insn) ? value : (uint32_t)value);
}
