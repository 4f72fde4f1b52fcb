/* Packing of states. A frame is: live registers | call | point | function, turns, those registers, the used live slots, those slots.
 * A register is two words of fields, and none, one or eight of its value. */

#include "bpf/verifier/snapshot.h"

#include "lib/mem.h"

typedef uint64_t aliased_word __attribute__((may_alias));

enum form : uint8_t { FORM_CONST, FORM_UNKNOWN, FORM_FULL };

static const struct live everything = {UINT16_MAX, UINT16_MAX, UINT64_MAX, UINT64_MAX};

static const struct live *live_at(const struct verifier *v, uint32_t pc) {
    return v->points[pc] != 0 ? &v->live[v->points[pc] - 1] : &everything;
}

static uint32_t frame_pc(const struct state *s, uint32_t f) { return f == s->depth ? s->pc : s->frames[f + 1].call + 1; }

/* ---- registers ---- */

static enum form form_of(const struct scalar *s) {
    return scalar_is_const(s) ? FORM_CONST : scalar_is_unknown(s) ? FORM_UNKNOWN : FORM_FULL;
}

static uint64_t fields_of(const struct reg *r, enum form form) {
    return r->kind | (uint64_t)r->map << 8 | (uint64_t)r->frame << 16 | (uint64_t)form << 24 | (uint64_t)(uint32_t)r->off << 32;
}

static uint64_t *pack_reg(uint64_t *at, const struct reg *r) {
    enum form form = form_of(&r->var);
    uint64_t id = form == FORM_CONST && r->kind == REG_SCALAR ? 0 : r->id;
    *at++ = fields_of(r, form);
    *at++ = id | (uint64_t)r->range << 32;
    if (form == FORM_CONST) { *at++ = r->var.value; }
    if (form == FORM_FULL) {
        __builtin_memcpy(at, &r->var, sizeof(r->var));
        at += sizeof(r->var) / sizeof(*at);
    }
    return at;
}

static const uint64_t *unpack_reg(const uint64_t *at, struct reg *r) {
    uint64_t fields = *at++;
    r->kind = (uint8_t)fields;
    r->map = (uint8_t)(fields >> 8);
    r->frame = (uint8_t)(fields >> 16);
    r->unused = 0;
    r->off = (int32_t)(fields >> 32);
    r->id = (uint32_t)*at;
    r->range = (uint32_t)(*at++ >> 32);
    switch ((uint8_t)(fields >> 24)) {
    case FORM_CONST: scalar_set_const(&r->var, *at++); break;
    case FORM_UNKNOWN: scalar_set_unknown(&r->var); break;
    default:
        __builtin_memcpy(&r->var, at, sizeof(r->var));
        at += sizeof(r->var) / sizeof(*at);
        break;
    }
    return at;
}

static uint32_t set_regs(const struct frame *frame, const struct live *live) {
    uint32_t mask = 0;
    for (uint32_t r = 0; r < FRAME_POINTER; r++) { mask |= (uint32_t)(frame->regs[r].kind != REG_UNINIT) << r; }
    return mask & live->regs;
}

/* ---- frames ---- */

static uint64_t *pack_frame(uint64_t *at, const struct frame *frame, const struct live *live) {
    uint32_t regs = set_regs(frame, live);
    *at++ = regs | (uint64_t)frame->call << 16 | (uint64_t)frame->point << 32 | (uint64_t)frame->function << 48;
    for (uint32_t i = 0; i < NESTING / 2; i++) { *at++ = frame->turns[2 * i] | (uint64_t)frame->turns[2 * i + 1] << 32; }
    for (; regs != 0; regs &= regs - 1) { at = pack_reg(at, &frame->regs[__builtin_ctz(regs)]); }
    uint64_t used = frame->used & live->slots;
    *at++ = used;
    for (; used != 0; used &= used - 1) {
        const struct slot *slot = &frame->slots[__builtin_ctzll(used)];
        *at++ = slot->written | (uint64_t)slot->spill_at << 8 | (uint64_t)slot->spill_bytes << 16;
        if (slot->spill_bytes != 0) { at = pack_reg(at, &slot->reg); }
    }
    return at;
}

static const uint64_t *unpack_slot(const uint64_t *at, struct slot *slot) {
    slot->written = (uint8_t)*at;
    slot->spill_at = (uint8_t)(*at >> 8);
    slot->spill_bytes = (uint8_t)(*at++ >> 16);
    return slot->spill_bytes != 0 ? unpack_reg(at, &slot->reg) : at;
}

