#include "bpf/jit/bytes.h"
#include "bpf/jit/access.h"
#include "bpf/jit/effect.h"

/* Slots that are searched for what reads a load. */
#define SLOTS_AHEAD 10u

static uint32_t lane(uint32_t lanes, uint32_t i) { return lanes >> (4 * i) & 15u; }

/* Lowest lane that holds a byte; lanes != NO_LANES. */
static uint32_t first_lane(uint32_t lanes) { return (uint32_t)__builtin_ctz(~lanes) / 4; }
static uint32_t top_lane(uint32_t lanes) { return (31 - (uint32_t)__builtin_clz(~lanes)) / 4; }

/* A run of lanes from `first` that one load gives, its bytes ascending, or descending when `swapped`. */
struct run {
    uint32_t first, count;
    bool swapped;
};

static struct run run_at(uint32_t lanes, uint32_t first) {
    struct run run = {.first = first, .count = 1};
    for (uint32_t i = first + 1; i < 8 && lane(lanes, i) != NO_BYTE; i++) {
        int32_t step = (int32_t)lane(lanes, i) - (int32_t)lane(lanes, i - 1);
        if (step != 1 && step != -1) { break; }
        if (run.count > 1 && run.swapped != (step < 0)) { break; }
        run.swapped = step < 0;
        run.count++;
    }
    while (run.count & (run.count - 1)) { run.count--; } /* loads have 1, 2, 4 or 8 bytes */
    if (run.count == 1) { run.swapped = false; }
    return run;
}

static uint32_t run_mask(struct run run) {
    return run.count == 8 ? UINT32_MAX : ((1u << (4 * run.count)) - 1) << (4 * run.first);
}

/* Number of loads that lanes take; more than two are not merged. */
static uint32_t count_runs(uint32_t lanes) {
    uint32_t runs = 0;
    while (lanes != NO_LANES) {
        lanes |= run_mask(run_at(lanes, first_lane(lanes)));
        runs++;
    }
    return runs;
}

bool load_waits(const struct jit *j, uint32_t dst, enum a64_size size) {
    const struct bpf_insn *insns = j->program->insns;
    uint32_t end = j->slot + 1 + SLOTS_AHEAD;
    if (end > j->program->count) { end = j->program->count; }
    for (uint32_t i = j->slot + 1; i < end && !is_break(j, i); i++) {
        struct insn insn = load_insn(&insns[i]);
        uint32_t effect = effects[opcode_of(insn)];
        if (!(effect & EFFECT_IS_PURE)) { return false; }
        if (dst_of(insn) != dst && src_of(insn) != dst) { continue; }
        bool either = (opcode_of(insn) & 0xf8u) == (BPF_ALU_OR | BPF_SRC_X) && (effect >> EFFECT_KIND_SHIFT & 3) == KIND_ALU;
        bool by_dst = dst_of(insn) == dst, by_src = effect & EFFECT_READS_SRC && src_of(insn) == dst;
        if (by_src) { return either && size == A64_SIZE_B; }
        if (!by_dst) { continue; }
        if (either) { return size == A64_SIZE_B; }
        bool shift = (opcode_of(insn) & 0xf8u) == BPF_ALU_LSH && (effect >> EFFECT_KIND_SHIFT & 3) == KIND_ALU;
        return shift && imm_of(insn) % 8 == 0;
    }
    return false;
}

static void note_bytes(struct jit *j, uint32_t reg, struct value value, int32_t offset, uint32_t lanes) {
    j->values[reg].imm = (uint64_t)lanes << 32 | (uint32_t)offset;
    j->loads |= REG_BIT(reg);
    note_computed(j, reg, value.shape, value.is_signed ? (value.narrow ? 32 : 64) : 8 * (top_lane(lanes) + 1));
}

RARE bool try_note_load(struct jit *j, uint32_t dst, uint32_t src, int16_t off, enum a64_size size) {
    if (j->values[src].kind == VALUE_SUM && src != dst && j->live_out & REG_BIT(src)) { ensure_reg(j, src); }
    prepare_address(j, src, off, size);
    drop_unread(j, dst);
    begin_note(j, dst); /* may move src */
    const struct value *v = &j->values[src];
    int64_t offset = off;
    if (j->carried.active && (v->base == j->home[j->carried.to] || v->index == j->home[j->carried.to])) { return false; }
    uint32_t index = NO_REG;
    if (v->kind == VALUE_ADD_IMM) {
        offset += (int64_t)v->imm;
    } else if (v->kind == VALUE_SUM && v->imm + (uint64_t)off == 0 && v->to == 0 && !v->narrow) {
        offset = 0;
        index = v->index;
    } else if (v->kind != VALUE_COPY) {
        return false;
    }
    struct value load = {.shape = SHAPE(VALUE_BYTES, v->base, index)};
    note_bytes(j, dst, load, (int32_t)offset, size == A64_SIZE_B ? 0xfffffff0u : 0xffffff10u);
    return true;
}

