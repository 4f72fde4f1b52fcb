/* Long, since what is made of a sum leaves out just what was followed: both know what a part is.
 *
 * The block is followed once with what each register and each slot of the stack holds of the sum. What only the sum is made of
 * is left out: as if those instructions did nothing, each register they set holds what nobody asks for. All elements are loaded,
 * multiplied and added up where the first of them is loaded; the sum goes to its register where it is complete.
 *
 * Registers: v24 on what the elements are multiplied by, from before the loop to its end; v0 on the elements, v16 the sum. */

#include "bpf/jit/products.h"
#include "bpf/jit/effect.h"
#include "bpf/jit/operation.h"
#include "bpf/jit/promote.h"
#include "bpf/jit/select.h"
#include "bpf/jit/speculation.h"
#include "bpf/jit/vector_emit.h"

#define FACTORS V24
#define SUM V16
#define LEAST_PRODUCTS 8u
#define MOST_PRODUCTS 32u
/* Marks slots behind the head, where nobody jumps to. */
#define LEFT_OUT SLOT_EMITTED
#define STACK_SLOTS (BPF_STACK_BYTES / 8)

/* What a register or a stack slot holds. */
enum part_kind : uint8_t {
    PART_NONE,
    PART_FACTOR,  /* `at`: the stack slot that it was loaded from */
    PART_LOADED,  /* `at`: an element's distance from the first one loaded, in elements, + 32 */
    PART_SHIFTED, /* the same at the top of 32 bits */
    PART_ELEMENT, /* the same with its sign, of 32 bits */
    PART_SUM,     /* of `products`, bits by the distance of their elements; 32 bits */
};

struct part {
    enum part_kind kind;
    uint8_t at;
    uint16_t slot; /* that set it */
    uint64_t products;
};

struct products {
    struct jit *j;
    const struct counted *loop;
    uint32_t base, first; /* register and slot that the elements are loaded from; no slot: none was so far */
    int32_t first_off;
    bool closed;          /* elements that are loaded from here on are not among those */
    uint32_t sum_at;      /* slot that completes the sum; 0: none */
    uint64_t products;    /* that it is made of */
    uint64_t multiplied;    /* bits by distance */
    /* stack slots: those that parts are kept in, that anything else is stored to, and that are loaded from for something else */
    uint64_t kept, stored, loaded;
    uint8_t factors[64];  /* stack slot, by distance */
    struct part parts[11 + STACK_SLOTS];
};

static struct part *stack_part(struct products *p, struct insn insn) { return &p->parts[11 + slot_number(off_of(insn))]; }

/* What this slot sets is a part. */
static void set_part(struct products *p, uint32_t slot, struct part *part, enum part_kind kind) {
    part->kind = kind;
    part->slot = (uint16_t)slot;
    p->j->slots[slot] |= LEFT_OUT;
}

/* Somebody needs a register as it is. */
static bool is_kept(struct products *p, uint32_t reg) {
    struct part *part = &p->parts[reg];
    bool sum = part->kind == PART_SUM;
    if (part->kind == PART_NONE) { return true; }
    if (part->kind == PART_SHIFTED || part->kind == PART_ELEMENT || (sum && p->sum_at)) { return false; }
    if (sum) {
        p->sum_at = part->slot;
        p->products = part->products;
    }
    if (part->kind == PART_FACTOR) { p->loaded |= 1ull << part->at; }
    if (!sum) { p->j->slots[part->slot] &= ~LEFT_OUT; }
    part->kind = PART_NONE;
    return true;
}

static bool follow_load(struct products *p, uint32_t slot, struct insn insn) {
    uint32_t dst = dst_of(insn), src = src_of(insn), size = opcode_of(insn) & 0x18u;
    struct part *part = &p->parts[dst];
    if (src == 10) {
        *part = *stack_part(p, insn);
        if (part->kind == PART_NONE) { return true; }
        set_part(p, slot, part, part->kind);
        return size == BPF_SIZE_W || is_kept(p, dst);
    }
    int32_t apart = off_of(insn) - p->first_off;
    bool kept = is_kept(p, src);
    part->kind = PART_NONE;
    if (!p->first && size == BPF_SIZE_H) {
        p->base = src;
        p->first = slot;
        p->first_off = off_of(insn);
        apart = 0;
    }
    bool element = size == BPF_SIZE_H && src == p->base && !p->closed && !(apart & 1) && (uint32_t)(apart / 2 + 32) < 64 && !may_be_guarded(p->j, slot);
    part->at = (uint8_t)(apart / 2 + 32);
    if (element) { set_part(p, slot, part, (opcode_of(insn) & 0xe0u) == BPF_MODE_MEMSX ? PART_ELEMENT : PART_LOADED); }
    return kept;
}