static const uint64_t *unpack_frame(const uint64_t *at, struct frame *frame, uint32_t depth) {
    uint32_t regs = (uint16_t)*at;
    frame->call = (uint16_t)(*at >> 16);
    frame->point = (uint16_t)(*at >> 32);
    frame->function = (uint32_t)(*at++ >> 48);
    for (uint32_t i = 0; i < NESTING; i++) { frame->turns[i] = (uint32_t)(at[i / 2] >> (i % 2 * 32)); }
    at += NESTING / 2;
    for (uint32_t r = 0; r < FRAME_POINTER; r++) {
        if ((regs >> r & 1) != 0) {
            at = unpack_reg(at, &frame->regs[r]);
        } else {
            frame->regs[r].kind = REG_UNINIT;
        }
    }
    reg_set_pointer(&frame->regs[FRAME_POINTER], REG_STACK);
    frame->regs[FRAME_POINTER].frame = (uint8_t)depth;
    frame->used = *at++;
    for (uint64_t used = frame->used; used != 0; used &= used - 1) { at = unpack_slot(at, &frame->slots[__builtin_ctzll(used)]); }
    return at;
}

void frame_forget(const struct verifier *v, struct frame *frame, uint32_t pc) {
    const struct live *live = live_at(v, pc);
    for (uint32_t r = 0; r < FRAME_POINTER; r++) {
        if ((live->regs >> r & 1) == 0) { frame->regs[r].kind = REG_UNINIT; }
    }
    frame->used &= live->slots;
}

void state_forget(const struct verifier *v, struct state *s) { frame_forget(v, &s->frames[s->depth], s->pc); }

/* ---- memory for snapshots ---- */

enum { CLASS_BYTES = 64, CLASSES_EXACT = 64 };

/* Multiples of 64 bytes up to 4 KiB each have their list; larger ones share one per power of two. */
static uint32_t class_of(uint32_t bytes, uint32_t *rounded) {
    uint32_t units = (bytes + CLASS_BYTES - 1) / CLASS_BYTES;
    if (units <= CLASSES_EXACT) {
        *rounded = units * CLASS_BYTES;
        return units - 1;
    }
    uint32_t power = 32 - (uint32_t)__builtin_clz(units - 1);
    *rounded = CLASS_BYTES << power;
    return CLASSES_EXACT + power - 7;
}

/* Packed bytes at most: ten registers and all slots of each frame, ten words each, and what frames them. */
static uint32_t worst_bytes(const struct state *s) {
    uint32_t words = 0;
    for (uint32_t f = 0; f <= s->depth; f++) {
        words += 2 + NESTING / 2 + 10 * 10 + 11 * (uint32_t)__builtin_popcountll(s->frames[f].used);
    }
    return (uint32_t)sizeof(struct snapshot) + 8 * words;
}

struct snapshot *snapshot_take(struct verifier *v, const struct state *s, const struct place *place) {
    if ((uint64_t)(v->limit - v->free) < worst_bytes(s) + CLASS_BYTES) { return nullptr; }
    struct snapshot *fresh = (struct snapshot *)v->free;
    uint64_t *at = fresh->words;
    for (uint32_t f = 0; f <= s->depth; f++) { at = pack_frame(at, &s->frames[f], live_at(v, frame_pc(s, f))); }
    uint32_t bytes = (uint32_t)((uint8_t *)at - v->free), rounded;
    uint32_t size_class = class_of(bytes, &rounded);
    struct snapshot *out = v->spare[size_class];
    if (out != nullptr) {
        v->spare[size_class] = out->next;
        memcpy(out->words, fresh->words, bytes - (uint32_t)sizeof(*fresh));
    } else {
        if ((uint64_t)(v->limit - v->free) < rounded) { return nullptr; }
        out = fresh;
        v->free += rounded;
    }
    out->place = *place;
    out->walked = s->walked;
    out->pc = s->pc;
    out->depth = s->depth;
    out->lineage = s->lineage;
    out->size_class = size_class;
    out->bytes = rounded;
    if (++v->states > v->result->states) { v->result->states = v->states; }
    return out;
}

void snapshot_free(struct verifier *v, struct snapshot *snapshot) {
    v->states--;
    if ((uint8_t *)snapshot + snapshot->bytes == v->free) { /* the newest one: most are */
        v->free = (uint8_t *)snapshot;
        return;
    }
    snapshot->next = v->spare[snapshot->size_class];
    v->spare[snapshot->size_class] = snapshot;
}

