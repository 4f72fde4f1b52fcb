/* References that are held, and what else is until it ends: locks, parts of the program, patience. In one file, as all of them are names
 * in the same sets, each of which is kept once. */

#include "bpf/verifier/reference.h"

#include "bpf/verifier/callback.h"
#include "bpf/verifier/timer.h"
#include "lib/mem.h"

enum { SITES = 254, SETS = 1024, SET_NAMES = 16 };
/* What names of locks stand for, where others have an instruction: the lock of a map, or of registers that carry the name. */
enum { SITE_LOCKS = 0xf000, SITE_LOCK_OWN = 0xf100 /* of the object with this reference, which is added */, SITE_LOCK_FOUND = 0xf200 };
/* And for parts that are not preempted: how many are around it. */
enum { SITE_PARTS = 0xf300, SITE_PARTS_LAST = 0xf3ff };
/* And for the kernel's patience with a call of a function, once it has ended: the depth of its frame is added. Held until the call ends, and for nobody to release. */
enum { SITE_PATIENCE = 0xf480, SITE_PATIENCE_LAST = 0xf4ff };
/* And for RCU, while what it protects is read: Linux 6.12 takes no such part inside another. */
enum { SITE_READS = 0xf400 };
/* And for maps that were found in maps of maps before what found them ran again. They are never held. */
enum { SITE_FOUND_BEFORE = 0xf401 };
/* And for slices of dynptrs: the name of the dynptr is added. They are never held. */
enum { SITE_SLICES = 0xf500 };
/* And for iterators that have given their last element: the name of the iterator is added. They end with it. */
enum { SITE_DRAINED = 0xf600 };
static_assert(MAX_PROGRAM_INSNS <= SITE_LOCKS, "an instruction would be taken for a lock");

/* Ascending; 0 is none. */
struct name_set {
    uint8_t names[SET_NAMES];
};

struct references {
    uint32_t site_count, set_count;
    uint16_t sites[SITES + 1]; /* instruction of each name, from 1; or SITE_LOCKS and on */
    struct name_set sets[SETS]; /* sets[0] is empty */
};

static enum status too_many(struct verifier *v, struct state *s) {
    return refuse(v, STATUS_TOO_MANY_STATES, s->pc, "too many references");
}

static struct references *references(struct verifier *v) {
    if (v->references != nullptr) { return v->references; }
    v->references = take_memory(v, sizeof(*v->references));
    if (v->references != nullptr) {
        memset(v->references, 0, sizeof(*v->references));
        v->references->set_count = 1;
    }
    return v->references;
}

bool reference_open(struct verifier *v) { return references(v) != nullptr; }

static bool set_has(const struct name_set *set, uint8_t name) {
    uint32_t i = 0;
    while (i < SET_NAMES && set->names[i] != name) { i++; }
    return i < SET_NAMES;
}

static struct name_set set_without(const struct name_set *set, uint8_t name) {
    struct name_set out = {0};
    for (uint32_t i = 0, at = 0; i < SET_NAMES; i++) {
        if (set->names[i] != name) { out.names[at++] = set->names[i]; }
    }
    return out;
}

/* There is room for it. */
static struct name_set set_with(const struct name_set *set, uint8_t name) {
    struct name_set out = *set;
    uint32_t at = SET_NAMES - 1;
    for (; at != 0 && (out.names[at - 1] == 0 || out.names[at - 1] > name); at--) { out.names[at] = out.names[at - 1]; }
    out.names[at] = name;
    return out;
}

static bool same_names(const struct name_set *a, const struct name_set *b) { return __builtin_memcmp(a, b, sizeof(*a)) == 0; }

static bool hold(struct references *r, struct state *s, const struct name_set *set) {
    uint32_t i = 0;
    while (i < r->set_count && !same_names(&r->sets[i], set)) { i++; }
    if (i == SETS) { return false; }
    if (i == r->set_count) { r->sets[r->set_count++] = *set; }
    s->frames[0].call = (uint16_t)i;
    return true;
}

/* What is held, when anything is. */
static const struct name_set *names_held(const struct verifier *v, const struct state *s) { return &v->references->sets[s->frames[0].call]; }