static bool follow_store(struct products *p, uint32_t slot, struct insn insn) {
    uint32_t dst = dst_of(insn);
    const struct part *value = &p->parts[src_of(insn)];
    bool from_register = class_of(insn) == BPF_CLASS_STX;
    if (dst != 10) {
        p->closed = p->first; /* what is loaded behind it may be what was stored */
        return is_kept(p, dst) && (!from_register || is_kept(p, src_of(insn)));
    }
    struct part *part = stack_part(p, insn);
    uint64_t bit = 1ull << slot_number(off_of(insn));
    if (from_register && value->kind == PART_SUM && (opcode_of(insn) & 0x18u) == BPF_SIZE_W) {
        *part = *value;
        set_part(p, slot, part, PART_SUM);
        p->kept |= bit;
        return true;
    }
    part->kind = PART_NONE;
    p->stored |= bit;
    return !from_register || is_kept(p, src_of(insn));
}

/* Whether the instruction makes a part of parts: the part it makes then is that of dst. */
static bool try_join(struct products *p, uint32_t slot, struct insn insn) {
    struct part *d = &p->parts[dst_of(insn)], *s = &p->parts[src_of(insn)];
    bool exact = !(opcode_of(insn) & BPF_SRC_X), both = !exact && d != s;
    const struct part *element = d->kind == PART_ELEMENT ? d : s, *factor = element == d ? s : d;
    uint64_t bit = 1ull << (element->at & 63);
    uint32_t op = operation_of(insn);
    if (is_wide_class(insn)) { return false; }
    if (exact && op == BPF_ALU_LSH && d->kind == PART_LOADED && imm_of(insn) == 16) {
        set_part(p, slot, d, PART_SHIFTED);
    } else if (exact && op == BPF_ALU_ARSH && d->kind == PART_SHIFTED && imm_of(insn) == 16) {
        set_part(p, slot, d, PART_ELEMENT);
    } else if (both && op == BPF_ALU_MUL && element->kind == PART_ELEMENT && factor->kind == PART_FACTOR && !(p->multiplied & bit)) {
        p->factors[element->at] = factor->at;
        p->multiplied |= bit;
        d->products = bit;
        set_part(p, slot, d, PART_SUM);
    } else if (both && op == BPF_ALU_ADD && d->kind == PART_SUM && s->kind == PART_SUM && !(d->products & s->products)) {
        d->products |= s->products;
        set_part(p, slot, d, PART_SUM);
    } else {
        return false;
    }
    return true;
}

static bool follow(struct products *p, uint32_t slot) {
    struct insn insn = insn_at(p->j, slot);
    uint32_t effect = effects[opcode_of(insn)], kind = effect >> EFFECT_KIND_SHIFT & 3, dst = dst_of(insn);
    bool fits = true;
    if (kind == KIND_STORE) { return follow_store(p, slot, insn); }
    if (kind == KIND_LOAD) {
        fits = follow_load(p, slot, insn);
    } else if (kind != KIND_ALU || !try_join(p, slot, insn)) {
        fits = (!(effect & EFFECT_READS_DST) || is_kept(p, dst)) && (!(effect & EFFECT_READS_SRC) || is_kept(p, src_of(insn)));
        p->parts[dst].kind = PART_NONE;
    }
    if (effect & EFFECT_SETS_DST && p->first && dst == p->base) { p->closed = true; }
    return fits;
}

/* Whether what a slot stores is a number of 16 bits with its sign, made in the slot before, which nobody jumps over. */
static bool is_short(const struct jit *j, uint32_t slot) {
    struct insn store = insn_at(j, slot), insn = insn_at(j, slot - 1);
    bool shifted = opcode_of(insn) == (BPF_CLASS_ALU | BPF_ALU_ARSH | BPF_SRC_K) && imm_of(insn) >= 16;
    bool loaded = opcode_of(insn) == (BPF_CLASS_LDX | BPF_MODE_MEMSX | BPF_SIZE_H);
    bool straight = find_break(j, slot, slot + 1) > slot && slot_reached(j, slot - 1);
    return straight && class_of(store) == BPF_CLASS_STX && dst_of(insn) == src_of(store) && (shifted || loaded);
}

/* Whether outside of the block all that is stored to the factors is such a number, and nobody needs what parts are kept in. */
static bool suits_others(const struct products *p, uint64_t factors) {
    const struct jit *j = p->j;
    const struct counted *l = p->loop;
    uint64_t stored = 0;
    for (uint32_t slot = 1; slot < j->program->count; slot++) {
        if (slot == l->head) { slot = l->end; }
        struct insn insn = insn_at(j, slot);
        uint32_t kind = effects[opcode_of(insn)] >> EFFECT_KIND_SHIFT & 3;
        uint64_t bit = 1ull << slot_number(off_of(insn));
        if (!slot_reached(j, slot)) { continue; }
        if (kind == KIND_LOAD && src_of(insn) == 10 && p->kept & bit) { return false; }
        if (kind != KIND_STORE || dst_of(insn) != 10 || !(factors & bit)) { continue; }
        if (!is_short(j, slot)) { return false; }
        stored |= bit;
    }
    return stored == factors;
}

static bool try_follow(struct products *p) {
    const struct counted *l = p->loop;
    const struct jit *j = p->j;
    for (uint32_t i = 0; i < STACK_SLOTS; i++) {
        if (!(j->stack.odd >> i & 1)) { p->parts[11 + i] = (struct part){.kind = PART_FACTOR, .at = (uint8_t)i}; }
    }
    for (uint32_t slot = l->head; slot < l->test; slot++) {
        if (!follow(p, slot)) { return false; }
    }
    uint32_t needed = slot_live(j, l->test);
    for (uint32_t left = needed; left; left &= left - 1) {
        if (!is_kept(p, (uint32_t)__builtin_ctz(left))) { return false; }
    }
    return p->sum_at;
}