void snapshot_load(const struct snapshot *from, struct state *s) {
    s->pc = from->pc;
    state_set_depth(s, from->depth);
    s->lineage = from->lineage;
    s->walked = from->walked;
    const uint64_t *at = from->words;
    for (uint32_t f = 0; f <= s->depth; f++) { at = unpack_frame(at, &s->frames[f], f); }
}

/* ---- comparison ---- */

/* "Equal ids" in one state must be equal ids in the state that it covers. */
struct id_pairs {
    uint32_t count;
    uint32_t from[12], to[12];
};

static bool pair_ids(struct id_pairs *pairs, uint32_t from, uint32_t to) {
    if (from == 0) { return true; }
    for (uint32_t i = 0; i < pairs->count; i++) {
        if (pairs->from[i] == from) { return pairs->to[i] == to && to != 0; }
    }
    if (pairs->count == sizeof(pairs->from) / sizeof(pairs->from[0])) { return false; }
    pairs->from[pairs->count] = from;
    pairs->to[pairs->count++] = to;
    return true;
}

struct comparison {
    bool covered, covers;                 /* so far, over everything */
    bool covered_decisive, covers_decisive; /* over what can decide */
    bool mergeable, comparable;
    bool decisive_only; /* registers that can't decide are passed over */
    struct id_pairs old_to_new, new_to_old;
};

static void differ(struct comparison *c, bool covered, bool covers, bool is_decisive, bool joins_well) {
    c->covered &= covered;
    c->covers &= covers;
    if (is_decisive) {
        c->covered_decisive &= covered;
        c->covers_decisive &= covers;
    } else if (!covered && !covers && !joins_well) {
        c->mergeable = false;
    }
}

static void compare_regs(struct comparison *c, const struct reg *now, const struct reg *old, bool is_decisive) {
    bool scalars = now->kind == REG_SCALAR && old->kind == REG_SCALAR;
    if (now->kind != old->kind || now->map != old->map || now->frame != old->frame || now->off != old->off) {
        differ(c, false, false, is_decisive, scalars);
        return;
    }
    bool covered, covers;
    if ((now->var.mask | old->var.mask) == 0) {
        covered = covers = now->var.value == old->var.value;
    } else {
        covered = scalar_covers(&old->var, &now->var);
        covers = scalar_covers(&now->var, &old->var);
    }
    covered &= old->range <= now->range;
    covers &= now->range <= old->range;
    bool constant = now->kind == REG_SCALAR && scalar_is_const(&now->var) && scalar_is_const(&old->var);
    if (covered && !constant) { covered = pair_ids(&c->old_to_new, old->id, now->id); }
    if (covers && !constant) { covers = pair_ids(&c->new_to_old, now->id, old->id); }
    differ(c, covered, covers, is_decisive, scalars);
}

/* What follows the fields of a packed register with this form. */
static uint32_t words_of(enum form form) {
    return form == FORM_CONST ? 1 : form == FORM_FULL ? (uint32_t)(sizeof(struct scalar) / sizeof(uint64_t)) : 0;
}

/* Packed registers with the same words say the same, but for ids that other registers share. */
static bool same_words(const uint64_t *at, const struct reg *r, enum form form) {
    if (*at != fields_of(r, form) || (at[1] >> 32) != r->range) { return false; }
    if (form == FORM_CONST) { return r->var.mask == 0 && at[2] == r->var.value; }
    if (form == FORM_UNKNOWN) { return scalar_is_unknown(&r->var); }
    const aliased_word *words = (const aliased_word *)&r->var;
    uint64_t differs = 0;
#pragma clang loop unroll(full)
    for (uint32_t i = 0; i < sizeof(r->var) / sizeof(*at); i++) { differs |= words[i] ^ at[2 + i]; }
    return differs == 0;
}

static const uint64_t *compare_packed(struct comparison *c, const struct reg *now, const uint64_t *at, bool is_decisive) {
    enum form form = (uint8_t)(*at >> 24);
    if (same_words(at, now, form)) {
        uint32_t old_id = (uint32_t)at[1];
        at += 2 + words_of(form);
        if ((old_id | now->id) == 0 || (form == FORM_CONST && now->kind == REG_SCALAR)) { return at; }
        bool covered = pair_ids(&c->old_to_new, old_id, now->id), covers = pair_ids(&c->new_to_old, now->id, old_id);
        if (!covered || !covers) { differ(c, covered, covers, is_decisive, now->kind == REG_SCALAR); }
        return at;
    }
    struct reg old;
    at = unpack_reg(at, &old);
    compare_regs(c, now, &old, is_decisive);
    return at;
}

