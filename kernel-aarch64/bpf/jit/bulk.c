/* Two turns are followed with what each register holds as a term: an address as a register's value at the head and a number, or
 * what was made of loaded items. All that addresses are made of is added or shifted in 64 bits, so they move by the same distance
 * from any turn to the next as they do here, if what the next turn begins with does.
 *
 * Registers: x10, x11 where the buffers begin, then x10 what the vector code comes to; x16, x17 its scratch. */

#include "bpf/jit/bulk.h"
#include "bpf/jit/bytes.h"
#include "bpf/jit/effect.h"
#include "bpf/jit/operation.h"
#include "bpf/jit/speculation.h"
#include "bpf/jit/sum.h"
#include "bpf/jit/vector_emit.h"

#define LEAST_BYTES 16u
#define MOST_BYTES (1u << 18)
#define MOST_BYTES_SUM_U8 2048u
/* Above this size the vector code moves its pointers. */
#define UNMOVED_BYTES 256u

/* What a term is, beside the number of a place: a register's value at the head, or nothing (NO_REG), + `at`. */
#define PLACE(reg) (reg)
#define ITEM(access) (1u << 8 | (access)) /* what was loaded, zeros above it */
#define IS_SIGNED (1u << 12)              /* or its sign, within 32 bits */
#define SHIFTED(width) ((width) << 16)    /* or at the top of so many bits */
#define PRODUCT (2u << 8)                 /* of both items, signed; the low 32 bits */
#define TOTAL(reg) (3u << 8 | (reg))      /* a register's value at the head + an item or a product, of 32 bits */

struct term {
    uint32_t shape;
    uint64_t at;
};

struct buffer {
    uint32_t base;
    uint64_t at, step;
};

struct bulk {
    const struct counted *loop;
    struct term terms[11];
    uint64_t moved[10]; /* by the first turn */
    struct buffer buffers[2];
    uint32_t accesses, last_access; /* how many; slot */
    enum a64_size size; /* of all of them */
    uint32_t total;     /* the register that is added to; NO_REG: none */
    bool multiplies, stores;
};

static bool is_place(const struct term *t) { return t->shape <= NO_REG; }

static bool add_terms(struct bulk *b, struct term *d, const struct term *s, bool is_wide) {
    const struct term *place = is_place(d) ? d : s, *value = place == d ? s : d;
    if (is_place(value)) {
        if (d->shape != NO_REG && s->shape != NO_REG) { return false; }
        d->shape = d->shape < s->shape ? d->shape : s->shape;
        d->at += s->at;
        return is_wide;
    }
    b->multiplies = value->shape == PRODUCT;
    bool adds = place->shape < NO_REG && !place->at && b->total == NO_REG && (b->multiplies || value->shape == ITEM(0));
    b->total = place->shape;
    d->shape = TOTAL(b->total);
    return adds && !is_wide;
}

static bool shift_term(const struct bulk *b, struct term *d, bool left, uint32_t by, uint32_t width) {
    uint32_t access = d->shape & 1u;
    if (is_place(d)) {
        d->at <<= by & 63;
        return left && d->shape == NO_REG && width == 64;
    }
    bool fits = (d->shape ^ access) == (left ? ITEM(0) : ITEM(0) | SHIFTED(width)) && by + (8u << b->size) == width;
    d->shape = ITEM(access) | (left ? SHIFTED(width) : IS_SIGNED);
    return fits;
}

static bool follow_alu(struct bulk *b, struct insn insn) {
    bool is_wide = is_wide_class(insn), exact = !(opcode_of(insn) & BPF_SRC_X);
    uint32_t op = operation_of(insn);
    struct term *d = &b->terms[dst_of(insn)], constant = {PLACE(NO_REG), (uint64_t)(int64_t)imm_of(insn)};
    const struct term *s = exact ? &constant : &b->terms[src_of(insn)];
    if (op == BPF_ALU_MOV) {
        *d = *s;
        return !off_of(insn) && (is_wide || !is_place(s));
    }
    if (op == BPF_ALU_ADD) { return add_terms(b, d, s, is_wide || dst_of(insn) == b->loop->counter); }
    if (op == BPF_ALU_MUL) {
        bool both = (d->shape ^ s->shape) == 1 && (d->shape | 1) == (ITEM(1) | IS_SIGNED);
        d->shape = PRODUCT;
        return both;
    }
    bool left = op == BPF_ALU_LSH;
    return exact && (left || op == BPF_ALU_ARSH) && shift_term(b, d, left, (uint32_t)imm_of(insn), is_wide ? 64 : 32);
}