static uint32_t shifted_lanes(uint32_t lanes, uint32_t op, uint32_t by, bool is_wide) {
    uint32_t unused = is_wide ? 0 : 0xffff0000u, bits = by / 2; /* four for each eight */
    if (bits == 0) { return lanes | unused; }
    uint32_t up = lanes << bits | ((1u << bits) - 1), down = (lanes | unused) >> bits | ~(UINT32_MAX >> bits);
    return (op == BPF_ALU_LSH ? up : down) | unused;
}

bool try_shift_bytes(struct jit *j, uint32_t dst, uint32_t op, uint32_t by, bool is_wide) {
    begin_note(j, dst);
    struct value v = j->values[dst];
    uint32_t top = is_wide ? 7 : 3, lanes = lanes_of(&v);
    if (v.kind != VALUE_BYTES || by % 8 || v.is_signed || (op == BPF_ALU_RSH && !is_wide && top_lane(lanes) > 3)) { return false; }
    if (op == BPF_ALU_ARSH && lane(lanes, top) != NO_BYTE && by) {
        lanes = shifted_lanes(lanes, op, by, is_wide);
        struct run run = lanes == NO_LANES ? (struct run){.first = 1} : run_at(lanes, first_lane(lanes));
        bool loads = run.first == 0 && run.count == top + 1 - by / 8 && run.count < (is_wide ? 8u : 4u) && !run.swapped;
        if (!loads) { return false; }
        v.is_signed = true;
        v.narrow = !is_wide;
    } else {
        lanes = shifted_lanes(lanes, op, by, is_wide);
        if (lanes == NO_LANES) { return false; }
    }
    if (v.index != NO_REG && lane(lanes, first_lane(lanes)) != 0) { return false; } /* no offset beside an index */
    note_bytes(j, dst, v, bytes_offset(&v), lanes);
    return true;
}

/* The lowest bit of each lane that holds a byte. */
static uint32_t held_lanes(uint32_t lanes) {
    uint32_t held = ~lanes | ~lanes >> 2;
    return (held | held >> 1) & 0x11111111u;
}

/* The lanes as counted from an offset that lies `by` bytes lower, at most 7; false when a byte lies too far. */
static bool try_rebase(uint32_t *lanes, uint32_t by) {
    uint32_t held = held_lanes(*lanes);
    *lanes += by * held; /* no lane gets more than 14 */
    return !(*lanes & held << 3);
}

bool try_merge_bytes(struct jit *j, uint32_t dst, uint32_t src, bool is_wide) {
    begin_note(j, dst);
    struct value a = j->values[dst], b = j->values[src];
    if (a.kind != VALUE_BYTES || b.kind != VALUE_BYTES || a.shape != b.shape || a.is_signed || a.index != NO_REG) { return false; }
    if (j->live_out & REG_BIT(src)) { return false; }
    int64_t distance = (int64_t)bytes_offset(&b) - bytes_offset(&a);
    uint32_t first = lanes_of(&a), second = lanes_of(&b);
    if (distance < -7 || distance > 7) { return false; }
    if (!try_rebase(distance < 0 ? &first : &second, (uint32_t)(distance < 0 ? -distance : distance))) { return false; }
    uint32_t lanes = first & second;
    if (held_lanes(first) & held_lanes(second)) { return false; }
    if ((!is_wide && top_lane(lanes) > 3) || count_runs(lanes) > 2) { return false; }
    note_bytes(j, dst, a, distance < 0 ? bytes_offset(&b) : bytes_offset(&a), lanes);
    return true;
}

/* One load; an offset that fits no form goes through `scratch`, which is not the base. */
static void emit_plain_load(struct jit *j, enum a64_reg rt, enum a64_reg base, int64_t offset, enum a64_size size,
                            enum a64_reg scratch) {
    struct a64_scaled scaled;
    struct a64_unscaled unscaled;
    if (try_scaled(offset, size, &scaled)) { return emit(j, a64_ldr_scaled(rt, base, scaled, size)); }
    if (try_unscaled(offset, &unscaled)) { return emit(j, a64_ldur(rt, base, unscaled, size)); }
    emit_constant(j, scratch, (uint64_t)offset);
    emit(j, a64_ldr_reg(rt, base, A64_SCALE_UNSCALED, A64_EXTEND_UXTX, scratch, size));
}

static void emit_signed_load(struct jit *j, enum a64_reg rt, enum a64_reg base, int64_t offset, enum a64_size size,
                             enum a64_reg scratch, bool narrow) {
    struct a64_scaled scaled;
    struct a64_unscaled unscaled;
    if (try_scaled(offset, size, &scaled)) {
        return emit(j, narrow ? a64_ldrs_w_scaled(rt, base, scaled, size) : a64_ldrs_scaled(rt, base, scaled, size));
    }
    if (try_unscaled(offset, &unscaled)) {
        return emit(j, narrow ? a64_ldurs_w(rt, base, unscaled, size) : a64_ldurs(rt, base, unscaled, size));
    }
    emit_constant(j, scratch, (uint64_t)offset);
    emit(j, narrow ? a64_ldrs_w_reg(rt, base, A64_SCALE_UNSCALED, A64_EXTEND_UXTX, scratch, size)
                   : a64_ldrs_reg(rt, base, A64_SCALE_UNSCALED, A64_EXTEND_UXTX, scratch, size));
}

