/* Calls of helpers by their prototypes: effects and results. */

#include "bpf/verifier/argument.h"
#include "bpf/verifier/callback.h"
#include "bpf/verifier/dynptr.h"
#include "bpf/verifier/own.h"
#include "bpf/verifier/reference.h"
#include "bpf/verifier/timer.h"

static void set_length(struct reg *r0, int64_t most) {
    reg_set_scalar(r0);
    scalar_set_unknown(&r0->var);
    if (most < 0 || most > INT32_MAX) { return; }
    struct scalar limit, least;
    scalar_set_const(&limit, (uint64_t)most);
    (void)scalar_assume(BPF_JMP_JSLE, &r0->var, &limit, true);
    scalar_set_const(&least, (uint64_t)-4095);
    (void)scalar_assume(BPF_JMP_JSGE, &r0->var, &least, true);
}

/* Timers and work in the values of a map are tied to that very map (Linux, map_uid). */
static bool is_tied(const struct verifier *v, uint8_t map) {
    for (uint32_t i = 0; i < v->program->field_count; i++) {
        const struct bpf_map_field *field = &v->program->fields[i];
        if (field->map == map && (field->kind == FIELD_TIMER || field->kind == FIELD_WORK)) { return true; }
    }
    return v->program->fields == nullptr;
}

/* A map that is found in another one may have fewer entries than the one that is shown of it: arrays that say so, and those that each processor
 * has (Linux, array_map_meta_equal() and bpf_map_meta_equal()). */
static bool may_be_shorter(const struct verifier *v, const struct call *call) {
    enum { INNER_MAP = 1 << 12 };
    if (call->map->type == MAP_TYPE_ARRAY && (call->map->flags & INNER_MAP) == 0) { return false; }
    for (uint32_t i = 0; i < v->program->map_count; i++) {
        if (v->program->maps[i].inner == call->map_index + 1) { return true; }
    }
    return false;
}

/* What a lookup finds: a value, but another map in a map of maps, and a socket in a map of sockets. */
static enum status set_found(struct verifier *v, struct state *s, struct reg *r0, const struct call *call) {
    uint32_t type = call->map->type;
    if (OTHER_PLATFORMS && (type == ARRAY_OF_MAPS || type == HASH_OF_MAPS)) {
        if (call->map->inner == 0) {
            return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "map %u does not say what maps it holds", (uint64_t)call->map_index);
        }
        reg_set_pointer(r0, REG_MAP_OR_NULL);
        r0->map = (uint8_t)(call->map->inner - 1);
        enum status status = is_tied(v, r0->map) ? reference_name_map(v, s, &r0->frame) : STATUS_OK;
        if (status != STATUS_OK) { return status; }
    } else if (OTHER_PLATFORMS && (type == SOCKMAP || type == SOCKHASH || type == XSKMAP)) {
        reg_set_pointer(r0, REG_OBJECT_OR_NULL);
        r0->map = type == XSKMAP ? OBJECT_XDP_SOCKET : OBJECT_SOCKET;
        if (type != XSKMAP) {
            enum status status = reference_acquire(v, s, &r0->frame);
            if (status != STATUS_OK) { return status; }
        }
    } else {
        bool exists = (type == MAP_TYPE_ARRAY || type == MAP_TYPE_PERCPU_ARRAY) && call->key_known && call->key < call->map->max_entries;
        if (OTHER_PLATFORMS) { exists &= !may_be_shorter(v, call); }
        reg_set_pointer(r0, exists ? REG_MAP_VALUE : REG_MAP_VALUE_OR_NULL);
        r0->map = call->map_index;
        if (OTHER_PLATFORMS) { r0->frame = call->map_name; }
    }
    r0->id = new_id(v);
    return STATUS_OK;
}

static enum status set_object_result(struct verifier *v, struct state *s, struct reg *r0, const struct call *call) {
    uint32_t flags = call->prototype->flags;
    uint8_t object = call->prototype->object;
    if (call->own != 0) { return own_result(v, s, r0, call); }
    reg_set_pointer(r0, call->prototype->returns == RETURNS_OBJECT ? REG_OBJECT : REG_OBJECT_OR_NULL);
    r0->map = object == OBJECT_NONE ? call->object : object;
    r0->id = new_id(v);
    if ((flags & HELPER_CASTS) != 0 && call->reference != 0) {
        r0->frame = call->reference;
        r0->map |= OBJECT_CAST;
    }
    return (flags & HELPER_ACQUIRES) != 0 ? reference_acquire(v, s, &r0->frame) : STATUS_OK;
}

