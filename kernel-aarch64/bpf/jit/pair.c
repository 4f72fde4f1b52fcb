#include "bpf/jit/pair.h"

/* An access with an immediate offset in bytes. */
struct plain {
    enum a64_reg rt, rn;
    enum a64_size size;
    int32_t offset;
    bool is_load;
};

/* DDI 0487 C4.1.94: LDR and STR (immediate, unsigned offset), LDUR and STUR, of general registers without sign. */
static bool try_decode(uint32_t word, struct plain *out) {
    bool scaled = (word & 0x3f800000u) == 0x39000000u, unscaled = (word & 0x3fa00c00u) == 0x38000000u;
    out->rt = (enum a64_reg)(word & 31u);
    out->rn = (enum a64_reg)(word >> 5 & 31u);
    out->size = (enum a64_size)(word >> 30);
    out->is_load = word & 1u << 22;
    out->offset = scaled ? (int32_t)((word >> 10 & 4095u) << out->size) : (int32_t)(word << 11) >> 23;
    return scaled || unscaled;
}

static bool try_encode(const struct plain *p, uint32_t *word) {
    struct a64_scaled scaled;
    struct a64_unscaled unscaled;
    if (try_scaled(p->offset, p->size, &scaled)) {
        *word = p->is_load ? a64_ldr_scaled(p->rt, p->rn, scaled, p->size) : a64_str_scaled(p->rt, p->rn, scaled, p->size);
        return true;
    }
    if (!try_unscaled(p->offset, &unscaled)) { return false; }
    *word = p->is_load ? a64_ldur(p->rt, p->rn, unscaled, p->size) : a64_stur(p->rt, p->rn, unscaled, p->size);
    return true;
}

/* The access `back` words ago, if nobody branches behind it. */
static bool try_before(const struct jit *j, uint32_t back, struct plain *out) {
    return j->words >= j->barrier + back && j->words <= j->capacity && try_decode(j->out[j->words - back], out);
}

static int32_t bytes_of(const struct plain *p) { return 1 << p->size; }

/* The slot begins with the word that is the last now; no label is there, or a barrier would be before it. */
static void note_joined(struct jit *j) {
    if (!j->in_turn) { j->slots[j->slot] = (j->slots[j->slot] & ~SLOT_WORD) | ((j->words - 1) & SLOT_WORD); }
}

static bool try_zeros(struct jit *j, struct plain *low) {
    uint32_t word;
    if (low->rt != XZR || low->is_load || low->size == A64_SIZE_D) { return false; }
    low->size++;
    if (!try_encode(low, &word)) {
        low->size--;
        return false;
    }
    j->words--;
    emit_access(j, word);
    return true;
}

static bool try_join(struct jit *j, struct plain *second) {
    struct plain first;
    struct a64_paired offset;
    if (!try_before(j, 1, &first)) { return false; }
    if (first.is_load != second->is_load) { return false; } /* their base and size are the same: has_neighbour() */
    int32_t distance = second->offset - first.offset;
    if (distance != bytes_of(second) && distance != -bytes_of(second)) { return false; }
    struct plain *low = distance > 0 ? &first : second, *high = distance > 0 ? second : &first;
    if (low->rt == high->rt && try_zeros(j, low)) { return true; }
    if (low->size < A64_SIZE_S || (low->is_load && (first.rt == first.rn || first.rt == second->rt))) { return false; }
    enum a64_width width = low->size == A64_SIZE_D ? A64_WIDTH_X : A64_WIDTH_W;
    if (!try_paired(low->offset, width, &offset)) { return false; }
    j->out[j->words - 1] = low->is_load ? a64_ldp(low->rt, low->rn, high->rt, offset, width)
                                        : a64_stp(low->rt, low->rn, high->rt, offset, width);
    return true;
}

void emit_beside(struct jit *j, uint32_t word) {
    struct plain access;
    if (!try_decode(word, &access) || !try_join(j, &access)) { return emit(j, word); }
    note_joined(j);
}

/* DDI 0487 C4.1.94: in LDUR, STUR and those that extend with sign, bits 11:10 are 0; 1 is post-index, 3 is pre-index. */
RARE bool try_count_along(struct jit *j, enum a64_reg rn, int64_t imm) {
    struct a64_unscaled by;
    if (j->words <= j->barrier || j->words > j->capacity || !try_unscaled(imm, &by)) { return false; }
    uint32_t *last = &j->out[j->words - 1], size = *last >> 30;
    bool scaled = (*last & 0x3f000000u) == 0x39000000u, unscaled = (*last & 0x3f200c00u) == 0x38000000u;
    int64_t offset = scaled ? (int64_t)(*last >> 10 & 4095u) << size : (int32_t)(*last << 11) >> 23;
    bool suits = (scaled || unscaled) && (*last >> 5 & 31u) == rn && (*last & 31u) != rn && rn != SP;
    if (!suits || (offset && offset != imm)) { return false; }
    *last = (*last & 0xc0c003ffu) | 0x38000400u | by.bits << 12 | (offset ? 2u << 10 : 0);
    return true;
}

/* Two places that a copy reads, or writes, one behind the other. */
static bool follows(const struct plain *a, const struct plain *b) {
    return b->offset == a->offset + bytes_of(a) && a->size == b->size && a->rn == b->rn && a->rt == b->rt && a->rt != a->rn;
}

static bool try_copy(struct jit *j, uint32_t word) {
    struct plain load, store, next_load, next_store;
    uint32_t wide_load, wide_store;
    if (!try_decode(word, &next_store) || next_store.size == A64_SIZE_D) { return false; }
    if (!try_before(j, 3, &load) || !try_before(j, 2, &store) || !try_before(j, 1, &next_load)) { return false; }
    if (!load.is_load || store.is_load || !next_load.is_load) { return false; }
    if (!follows(&load, &next_load) || !follows(&store, &next_store) || load.rt != store.rt) { return false; }
    int32_t distance = store.offset - load.offset;
    if (distance < 2 * bytes_of(&load) && distance > -2 * bytes_of(&load)) { return false; }
    load.size++;
    store.size++;
    if (!try_encode(&load, &wide_load) || !try_encode(&store, &wide_store)) { return false; }
    j->words -= 3;
    emit(j, wide_load);
    emit_last_beside(j, wide_store);
    note_joined(j);
    return true;
}

RARE void emit_last_beside(struct jit *j, uint32_t word) {
    if (!try_copy(j, word)) { emit_beside(j, word); }
}