static void emit_indexed_load(struct jit *j, enum a64_reg rt, const struct value *v, enum a64_size size) {
    enum a64_reg base = (enum a64_reg)v->base, index = (enum a64_reg)v->index;
    enum a64_scale scale = A64_SCALE_UNSCALED;
    if (!v->is_signed) { return emit(j, a64_ldr_reg(rt, base, scale, A64_EXTEND_UXTX, index, size)); }
    emit(j, v->narrow ? a64_ldrs_w_reg(rt, base, scale, A64_EXTEND_UXTX, index, size)
                      : a64_ldrs_reg(rt, base, scale, A64_EXTEND_UXTX, index, size));
}

/* Whether REV of the next wider register puts the run where it belongs: bytes that are swapped into the upper half of it. */
static bool is_lifted_by_rev(struct run run) {
    return run.swapped && run.first == run.count && run.count < 8;
}

/* The bytes of a run, in its lanes when `lift`, else in the lowest. */
static void emit_run(struct jit *j, enum a64_reg rt, const struct value *v, struct run run, enum a64_reg scratch, bool lift) {
    enum a64_size size = (enum a64_size)__builtin_ctz(run.count);
    uint32_t lowest = run.swapped ? run.first + run.count - 1 : run.first;
    int64_t offset = (int64_t)bytes_offset(v) + lane(lanes_of(v), lowest);
    if (v->index != NO_REG) {
        emit_indexed_load(j, rt, v, size);
    } else if (v->is_signed) {
        emit_signed_load(j, rt, (enum a64_reg)v->base, offset, size, scratch, v->narrow);
    } else {
        emit_plain_load(j, rt, (enum a64_reg)v->base, offset, size, scratch);
    }
    lift = lift && run.first;
    if (run.swapped) {
        uint32_t bytes = lift && is_lifted_by_rev(run) ? 2 * run.count : run.count;
        lift = lift && bytes == run.count;
        emit(j, bytes == 2 ? a64_rev16(rt, rt, A64_WIDTH_W) : bytes == 4 ? a64_rev_w(rt, rt) : a64_rev_x(rt, rt));
    }
    if (lift) { emit(j, a64_ubfm(rt, rt, field(64 - 8 * run.first, 8 * run.count - 1), A64_WIDTH_X)); }
}

[[clang::noinline]] void write_bytes(struct jit *j, const struct value *v, enum a64_reg into) {
    uint32_t lanes = lanes_of(v);
    struct run low = run_at(lanes, first_lane(lanes));
    uint32_t rest = lanes | run_mask(low);
    bool clash = into == (enum a64_reg)v->base;
    if (rest == NO_LANES) { return emit_run(j, into, v, low, clash ? SCRATCH : into, true); }
    struct run high = run_at(rest, first_lane(rest));
    enum a64_reg first = clash ? SCRATCH : into, second = clash ? into : SCRATCH;
    emit_run(j, first, v, low, first, true);
    emit_run(j, second, v, high, clash ? SCRATCH2 : second, false);
    emit(j, a64_orr(into, first, amount(8 * high.first), second, A64_SHIFT_LSL, A64_WIDTH_X));
}

void load_bytes(struct jit *j, uint32_t reg) {
    struct value *v = &j->values[reg];
    if (v->kind != VALUE_BYTES) { return; }
    uint32_t lanes = lanes_of(v), first = first_lane(lanes);
    bool lifted = first > 0 && count_runs(lanes) == 1;
    if (!lifted) { return ensure_reg(j, reg); }
    /* the run alone, then its shift as a field: whoever reads it may take the shift along */
    uint32_t top = top_lane(lanes), to = 8 * first, size = top > 3 ? 64 : 32;
    v->imm = (uint64_t)(lanes >> (4 * first) | ~(UINT32_MAX >> (4 * first))) << 32 | (uint32_t)v->imm;
    ensure_reg(j, reg);
    uint64_t part = (uint64_t)(size - to) << 32 | SHAPE_TO(to);
    note_computed(j, reg, SHAPE(VALUE_FIELD, value_reg(j, reg), NO_REG) | part, 8 * (top + 1));
}

void load_waiting(struct jit *j) {
    for (uint32_t left = j->loads; left; left &= left - 1) {
        uint32_t reg = (uint32_t)__builtin_ctz(left);
        if (!is_bytes(j, reg)) { continue; }
        if ((live_before(j) | j->live_out) & REG_BIT(reg)) {
            load_bytes(j, reg);
        } else {
            set_home(j, reg, j->home[reg]); /* never to be loaded: its address may be gone */
        }
    }
    j->loads &= REG_BIT(10);
}