/* A struct, or a number of so many bytes. */
static void set_per_cpu(struct verifier *v, struct reg *r0, uint32_t kind, bool may_be_null) {
    reg_set_pointer(r0, kind == 0 ? REG_OBJECT : REG_MEMORY);
    if (may_be_null) { r0->kind = kind == 0 ? REG_OBJECT_OR_NULL : REG_MEMORY_OR_NULL; }
    r0->map = kind == 0 ? (uint8_t)OBJECT_KERNEL : (uint8_t)MEMORY_READS;
    r0->range = kind == 0 ? 0 : 1u << (kind - 1);
    r0->id = new_id(v);
}

/* Results that only other platforms' helpers have; false for a number. */
static bool set_platform_result(struct verifier *v, struct state *s, struct reg *r0, const struct call *call, enum status *status) {
    *status = STATUS_OK;
    switch (call->prototype->returns) {
    case RETURNS_NOTHING: r0->kind = REG_UNINIT; return true;
    case RETURNS_LENGTH: set_length(r0, call->size_max); return true;
    case RETURNS_MAP_VALUE:
        reg_set_pointer(r0, REG_MAP_VALUE);
        r0->map = call->map_index;
        r0->id = new_id(v);
        return true;
    case RETURNS_RECORD_OR_NULL:
        reg_set_pointer(r0, REG_MEMORY_OR_NULL);
        r0->range = call->constant < OFFSET_LIMIT ? (uint32_t)call->constant : 0;
        r0->id = new_id(v);
        *status = reference_acquire(v, s, &r0->frame);
        return true;
    case RETURNS_KERNEL_ADDRESS:
    case RETURNS_CAST_ADDRESS:
        reg_set_scalar(r0);
        scalar_set_unknown(&r0->var);
        r0->map = call->prototype->returns == RETURNS_CAST_ADDRESS ? ORIGIN_CAST : ORIGIN_KERNEL;
        return true;
    case RETURNS_ELEMENT_OR_NULL:
        reg_set_pointer(r0, REG_MEMORY_OR_NULL);
        r0->range = 4;
        r0->map = MEMORY_READS;
        r0->id = new_id(v);
        return true;
    case RETURNS_WALKED_OR_NULL:
        reg_set_pointer(r0, REG_OBJECT_OR_NULL);
        r0->map = iterator_gives(call->prototype->object);
        r0->id = new_id(v);
        return true;
    case RETURNS_WORD:
        reg_set_pointer(r0, REG_MEMORY);
        r0->range = 8;
        return true;
    case RETURNS_BYTES_OR_NULL:
        reg_set_pointer(r0, REG_MEMORY_OR_NULL);
        r0->range = call->constant < OFFSET_LIMIT ? (uint32_t)call->constant : 0;
        r0->id = new_id(v);
        return true;
    case RETURNS_SLICE_OR_NULL:
        *status = dynptr_slice(v, s, &call->iterator, call->constant, (call->prototype->flags & HELPER_SLICE_READS) != 0);
        return true;
    case RETURNS_PER_CPU:
    case RETURNS_PER_CPU_OR_NULL:
        if (call->own != 0) {
            *status = own_result(v, s, r0, call);
            return true;
        }
        set_per_cpu(v, r0, (uint32_t)call->constant, call->prototype->returns == RETURNS_PER_CPU_OR_NULL);
        return true;
    case RETURNS_OBJECT:
    case RETURNS_OBJECT_OR_NULL: *status = set_object_result(v, s, r0, call); return true;
    case RETURNS_OWN_OR_NULL:
    case RETURNS_COUNTED:
    case RETURNS_LENT_OR_NULL: *status = own_result(v, s, r0, call); return true;
    default: return false;
    }
}

static enum status set_result(struct verifier *v, struct state *s, const struct call *call) {
    struct reg *r0 = reg_at(s, 0);
    enum status status;
    for (uint32_t r = 1; r <= 5; r++) { reg_at(s, r)->kind = REG_UNINIT; }
    if (call->prototype->returns == RETURNS_MAP_VALUE_OR_NULL) { return set_found(v, s, r0, call); }
    if (OTHER_PLATFORMS && set_platform_result(v, s, r0, call, &status)) { return status; }
    reg_set_scalar(r0);
    scalar_set_unknown(&r0->var);
    return STATUS_OK;
}

/* ---- effects ---- */