static bool held(const struct verifier *v, const struct state *s, uint8_t name) { return reference_any(s) && set_has(names_held(v, s), name); }

static bool hold_without(const struct verifier *v, struct state *s, uint8_t name) {
    const struct name_set rest = set_without(names_held(v, s), name);
    return hold(v->references, s, &rest);
}

static enum status acquire(struct verifier *v, struct state *s, uint8_t name) {
    const struct name_set *set = names_held(v, s);
    if (set->names[SET_NAMES - 1] != 0) { return too_many(v, s); }
    const struct name_set more = set_with(set, name);
    return hold(v->references, s, &more) ? STATUS_OK : too_many(v, s);
}

/* The name of what is acquired there. */
static enum status name_site(struct verifier *v, struct state *s, uint16_t site, uint8_t *name) {
    struct references *r = references(v);
    if (r == nullptr) { return too_many(v, s); }
    uint32_t i = 1;
    while (i <= r->site_count && r->sites[i] != site) { i++; }
    if (i > SITES) { return too_many(v, s); }
    if (i > r->site_count) { r->sites[++r->site_count] = site; }
    *name = (uint8_t)i;
    return STATUS_OK;
}

enum status reference_acquire(struct verifier *v, struct state *s, uint8_t *name) {
    enum status status = name_site(v, s, (uint16_t)s->pc, name);
    if (status != STATUS_OK) { return status; }
    if (held(v, s, *name)) {
        return refuse(v, STATUS_REFERENCE_LEAK, s->pc, "what was acquired here before is still held");
    }
    return acquire(v, s, *name);
}

enum status reference_name_here(struct verifier *v, struct state *s, uint8_t *name) { return name_site(v, s, (uint16_t)s->pc, name); }

static void rename_map(struct reg *r, uint8_t from, uint8_t to) {
    uint8_t kind = kind_not_null(r->kind);
    if ((kind == REG_MAP || kind == REG_MAP_VALUE) && r->frame == from) { r->frame = to; }
}

enum status reference_name_map(struct verifier *v, struct state *s, uint8_t *name) {
    uint8_t before, now;
    enum status status = name_site(v, s, SITE_FOUND_BEFORE, &before);
    if (status == STATUS_OK) { status = reference_name_here(v, s, &now); }
    if (status != STATUS_OK) { return status; }
    for (uint32_t f = 0; f <= s->depth; f++) {
        struct frame *frame = &s->frames[f];
        for (uint32_t r = 0; r < FRAME_POINTER; r++) { rename_map(&frame->regs[r], now, before); }
        for (uint64_t used = frame->used; used != 0; used &= used - 1) {
            struct slot *slot = &frame->slots[__builtin_ctzll(used)];
            if (slot->spill_bytes != 0) { rename_map(&slot->reg, now, before); }
        }
    }
    *name = now;
    return STATUS_OK;
}

bool reference_same_map(const struct verifier *v, const struct reg *a, const struct reg *b) {
    bool same = a->map == b->map && a->frame == b->frame;
    return same && (a->frame == 0 || v->references->sites[a->frame] != SITE_FOUND_BEFORE);
}

enum status reference_name_slices(struct verifier *v, struct state *s, uint8_t dynptr, uint8_t *name) {
    return name_site(v, s, (uint16_t)(SITE_SLICES + dynptr), name);
}

/* ---- locks ---- */

/* The name with the highest site from `first` to `last` among those that are held, or 0. */
static uint8_t highest_held(const struct verifier *v, const struct state *s, uint16_t first, uint16_t last) {
    uint8_t found = 0;
    if (!reference_any(s)) { return 0; }
    for (const uint8_t *name = names_held(v, s)->names, *end = name + SET_NAMES; name != end && *name != 0; name++) {
        uint16_t site = v->references->sites[*name];
        if (site >= first && site <= last && (found == 0 || site > v->references->sites[found])) { found = *name; }
    }
    return found;
}

/* The name of the lock that is held, or 0. */
static uint8_t lock_held(const struct verifier *v, const struct state *s) { return highest_held(v, s, SITE_LOCKS, SITE_LOCK_FOUND); }