/* RFC 9669 §5 counts W, H, B, DW from 0. */
static enum a64_size access_size(struct insn insn) { return (enum a64_size)(0xc6u >> (opcode_of(insn) >> 2 & 6u) & 3u); }

static bool follow_access(struct bulk *b, struct insn insn, bool loads) {
    struct term *value = &b->terms[loads ? dst_of(insn) : src_of(insn)];
    const struct term *address = &b->terms[loads ? src_of(insn) : dst_of(insn)];
    struct buffer *buffer = &b->buffers[b->accesses & 1u];
    enum a64_size size = access_size(insn);
    uint64_t at = address->at + (uint64_t)(int64_t)off_of(insn);
    if (address->shape >= NO_REG || b->accesses == 2 || (b->accesses && size != b->size)) { return false; }
    b->size = size;
    *buffer = (struct buffer){address->shape, at, at - buffer->at};
    if (loads) {
        value->shape = ITEM(b->accesses++) | ((opcode_of(insn) & 0xe0u) == BPF_MODE_MEMSX ? IS_SIGNED : 0);
        return true;
    }
    b->accesses++;
    b->stores = true;
    return class_of(insn) == BPF_CLASS_STX && (value->shape | IS_SIGNED) == (ITEM(0) | IS_SIGNED);
}

/* Whether the instruction may have to be guarded: none that adds an index has, where all of those are known and need nothing. */
static bool may_guard(const struct jit *j, uint32_t slot, uint32_t kind) {
    bool known = kind == KIND_ALU && !j->guarded && j->facts->index_count - 1 < MAX_INDEX_FACTS - 1;
    return !known && may_be_guarded(j, slot);
}

static bool try_follow(const struct jit *j, struct bulk *b) {
    b->accesses = 0;
    b->total = NO_REG;
    for (uint32_t slot = b->loop->head; slot < b->loop->test; slot++) {
        struct insn insn = insn_at(j, slot);
        uint32_t kind = effects[opcode_of(insn)] >> EFFECT_KIND_SHIFT & 3;
        if (kind == KIND_OTHER || !slot_reached(j, slot) || may_guard(j, slot, kind)) { return false; }
        if (kind != KIND_ALU) { b->last_access = slot; }
        if (kind == KIND_ALU ? !follow_alu(b, insn) : !follow_access(b, insn, kind == KIND_LOAD)) { return false; }
    }
    return true;
}

/* Whether the first turn, or both, moved every register that is needed as any other would. */
static bool goes_on(const struct jit *j, struct bulk *b, bool again) {
    uint32_t head = slot_live(j, b->loop->head), needed = (head | slot_live(j, b->loop->end)) & ~REG_BIT(b->loop->counter);
    for (uint32_t left = needed; left; left &= left - 1) {
        uint32_t reg = (uint32_t)__builtin_ctz(left);
        const struct term *t = &b->terms[reg];
        bool same = t->shape == PLACE(reg) && (!again || t->at == 2 * b->moved[reg]);
        bool total = t->shape == TOTAL(b->total) && (reg == b->total || !(head >> reg & 1));
        if (!same && !total) { return false; }
        if (!again) { b->moved[reg] = same ? t->at : 0; }
    }
    if (b->total == NO_REG) { return true; }
    bool adds = head >> b->total & 1 && b->terms[b->total].shape == TOTAL(b->total); /* else nobody needs any of it */
    b->terms[b->total] = (struct term){PLACE(b->total), 0};
    return adds;
}