void void_packet(struct state *s) {
    for (uint32_t f = 0; f <= s->depth; f++) {
        struct frame *frame = &s->frames[f];
        for (uint32_t r = 0; r < FRAME_POINTER; r++) {
            if (reg_is_of_packet(&frame->regs[r])) { reg_lose(&frame->regs[r], ORIGIN_STALE); }
        }
        stack_drop(frame, 0);
    }
}

static bool releases(const struct helper_prototype *prototype) {
    return prototype->arguments[0] == ARG_RELEASED_RECORD || prototype->arguments[0] == ARG_RELEASED_SOCKET ||
           prototype->arguments[0] == ARG_RELEASED_TYPED || prototype->arguments[0] == ARG_OWNED || prototype->arguments[0] == ARG_MADE || prototype->arguments[0] == ARG_OWNED_EACH || prototype->arguments[1] == ARG_GIVEN_OR_NULL;
}

/* What is thrown is what the program returns, unless it has a function that catches it. */
static enum status check_throw(struct verifier *v, struct state *s) {
    enum catches catches = v->program->catches;
    if (catches == CATCHES_ITSELF) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "the function that catches what is thrown throws itself"); }
    if (is_called_back(v, s)) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "thrown in a function that is called back"); }
    return catches == CATCHES_NOTHING ? check_exit_value(v, s, 1, "thrown") : reference_none(v, s, "where the program throws");
}

/* A function that is called back may run again, with pointers that its caller keeps. */
static enum status change_packet(struct verifier *v, struct state *s) {
    if (is_called_back(v, s)) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "the packet is changed in a function that is called back"); }
    void_packet(s);
    return STATUS_OK;
}

static enum status apply_dynptr(struct verifier *v, struct state *s, const struct call *call) {
    const struct helper_prototype *prototype = call->prototype;
    bool found = call->iterator.slot != nullptr;
    uint8_t kind = found ? call->iterator.slot->reg.map : OBJECT_NONE;
    if (found && call->iterator.slot->spill_bytes == 0) { return refuse(v, STATUS_HELPER_OVERLAP, s->pc, "another argument overwrites the dynptr"); }
    if (call->dynptr_argument != 0) { return dynptr_make(v, s, call->dynptr_argument, prototype->object, found ? &call->iterator : nullptr); }
    if (prototype->arguments[0] == ARG_DYNPTR_END) { return dynptr_end(v, s, &call->iterator); }
    if ((prototype->flags & HELPER_WRITES_DYNPTR) != 0 && kind == OBJECT_DYNPTR_SKB) { return change_packet(v, s); }
    bool slice = prototype->returns == RETURNS_SLICE_OR_NULL && (prototype->flags & (HELPER_SLICE_READS | HELPER_TAKES_PACKET)) == 0;
    if (slice && (v->type->flags & TYPE_PACKET_WRITE) == 0) {
        return refuse(v, STATUS_MEMORY_READ_ONLY, s->pc, "programs of this type do not write the packet, so they take slices that are only read");
    }
    return STATUS_OK;
}

static enum status apply_effects(struct verifier *v, struct state *s, const struct call *call) {
    const struct helper_prototype *prototype = call->prototype;
    uint32_t flags = prototype->flags;
    if ((flags & HELPER_WRITES_MAP) != 0 && (call->map->flags & MAP_FLAG_READ_ONLY) != 0) {
        return refuse(v, STATUS_MAP_READ_ONLY, s->pc, "map %u", (uint64_t)call->map_index);
    }
    if (!OTHER_PLATFORMS) { return STATUS_OK; }
    if (orders_tree(v, s)) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "a function that orders a tree calls a function of the kernel"); }
    if (reference_locked(v, s) && (flags & (HELPER_UNLOCKS | HELPER_WHILE_LOCKED)) == 0) { return refuse(v, STATUS_REFERENCE_LEAK, s->pc, "a helper is called while a lock is held"); }
    if (call->dynptr_argument != 0 || call->iterator.slot != nullptr) {
        enum status status = apply_dynptr(v, s, call);
        if (status != STATUS_OK) { return status; }
    }
    if (prototype->arguments[0] == ARG_ITERATOR_NEW) { return iterator_make(v, s, prototype->object); }
    if (prototype->arguments[0] == ARG_ITERATOR_END) { return iterator_end(v, s, &call->iterator); }
    if ((flags & HELPER_HOLDS) != 0) { return reference_hold_on(v, s); }
    if ((flags & HELPER_LETS_GO) != 0) { return reference_let_go(v, s); }
    if ((flags & HELPER_READ_LOCKS) != 0) { return reference_read_lock(v, s); }
    if ((flags & HELPER_READ_UNLOCKS) != 0) { return reference_read_unlock(v, s); }
    if ((flags & HELPER_THROWS) != 0) { return check_throw(v, s); }
    if ((flags & HELPER_LOCKS) != 0) { return reference_lock(v, s, 1); }
    if ((flags & HELPER_UNLOCKS) != 0) { return reference_unlock(v, s, 1); }
    if ((flags & HELPER_TAIL_CALLS) != 0) {
        if (is_called_back(v, s)) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "a tail call in a function that is called back"); }
        v->functions[s->frames[s->depth].function].tail_calls = true;
        enum status status = reference_none(v, s, "at a tail call");
        if (status != STATUS_OK) { return status; }
    }
    if ((flags & HELPER_CHANGES_PACKET) != 0) {
        enum status status = change_packet(v, s);
        if (status != STATUS_OK) { return status; }
    }
    uint8_t node = prototype->arguments[1];
    if (node == ARG_LIST_NODE || node == ARG_TREE_NODE) { return reference_lend(v, s, call->reference); }
    bool gives_null = node == ARG_GIVEN_OR_NULL && call->reference == 0;
    bool shares = node == ARG_GIVEN_OR_NULL && !gives_null && own_each(v, call->own) != 0 && rcu_protects(v, s);
    if (shares) { return reference_share(v, s, call->reference); }
    return releases(prototype) && !gives_null ? reference_release(v, s, call->reference) : STATUS_OK;
}