static const uint64_t *compare_slot(struct comparison *c, const struct slot *now, const uint64_t *at, bool is_decisive) {
    struct slot old;
    at = unpack_slot(at, &old);
    differ(c, (old.written & ~now->written) == 0, (now->written & ~old.written) == 0, is_decisive, true);
    bool same_place = now->spill_bytes == old.spill_bytes && now->spill_at == old.spill_at;
    if (same_place && now->spill_bytes != 0) {
        compare_regs(c, &now->reg, &old.reg, is_decisive);
    } else if (!same_place) { /* bytes of numbers cover a kept number, never a kept pointer */
        bool covered = old.spill_bytes == 0 && !reg_is_pointer(&now->reg);
        bool covers = now->spill_bytes == 0 && !reg_is_pointer(&old.reg);
        bool pointers = (now->spill_bytes != 0 && reg_is_pointer(&now->reg)) || (old.spill_bytes != 0 && reg_is_pointer(&old.reg));
        differ(c, covered, covers, is_decisive, !pointers);
    }
    return at;
}

static const uint64_t *skip_reg(const uint64_t *at) { return at + 2 + words_of((uint8_t)(*at >> 24)); }

static const uint64_t *compare_frame(struct comparison *c, const struct frame *frame, const struct live *live, const uint64_t *at) {
    c->comparable &= (uint16_t)(*at >> 16) == frame->call;
    if (!c->comparable) { return at; }
    uint32_t old_regs = (uint16_t)*at, now_regs = set_regs(frame, live);
    at += 1 + NESTING / 2;
    for (uint32_t all = old_regs | now_regs; all != 0; all &= all - 1) {
        uint32_t r = (uint32_t)__builtin_ctz(all);
        bool old_set = (old_regs >> r & 1) != 0, now_set = (now_regs >> r & 1) != 0;
        bool is_decisive = (live->regs_decisive >> r & 1) != 0;
        if (c->decisive_only && !is_decisive) {
            if (old_set) { at = skip_reg(at); }
            continue;
        }
        if (old_set && now_set) {
            at = compare_packed(c, &frame->regs[r], at, is_decisive);
        } else if (old_set) {
            at = skip_reg(at);
        }
        if (old_set != now_set) { differ(c, !old_set, !now_set, is_decisive, true); }
    }
    uint64_t old_used = *at++, now_used = frame->used & live->slots;
    for (uint64_t all = old_used | now_used; all != 0; all &= all - 1) {
        uint64_t bit = all & -all;
        bool is_decisive = (live->slots_decisive & bit) != 0;
        if ((old_used & now_used & bit) != 0) {
            at = compare_slot(c, &frame->slots[__builtin_ctzll(bit)], at, is_decisive);
            continue;
        }
        struct slot old;
        if ((old_used & bit) != 0) { at = unpack_slot(at, &old); }
        differ(c, (old_used & bit) == 0, (now_used & bit) == 0, is_decisive, true);
    }
    return at;
}

static struct relation compare_states(const struct verifier *v, const struct state *s, const struct snapshot *snapshot, bool decisive_only) {
    struct comparison c;
    c.old_to_new.count = c.new_to_old.count = 0;
    c.covered = c.covers = c.covered_decisive = c.covers_decisive = c.mergeable = c.comparable = true;
    c.decisive_only = decisive_only;
    if (s->pc != snapshot->pc || s->depth != snapshot->depth) { return (struct relation){0}; }
    const uint64_t *at = snapshot->words;
    for (uint32_t f = 0; f <= s->depth; f++) {
        at = compare_frame(&c, &s->frames[f], live_at(v, frame_pc(s, f)), at);
    }
    if (!c.comparable) { return (struct relation){0}; }
    return (struct relation){
        .comparable = true,
        .covered = c.covered,
        .covers = c.covers,
        .mergeable = c.mergeable && (c.covered_decisive || c.covers_decisive),
        .same_decisive = c.covered_decisive && c.covers_decisive,
    };
}

struct relation snapshot_relation(const struct verifier *v, const struct state *s, const struct snapshot *snapshot) {
    return compare_states(v, s, snapshot, false);
}

bool snapshot_joins_well(const struct verifier *v, const struct state *s, const struct snapshot *snapshot, bool *comparable) {
    struct relation relation = compare_states(v, s, snapshot, true);
    *comparable = relation.comparable;
    return relation.mergeable;
}