static uint32_t count_products(const struct products *p) { return (uint32_t)__builtin_popcountll(p->products); }

static bool fits(const struct products *p) {
    uint32_t count = count_products(p);
    uint64_t factors = 0, products = p->products;
    bool side_by_side = !(products & (products + (products & -products)));
    if (!side_by_side || count % 4 || count < LEAST_PRODUCTS || count > MOST_PRODUCTS) { return false; }
    for (; products; products &= products - 1) { factors |= 1ull << p->factors[__builtin_ctzll(products)]; }
    return !(p->stored & factors) && !(p->kept & (factors | p->stored | p->loaded)) && suits_others(p, factors);
}

static void gather_factors(const struct products *p) {
    struct jit *j = p->j;
    uint32_t lowest = (uint32_t)__builtin_ctzll(p->products);
    for (uint32_t i = 0; i < count_products(p); i++) {
        uint32_t number = p->factors[lowest + i];
        enum a64_reg reg = (enum a64_reg)j->stack.weight[number];
        struct a64_scaled at;
        bool in_memory = !(j->stack.promoted >> number & 1);
        if (in_memory && try_scaled((int64_t)j->function.frame_bytes + 8 * number - BPF_STACK_BYTES, A64_SIZE_S, &at)) {
            emit(j, a64_ldr_scaled(reg = SCRATCH, SP, at, A64_SIZE_S));
        }
        emit(j, a64_ins_h(vector_after(FACTORS, i / 8), reg, lane_number(i % 8)));
    }
}

/* Loads all elements, and multiplies and adds them up. */
static void emit_products(const struct products *p) {
    struct jit *j = p->j;
    uint32_t count = count_products(p), lowest = (uint32_t)__builtin_ctzll(p->products), loaded = 0;
    int32_t off = p->first_off + 2 * ((int32_t)lowest - 32);
    if (is_reg(j, 10)) { restore_frame_pointer(j); }
    ensure_reg(j, p->base);
    enum a64_reg base = value_reg(j, p->base);
    for (uint32_t i = 0; i < count; i += 8, off += 16) {
        enum a64_vector elements = vector_after(V0, i / 8), factors = vector_after(FACTORS, i / 8);
        struct a64_paired pair;
        if (count - i < 8) {
            emit_load_piece(j, elements, base, off, A64_SIZE_D);
        } else if (count - i >= 16 && loaded <= i && try_paired16(off, &pair)) {
            emit_load_pair(j, elements, base, off);
            loaded = i + 16;
        } else if (loaded <= i) {
            emit_load_q(j, elements, base, off);
        }
        emit(j, i ? a64_smlal_v(SUM, elements, factors, A64_ELEMENT_H, A64_LANES_LOWER)
                  : a64_smull_v(SUM, elements, factors, A64_ELEMENT_H, A64_LANES_LOWER));
        if (count - i >= 8) { emit(j, a64_smlal_v(SUM, elements, factors, A64_ELEMENT_H, A64_LANES_FULL)); }
    }
    emit(j, a64_addv(SUM, SUM, A64_ELEMENT_S, A64_LANES_FULL));
}

static void compile_block(struct products *p) {
    struct jit *j = p->j;
    const struct counted *l = p->loop;
    for (uint32_t slot = l->head; slot < l->test; slot++) {
        struct insn insn = insn_at(j, slot);
        uint32_t effect = effects[opcode_of(insn)], dst = dst_of(insn), known = j->slots[slot];
        bool is_head = slot == l->head;
        if (!is_head) { j->slots[slot] = j->words & SLOT_WORD; }
        if (!is_head && known & LEFT_OUT && slot != p->first && slot != p->sum_at) {
            if (effect & EFFECT_SETS_DST) { set_home(j, dst, j->home[dst]); }
            continue;
        }
        j->slot = slot;
        j->facts_here = j->facts->flags[slot];
        j->known = known;
        j->live_out = slot_live(j, slot + 1);
        if (slot == p->first) { emit_products(p); }
        if (is_head || !(j->known & LEFT_OUT)) {
            if (slot_reached(j, slot)) { compile_plain_slot(j, slot, insn, effect); }
            continue;
        }
        if (effect & EFFECT_SETS_DST) { set_home(j, dst, j->home[dst]); }
        if (slot == p->sum_at) {
            enum a64_reg rd = begin_define(j, dst);
            emit(j, a64_fmov_w(rd, SUM));
            define(j, dst, rd, 32);
        }
    }
}

uint32_t compile_products(struct jit *j, const struct counted *l) {
    struct products p = {.j = j, .loop = l};
    if (j->needs.escapes || !try_follow(&p) || !fits(&p)) { return l->head; }
    gather_factors(&p);
    join_label(j, l->head, true);
    compile_block(&p);
    return l->test;
}