/* Maps of sockets change only where the kernel can take their lock. */
static enum status check_socket_map(struct verifier *v, struct state *s, const struct call *call, uint32_t id) {
    bool sockets = OTHER_PLATFORMS && call->map != nullptr && (call->map->type == SOCKMAP || call->map->type == SOCKHASH);
    if (!sockets || (call->prototype->flags & HELPER_WRITES_MAP) == 0) { return STATUS_OK; }
    uint64_t types = id == HELPER_MAP_DELETE_ELEM ? v->platform->socket_map_deleters : v->platform->socket_map_writers;
    if ((types >> v->program->hook & 1) != 0) { return STATUS_OK; }
    return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "r1 is a map of sockets, which programs of this type do not change");
}

enum status step_helper(struct verifier *v, struct state *s, uint32_t id) {
    if (platform_has_vector(v->platform, id)) { return step_vector(v, s, id); }
    struct call call = {.prototype = platform_helper(v->platform, id)};
    uint64_t types = call.prototype == nullptr ? 0 : call.prototype->types;
    if (OTHER_PLATFORMS && types != 0 && (types >> v->program->hook & 1) == 0) {
        return refuse(v, STATUS_UNKNOWN_HELPER, s->pc, "helper %u is not for programs of this type", (uint64_t)id);
    }
    if (call.prototype == nullptr || (types != 0 && (types >> v->program->hook & 1) == 0)) {
        return refuse(v, STATUS_UNKNOWN_HELPER, s->pc, "helper %u", (uint64_t)id);
    }
    if (OTHER_PLATFORMS && (call.prototype->flags & HELPER_SLEEPS) != 0 && (!timer_lets_sleep(v) || reference_stays_awake(v, s))) {
        return refuse(v, STATUS_UNKNOWN_HELPER, s->pc, "helper %u may sleep, which is not allowed here", (uint64_t)id);
    }
    for (uint32_t i = 0; i < 5 && call.prototype->arguments[i] != ARG_NONE; i++) {
        enum status status = check_argument(v, s, i + 1, call.prototype->arguments[i], &call);
        if (status != STATUS_OK) { return status; }
    }
    enum status status = check_socket_map(v, s, &call, id);
    if (status == STATUS_OK) { status = apply_effects(v, s, &call); }
    bool leads_on = helper_leads_on(v->platform, id) || (call.prototype->flags & HELPER_OWNS) != 0;
    if (OTHER_PLATFORMS && leads_on && !v->follows_callbacks) {
        return refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, s->pc, "certificates do not follow helper %u", (uint64_t)id);
    }
    if (OTHER_PLATFORMS && status == STATUS_OK && (call.prototype->flags & HELPER_CALLS_BACK) != 0) {
        if (call.prototype->arguments[0] == ARG_TREE) { return STATUS_OK; } /* whose function acquires nothing, and the lock is held */
        return reference_none_but(v, s, s->depth + 1, "at a call that calls back");
    }
    return status == STATUS_OK ? set_result(v, s, &call) : status;
}