/* ---- joining ---- */

/* Moves the constant part of the address into the variable one, so that different offsets can be joined. */
static void fold_offset(struct reg *r) {
    struct scalar off;
    scalar_set_const(&off, (uint64_t)(int64_t)r->off);
    scalar_alu64(BPF_ALU_ADD, false, &r->var, &off);
    r->off = 0;
}

static bool may_be_null(const struct reg *r) {
    return r->kind == REG_MAP_VALUE_OR_NULL || (r->kind == REG_SCALAR && scalar_is_const(&r->var) && r->var.value == 0);
}

static void join_kinds(struct verifier *v, struct reg *r, const struct reg *old) {
    bool maps = (may_be_null(r) || r->kind == REG_MAP_VALUE) && (may_be_null(old) || old->kind == REG_MAP_VALUE);
    const struct reg *p = r->kind == REG_SCALAR ? old : r;
    bool same = r->kind == REG_SCALAR || old->kind == REG_SCALAR || (r->map == old->map && r->off == old->off);
    if (!maps || !same || p->off != 0 || !scalar_is_const(&p->var)) {
        r->kind = REG_UNINIT;
        return;
    }
    *r = *p;
    r->kind = REG_MAP_VALUE_OR_NULL;
    r->id = new_id(v);
}

static void join_reg(struct verifier *v, struct reg *r, struct reg *old) {
    if (r->kind != old->kind) {
        join_kinds(v, r, old);
        return;
    }
    if (r->map != old->map || r->frame != old->frame || r->kind == REG_UNINIT) {
        r->kind = REG_UNINIT;
        return;
    }
    if (r->off != old->off) {
        if (r->kind == REG_PACKET || r->kind == REG_CONTEXT || r->kind == REG_MAP_VALUE_OR_NULL) {
            r->kind = REG_UNINIT;
            return;
        }
        fold_offset(r);
        fold_offset(old);
    }
    bool same_id = r->id == old->id;
    scalar_join(&r->var, &old->var);
    r->range = r->range < old->range ? r->range : old->range;
    if (!same_id) {
        r->id = r->kind == REG_SCALAR ? 0 : new_id(v);
        r->range = 0;
    }
}

/* Joins a packed register into r. */
static const uint64_t *join_packed(struct verifier *v, struct reg *r, const uint64_t *at) {
    enum form form = (uint8_t)(*at >> 24);
    if ((uint32_t)at[1] == r->id && same_words(at, r, form)) { return at + 2 + words_of(form); }
    struct reg old;
    at = unpack_reg(at, &old);
    join_reg(v, r, &old);
    return at;
}

static const uint64_t *join_slot(struct verifier *v, struct slot *slot, const uint64_t *at) {
    struct slot old;
    at = unpack_slot(at, &old);
    bool pointers = (slot->spill_bytes != 0 && reg_is_pointer(&slot->reg)) || (old.spill_bytes != 0 && reg_is_pointer(&old.reg));
    slot->written &= old.written;
    if (slot->spill_bytes != 0 && slot->spill_bytes == old.spill_bytes && slot->spill_at == old.spill_at) {
        join_reg(v, &slot->reg, &old.reg);
        if (slot->reg.kind != REG_UNINIT) { return at; }
    }
    slot->spill_bytes = 0;
    if (pointers) { slot->written = 0; }
    return at;
}

static const uint64_t *join_frame(struct verifier *v, struct frame *frame, const uint64_t *at) {
    uint32_t old_regs = (uint16_t)*at;
    at += 1 + NESTING / 2;
    for (uint32_t r = 0; r < FRAME_POINTER; r++) {
        if ((old_regs >> r & 1) != 0) {
            at = join_packed(v, &frame->regs[r], at);
        } else {
            frame->regs[r].kind = REG_UNINIT;
        }
    }
    uint64_t old_used = *at++;
    for (uint64_t bits = old_used; bits != 0; bits &= bits - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(bits);
        struct slot unused;
        at = (frame->used >> i & 1) != 0 ? join_slot(v, &frame->slots[i], at) : unpack_slot(at, &unused);
    }
    frame->used &= old_used;
    return at;
}

void snapshot_join(struct verifier *v, struct state *s, const struct snapshot *snapshot) {
    const uint64_t *at = snapshot->words;
    for (uint32_t f = 0; f <= s->depth; f++) { at = join_frame(v, &s->frames[f], at); }
    if (snapshot->walked > s->walked) { s->walked = snapshot->walked; }
}