bool reference_locked(const struct verifier *v, const struct state *s) { return lock_held(v, s) != 0; }

uint8_t reference_lock_name(const struct verifier *v, const struct state *s) { return lock_held(v, s); }

static void mark_reg(struct reg *r, const struct reg *value, uint8_t before, uint8_t name) {
    if (r->kind != REG_MAP_VALUE || r->frame != before) { return; }
    if (before != 0 || (r->map == value->map && r->id == value->id && r->id != 0)) { r->frame = name; }
}

/* Registers that point into this value carry the name from now on; those that carry the one from before, whatever it is. */
static void mark_value(struct state *s, const struct reg *value, uint8_t before, uint8_t name) {
    for (uint32_t f = 0; f <= s->depth; f++) {
        struct frame *frame = &s->frames[f];
        for (uint32_t r = 0; r < FRAME_POINTER; r++) { mark_reg(&frame->regs[r], value, before, name); }
        for (uint64_t used = frame->used; used != 0; used &= used - 1) {
            struct slot *slot = &frame->slots[__builtin_ctzll(used)];
            if (slot->spill_bytes != 0) { mark_reg(&slot->reg, value, before, name); }
        }
    }
}

static bool has_own_address(const struct reg *value) { return value->id >= fixed_ids; }

static uint16_t lock_site(const struct reg *value) {
    if (value->kind == REG_OWN) { return (uint16_t)(SITE_LOCK_OWN + value->frame); }
    return has_own_address(value) ? (uint16_t)(SITE_LOCKS + value->map) : SITE_LOCK_FOUND;
}

bool reference_locked_in(const struct verifier *v, const struct state *s, const struct reg *r) {
    uint8_t name = lock_held(v, s);
    uint16_t site = name == 0 ? 0 : v->references->sites[name];
    return name != 0 && site == lock_site(r) && (site != SITE_LOCK_FOUND || r->frame == name);
}

enum status reference_lock(struct verifier *v, struct state *s, uint32_t r) {
    struct reg value = *reg_at(s, r);
    if (lock_held(v, s) != 0) { return refuse(v, STATUS_REFERENCE_LEAK, s->pc, "a lock is held already"); }
    uint8_t name;
    uint16_t site = lock_site(&value);
    enum status status = name_site(v, s, site, &name);
    if (status == STATUS_OK) { status = acquire(v, s, name); }
    if (status == STATUS_OK && site == SITE_LOCK_FOUND) { mark_value(s, &value, 0, name); }
    return status;
}

enum status reference_unlock(struct verifier *v, struct state *s, uint32_t r) {
    struct reg value = *reg_at(s, r);
    uint8_t name = lock_held(v, s);
    if (name == 0) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "no lock is held"); }
    if (!reference_locked_in(v, s, &value)) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "%r is %R, with another lock than the one that is held", r, &value); }
    if (lock_site(&value) == SITE_LOCK_FOUND) { mark_value(s, &value, name, 0); }
    reference_void(s, REFERENCE_SHARED);
    return reference_release(v, s, name);
}

/* ---- parts that are not preempted ---- */

static uint8_t part_held(const struct verifier *v, const struct state *s) { return highest_held(v, s, SITE_PARTS, SITE_PARTS_LAST); }

static uint8_t reads_held(const struct verifier *v, const struct state *s) { return highest_held(v, s, SITE_READS, SITE_READS); }

bool reference_stays_awake(const struct verifier *v, const struct state *s) { return part_held(v, s) != 0 || reads_held(v, s) != 0; }

bool reference_reads(const struct verifier *v, const struct state *s) { return reads_held(v, s) != 0; }

enum status reference_hold_on(struct verifier *v, struct state *s) {
    uint8_t around = part_held(v, s), name;
    enum status status = name_site(v, s, around == 0 ? SITE_PARTS : v->references->sites[around] + 1, &name);
    return status == STATUS_OK ? acquire(v, s, name) : status;
}

enum status reference_let_go(struct verifier *v, struct state *s) {
    uint8_t name = part_held(v, s);
    return name == 0 ? refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "preemption is not disabled") : reference_release(v, s, name);
}

/* ---- what RCU protects ---- */