/* The vector helper that does the same, 0 when there is none. */
static uint32_t helper_of(const struct bulk *b, uint32_t bytes) {
    const struct buffer *first = &b->buffers[0], *last = &b->buffers[b->accesses - 1u];
    uint64_t each = 1u << b->size, apart = last->at - first->at;
    if (first->step != each || last->step != each || first->base == b->total || last->base == b->total) { return 0; }
    if (b->stores) { return b->total == NO_REG && first->base == last->base && apart + bytes - 1 >= 2 * bytes - 1 ? VL_MEM_COPY : 0; }
    if (b->total == NO_REG || b->accesses != 1u + b->multiplies || b->size > A64_SIZE_S) { return 0; }
    if (b->multiplies) { return b->size == A64_SIZE_B ? VL_DOT_I8 : b->size == A64_SIZE_H ? VL_DOT_I16 : 0; }
    if (b->size != A64_SIZE_B) { return b->size == A64_SIZE_H ? VL_SUM_U16 : VL_SUM_I32; }
    return bytes <= MOST_BYTES_SUM_U8 ? VL_SUM_U8 : 0;
}

/* Where a buffer begins, in a register of its own when the code moves it. */
static enum a64_reg beginning(struct jit *j, const struct buffer *buffer, enum a64_reg into, bool moves) {
    enum a64_reg base = value_reg(j, buffer->base);
    uint64_t at = buffer->at - buffer->step; /* both are of the second turn */
    if (!at && !moves && buffer->base != 10) { return base; }
    emit_add_imm(j, into, base, at, A64_WIDTH_X);
    return into;
}

static void emit_bulk(struct jit *j, const struct bulk *b, struct vector_code *code) {
    const struct buffer *first = &b->buffers[b->stores], *second = &b->buffers[b->stores ? 0 : b->accesses - 1u];
    bool moves = code->bytes > UNMOVED_BYTES;
    load_waiting(j);
    release_shared_sums(j);
    ensure_reg(j, first->base);
    ensure_reg(j, second->base);
    code->first = beginning(j, first, X10, moves);
    code->second = first == second ? code->first : beginning(j, second, X11, moves);
    j->barrier = j->words;
    if (b->stores) { return compile_vector_copy(code); }
    compile_vector_reduction(code);
}

/* The registers as they are after all turns. What the vector code came to stays in x10. */
static void finish_terms(struct jit *j, const struct bulk *b) {
    const struct counted *l = b->loop;
    bool from_zero = b->total != NO_REG && is_const(j, b->total) && !(uint32_t)j->values[b->total].imm;
    if (b->total != NO_REG && !from_zero) {
        ensure_reg32(j, b->total);
        emit(j, a64_add(X10, value_reg32(j, b->total), amount(0), X10, A64_SHIFT_LSL, A64_WIDTH_W));
    }
    j->live_out = slot_live(j, l->end);
    for (uint32_t left = j->live_out & ~REG_BIT(l->counter); left; left &= left - 1) {
        uint32_t reg = (uint32_t)__builtin_ctz(left);
        if (reg == b->total || b->terms[reg].shape != PLACE(reg)) {
            begin_note(j, reg);
            note_shape(j, reg, shape_copy(X10), 32);
        } else if (b->moved[reg]) {
            add_constant(j, reg, b->moved[reg] * l->turns, true);
        }
    }
    begin_note(j, l->counter);
    note_const(j, l->counter, (uint64_t)l->first + (uint64_t)l->step * l->turns);
}

bool compile_bulk_loop(struct jit *j, const struct counted *l) {
    struct bulk b = {.loop = l};
    for (uint32_t reg = 0; reg < 11; reg++) { b.terms[reg].shape = PLACE(reg); }
    b.terms[l->counter] = (struct term){PLACE(NO_REG), (uint64_t)l->first};
    for (uint32_t turn = 0; turn < 2; turn++) {
        if (!try_follow(j, &b) || !goes_on(j, &b, turn)) { return false; }
    }
    struct vector_code code = {.j = j, .bytes = (uint32_t)l->turns << b.size, .result = X10, .narrow = true};
    if (l->turns > MOST_BYTES || code.bytes < LEAST_BYTES || code.bytes > MOST_BYTES || !b.accesses) { return false; }
    code.id = helper_of(&b, code.bytes);
    if (!code.id) { return false; }
    uint32_t start = j->words;
    emit_bulk(j, &b, &code);
    finish_terms(j, &b);
    j->barrier = j->words;
    for (uint32_t slot = l->head; slot < l->end; slot++) { j->slots[slot] = (slot <= b.last_access ? start : j->words) & SLOT_WORD; }
    return true;
}