enum status reference_read_lock(struct verifier *v, struct state *s) {
    uint8_t name;
    if (reads_held(v, s) != 0) { return refuse(v, STATUS_REFERENCE_LEAK, s->pc, "the RCU read lock is held already"); }
    enum status status = name_site(v, s, SITE_READS, &name);
    return status == STATUS_OK ? acquire(v, s, name) : status;
}

bool rcu_protects(const struct verifier *v, const struct state *s) {
    bool may_sleep = v->program->may_sleep || timer_lets_sleep(v);
    return !may_sleep || reference_reads(v, s);
}

static void leave_unprotected(struct reg *r) {
    bool object = r->kind == REG_OBJECT || r->kind == REG_OBJECT_OR_NULL;
    if (object && (r->map & OBJECT_RCU) != 0) { reg_lose(r, ORIGIN_CAST); }
}

static bool is_protected(const struct slot *slot) {
    return slot->spill_bytes != 0 && slot->reg.kind == REG_ITERATOR && iterator_is_protected(slot->reg.map);
}

/* What RCU protected may be gone: loads may follow its address, no more. False with an iterator that has not ended. */
static bool end_protection(struct state *s) {
    for (uint32_t f = 0; f <= s->depth; f++) {
        struct frame *frame = &s->frames[f];
        for (uint32_t r = 0; r < FRAME_POINTER; r++) { leave_unprotected(&frame->regs[r]); }
        for (uint64_t used = frame->used; used != 0; used &= used - 1) {
            struct slot *slot = &frame->slots[__builtin_ctzll(used)];
            if (is_protected(slot)) { return false; }
            if (slot->spill_bytes != 0) { leave_unprotected(&slot->reg); }
        }
    }
    return true;
}

enum status reference_read_unlock(struct verifier *v, struct state *s) {
    uint8_t name = reads_held(v, s);
    if (name != 0 && !end_protection(s)) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "an iterator that RCU protects has not ended"); }
    reference_void(s, REFERENCE_SHARED);
    return name == 0 ? refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "the RCU read lock is not held") : reference_release(v, s, name);
}

void reference_forget(struct verifier *v, struct state *s, uint8_t name) {
    /* Without one name the set is one that was held before it, or a new one; when there is no room it stays held. */
    if (held(v, s, name)) { (void)hold_without(v, s, name); }
}

static bool ends_with(const struct reg *r, uint8_t name) { return (reg_has_reference(r) || r->kind >= REG_OWN) && r->frame == name; }

void reference_void(struct state *s, uint8_t name) {
    for (uint32_t f = 0; f <= s->depth; f++) {
        struct frame *frame = &s->frames[f];
        for (uint32_t r = 0; r < FRAME_POINTER; r++) {
            if (ends_with(&frame->regs[r], name)) { reg_lose(&frame->regs[r], ORIGIN_RELEASED); }
        }
        stack_drop(frame, name);
    }
}

/* Acquired by an instruction of the functions that run in the outermost `frames` frames. None of them is in a frame behind those. */
static bool is_of(const struct verifier *v, const struct state *s, uint8_t name, uint32_t frames) {
    uint16_t site = v->references->sites[name];
    if (site >= SITE_DRAINED) { site = v->references->sites[site - SITE_DRAINED]; }
    if (site >= SITE_LOCKS) { return false; }
    uint32_t function = function_at(v, site), f = 0;
    while (f < frames && s->frames[f].function != function) { f++; }
    return f < frames;
}

static enum status check_ends(struct verifier *v, struct state *s, uint8_t name) {
    if (!held(v, s, name)) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "it is not held"); }
    if (is_of(v, s, name, callback_depth(v, s))) {
        return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "instruction %u of a caller acquired it, and a function that is called back may run again",
                      (uint64_t)v->references->sites[name]);
    }
    return STATUS_OK;
}

enum status reference_release(struct verifier *v, struct state *s, uint8_t name) {
    enum status status = check_ends(v, s, name);
    if (status != STATUS_OK) { return status; }
    if (!hold_without(v, s, name)) { return too_many(v, s); }
    reference_void(s, name);
    if (reference_drained(v, s, name)) { reference_forget(v, s, highest_held(v, s, SITE_DRAINED + name, SITE_DRAINED + name)); }
    return STATUS_OK;
}

static void pass_reg(struct reg *r, uint8_t name, enum reg_kind kind, uint8_t protection) {
    if (r->kind != REG_OWN || r->frame != name) { return; }
    r->kind = kind;
    r->frame = protection;
}

/* What is owned is another's from now on. */
static enum status pass(struct verifier *v, struct state *s, uint8_t name, enum reg_kind kind, uint8_t protection) {
    enum status status = check_ends(v, s, name);
    if (status != STATUS_OK) { return status; }
    for (uint32_t f = 0; f <= s->depth; f++) {
        struct frame *frame = &s->frames[f];
        for (uint32_t r = 0; r < FRAME_POINTER; r++) { pass_reg(&frame->regs[r], name, kind, protection); }
        for (uint64_t used = frame->used; used != 0; used &= used - 1) {
            struct slot *slot = &frame->slots[__builtin_ctzll(used)];
            if (slot->spill_bytes != 0) { pass_reg(&slot->reg, name, kind, protection); }
        }
    }
    return hold_without(v, s, name) ? STATUS_OK : too_many(v, s);
}

enum status reference_lend(struct verifier *v, struct state *s, uint8_t name) { return pass(v, s, name, REG_LENT, lock_held(v, s)); }

enum status reference_share(struct verifier *v, struct state *s, uint8_t name) { return pass(v, s, name, REG_SHARED, REFERENCE_SHARED); }

/* ---- iterators without another element ---- */

bool reference_drained(const struct verifier *v, const struct state *s, uint8_t name) {
    return highest_held(v, s, SITE_DRAINED + name, SITE_DRAINED + name) != 0;
}

enum status reference_drain(struct verifier *v, struct state *s, uint8_t name) {
    uint8_t drained;
    enum status status = name_site(v, s, SITE_DRAINED + name, &drained);
    return status == STATUS_OK ? acquire(v, s, drained) : status;
}

/* ---- the kernel's patience ---- */

static uint8_t patience_ended(const struct verifier *v, const struct state *s) {
    uint16_t site = (uint16_t)(SITE_PATIENCE + s->depth);
    return highest_held(v, s, site, site);
}

bool reference_patience_ended(const struct verifier *v, const struct state *s) { return patience_ended(v, s) != 0; }

enum status reference_end_patience(struct verifier *v, struct state *s) {
    uint8_t name;
    enum status status = name_site(v, s, (uint16_t)(SITE_PATIENCE + s->depth), &name);
    return status == STATUS_OK ? acquire(v, s, name) : status;
}

enum status reference_renew_patience(struct verifier *v, struct state *s) {
    uint8_t name = patience_ended(v, s);
    return name == 0 || hold_without(v, s, name) ? STATUS_OK : too_many(v, s);
}

static bool is_patience(const struct verifier *v, uint8_t name) { return v->references->sites[name] >= SITE_PATIENCE && v->references->sites[name] <= SITE_PATIENCE_LAST; }

enum status reference_none_but(struct verifier *v, struct state *s, uint32_t frames, const char *when) {
    if (!reference_any(s)) { return STATUS_OK; }
    const uint8_t *names = names_held(v, s)->names;
    uint32_t i = 0;
    while (i < SET_NAMES && names[i] != 0 && (is_patience(v, names[i]) || is_of(v, s, names[i], frames))) { i++; }
    uint8_t name = i < SET_NAMES ? names[i] : 0;
    if (name == 0) { return STATUS_OK; }
    if (lock_held(v, s) != 0) { return refuse(v, STATUS_REFERENCE_LEAK, s->pc, "a lock is held %s", when); }
    if (v->references->sites[name] == SITE_READS) { return refuse(v, STATUS_REFERENCE_LEAK, s->pc, "the RCU read lock is held %s", when); }
    if (v->references->sites[name] >= SITE_PARTS) { return refuse(v, STATUS_REFERENCE_LEAK, s->pc, "preemption is disabled %s", when); }
    return refuse(v, STATUS_REFERENCE_LEAK, s->pc, "what instruction %u acquired is held %s", (uint64_t)v->references->sites[name], when);
}
