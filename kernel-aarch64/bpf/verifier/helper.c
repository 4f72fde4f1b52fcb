/* Calls of helpers by their prototypes. */

#include "bpf/verifier/callback.h"
#include "bpf/verifier/dynptr.h"
#include "bpf/verifier/reference.h"

/* Linux's types of maps that mean something here. */
enum { ARRAY_OF_MAPS = 12, HASH_OF_MAPS = 13, SOCKMAP = 15, XSKMAP = 17, SOCKHASH = 18 };

/* What the arguments of one call said. */
struct call {
    const struct helper_prototype *prototype;
    const struct bpf_map_shape *map;
    uint8_t map_index;
    uint8_t reference, object; /* of the object argument */
    uint32_t map_argument;
    bool key_known;    /* the key of a map of 4-byte keys is `key` */
    uint32_t key;
    uint64_t constant; /* of ARG_CONST */
    int64_t size_max;  /* of the last size argument */
    struct iterator iterator; /* or dynptr */
    uint32_t dynptr_argument; /* where one is made, or 0 */
};

static enum status refuse_argument(struct verifier *v, struct state *s, uint32_t r, const char *wanted) {
    enum status status = OTHER_PLATFORMS ? refuse_lost(v, s, r) : STATUS_OK;
    if (status != STATUS_OK) { return status; }
    return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "%r is %R, the helper wants %s", r, reg_at(s, r), wanted);
}

static bool is_zero(const struct reg *r) { return r->kind == REG_SCALAR && scalar_is_const(&r->var) && r->var.value == 0; }

/* Memory of `bytes` at argument r; other errors than a wrong type become STATUS_HELPER_MEMORY. */
static enum status check_argument_memory(struct verifier *v, struct state *s, uint32_t r, uint64_t bytes, uint8_t access) {
    const struct reg *p = reg_at(s, r);
    enum status status;
    switch (p->kind) {
    case REG_STACK: status = (access & ACCESS_WRITE) != 0 ? stack_fill(v, s, p, bytes) : stack_readable(v, s, p, 0, bytes); break;
    case REG_PACKET:
    case REG_PACKET_META:
    case REG_MEMORY:
    case REG_MAP_VALUE: status = check_memory(v, s, p, r, 0, bytes, access); break;
    case REG_MEMORY_OR_NULL:
    case REG_MAP_VALUE_OR_NULL: return refuse(v, STATUS_NULL_DEREFERENCE, s->pc, "%r is %R", r, p);
    default: return refuse_argument(v, s, r, "a pointer to memory");
    }
    if (status != STATUS_OK) { v->result->status = status = STATUS_HELPER_MEMORY; }
    return status;
}

static enum status check_sized_memory(struct verifier *v, struct state *s, uint32_t r, const struct call *call, uint8_t access) {
    enum status status = require_set(v, s, r + 1);
    if (status != STATUS_OK) { return status; }
    const struct reg *size = reg_at(s, r + 1);
    if (size->kind != REG_SCALAR) { return refuse_argument(v, s, r + 1, "a number of bytes"); }
    bool may_be_zero = call->prototype->arguments[r] == ARG_SIZE_OR_ZERO;
    if ((size->var.umin == 0 && !may_be_zero) || size->var.umax >= OFFSET_LIMIT) {
        return refuse(v, STATUS_HELPER_MEMORY, s->pc, "%r is %R, the helper wants a size of %u or more with a bound", r + 1, size,
                      (uint64_t)!may_be_zero);
    }
    uint8_t type = call->prototype->arguments[r - 1];
    bool null_allowed = type == ARG_MEMORY_OR_NULL || type == ARG_OUT_OR_NULL || !is_privileged(v);
    if (size->var.umax == 0 && is_zero(reg_at(s, r)) && null_allowed) { return STATUS_OK; }
    return check_argument_memory(v, s, r, size->var.umax, access);
}

static enum status check_map(struct verifier *v, struct state *s, uint32_t r, struct call *call) {
    const struct reg *value = reg_at(s, r);
    if (value->kind == REG_MAP_OR_NULL) { return refuse(v, STATUS_NULL_DEREFERENCE, s->pc, "%r is %R", r, value); }
    if (value->kind != REG_MAP) { return refuse_argument(v, s, r, "a map"); }
    call->map = &v->program->maps[value->map];
    call->map_index = value->map;
    call->map_argument = r;
    uint64_t maps = call->prototype->maps;
    if (maps != 0 && (call->map->type > 63 || (maps >> call->map->type & 1) == 0)) {
        return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "%r is a map of type %u, which this helper does not take", r,
                      (uint64_t)call->map->type);
    }
    return STATUS_OK;
}

static bool is_socket(uint8_t object) {
    return object == OBJECT_SOCK_COMMON || object == OBJECT_SOCKET || object == OBJECT_TCP_SOCKET;
}

static enum status check_object(struct verifier *v, struct state *s, uint32_t r, uint8_t type, struct call *call) {
    const struct reg *value = reg_at(s, r);
    if (kind_may_be_null(value->kind)) { return refuse(v, STATUS_NULL_DEREFERENCE, s->pc, "%r is %R", r, value); }
    bool takes_kernel = type == ARG_KERNEL_OBJECT || type == ARG_MAP_VALUE; /* the value of a map of sockets */
    if (takes_kernel && value->kind == REG_SCALAR && value->map == ORIGIN_KERNEL) {
        call->reference = 0;
        call->object = OBJECT_KERNEL;
        return STATUS_OK;
    }
    bool record = type == ARG_RELEASED_RECORD;
    uint8_t object = value->kind == REG_OBJECT ? value->map & (uint8_t)~OBJECT_CAST : OBJECT_NONE;
    bool kernel = takes_kernel || (type == ARG_RELEASED_SOCKET && value->frame != 0); /* the socket that it was cast from */
    bool fits = record ? value->kind == REG_MEMORY && value->frame != 0 && value->off == 0 && scalar_is_const(&value->var)
                       : is_socket(object) || (kernel && object_is_kernel(object));
    if (value->kind == REG_OBJECT && value->off != 0 && !(takes_kernel && value->frame == 0)) { fits = false; }
    if (!fits) { return refuse_argument(v, s, r, record ? "the start of a record" : "an object"); }
    call->reference = value->frame;
    call->object = object;
    if (type != ARG_RELEASED_RECORD && type != ARG_RELEASED_SOCKET) { return STATUS_OK; }
    if (value->frame == 0) { return refuse_argument(v, s, r, "what was acquired before"); }
    return STATUS_OK;
}

static const char *typed_name(uint8_t object) {
    switch (object) {
    case OBJECT_TASK: return "a task that is known to be one";
    case OBJECT_CGROUP: return "a cgroup that is known to be one";
    case OBJECT_CPUMASK: return "a mask of processors that is known to be one";
    default: return "an object that is known to be of its type";
    }
}

static enum status check_typed(struct verifier *v, struct state *s, uint32_t r, uint8_t type, struct call *call) {
    const struct reg *value = reg_at(s, r);
    if (kind_may_be_null(value->kind)) { return refuse(v, STATUS_NULL_DEREFERENCE, s->pc, "%r is %R", r, value); }
    bool fits = value->kind == REG_OBJECT && value->map == call->prototype->object && value->off == 0 && scalar_is_const(&value->var);
    if (!fits) { return refuse_argument(v, s, r, typed_name(call->prototype->object)); }
    call->object = value->map;
    call->reference = value->frame;
    bool released = type == ARG_RELEASED_TYPED && value->frame == 0;
    return released ? refuse_argument(v, s, r, "what was acquired before") : STATUS_OK;
}

static enum status check_lock(struct verifier *v, struct state *s, uint32_t r) {
    const struct reg *value = reg_at(s, r);
    if (value->kind != REG_MAP_VALUE || !scalar_is_const(&value->var)) { return refuse_argument(v, s, r, "a lock in a map value"); }
    if (v->program->fields != nullptr) {
        int64_t at = value->off + (int64_t)value->var.value;
        for (uint32_t i = 0; i < v->program->field_count; i++) {
            const struct bpf_map_field *field = &v->program->fields[i];
            if (field->map == value->map && field->kind == FIELD_LOCK && (int64_t)field->offset == at) { return STATUS_OK; }
        }
        return refuse_argument(v, s, r, "a lock in a map value");
    }
    return check_argument_memory(v, s, r, 4, ACCESS_READ | ACCESS_WRITE);
}

/* Linux, check_arg_const_str(). */
static enum status check_string(struct verifier *v, struct state *s, uint32_t r) {
    const struct reg *p = reg_at(s, r);
    bool fits = p->kind == REG_MAP_VALUE && (v->program->maps[p->map].flags & MAP_FLAG_READ_ONLY) != 0;
    if (!fits) { return refuse_argument(v, s, r, "a string in a map that programs only read"); }
    const uint8_t *at = known_contents(v, p, 0, 1);
    uint64_t left = at == nullptr ? 0 : (uint64_t)(v->program->contents[p->map] + v->program->maps[p->map].value_size - at);
    for (uint64_t i = 0; i < left; i++) {
        if (at[i] == 0) { return STATUS_OK; }
    }
    return refuse_argument(v, s, r, "a string that is known and ends with a 0");
}

static enum status check_number(struct verifier *v, struct state *s, uint32_t r, uint8_t type, struct call *call) {
    const struct reg *value = reg_at(s, r);
    if (value->kind != REG_SCALAR) { return refuse_argument(v, s, r, "a number"); }
    call->size_max = value->var.smax;
    if (type != ARG_CONST) { return STATUS_OK; }
    if (!scalar_is_const(&value->var)) { return refuse_argument(v, s, r, "a known number"); }
    call->constant = value->var.value;
    return STATUS_OK;
}

static enum status check_out_number(struct verifier *v, struct state *s, uint32_t r, uint32_t bytes) {
    enum status status = check_argument_memory(v, s, r, bytes, ACCESS_WRITE);
    const struct reg *p = reg_at(s, r);
    uint64_t may_be_set = (uint64_t)(int64_t)p->off | p->var.value | p->var.mask;
    if (status != STATUS_OK || (may_be_set & (bytes - 1)) == 0) { return status; }
    return refuse(v, STATUS_MISALIGNED_ACCESS, s->pc, "%r is %R, the helper stores %u bytes there", r, p, (uint64_t)bytes);
}

static bool is_packet(const struct reg *r) {
    return r->kind == REG_PACKET || r->kind == REG_PACKET_END || r->kind == REG_PACKET_META;
}

static enum status check_dynptr(struct verifier *v, struct state *s, uint32_t r, uint8_t type, struct call *call) {
    if (type != ARG_DYNPTR_NEW) { return dynptr_find(v, s, r, &call->iterator); }
    call->dynptr_argument = r;
    return dynptr_place(v, s, r);
}

static enum status check_packet_owner(struct verifier *v, struct state *s, uint32_t r, struct call *call) {
    if ((v->type->flags & TYPE_LEGACY_LOADS) == 0) { return check_object(v, s, r, ARG_KERNEL_OBJECT, call); }
    const struct reg *value = reg_at(s, r);
    return value->kind == REG_CONTEXT && value->off == 0 ? STATUS_OK : refuse_argument(v, s, r, "the context as it came in");
}

/* Arguments that only other platforms' helpers have. */
static enum status check_platform_argument(struct verifier *v, struct state *s, uint32_t r, uint8_t type, struct call *call) {
    const struct reg *value = reg_at(s, r);
    switch (type) {
    case ARG_ANY:
        return !reg_is_pointer(value) || is_privileged(v) ? STATUS_OK : refuse_argument(v, s, r, "a number");
    case ARG_CONST:
    case ARG_SIZE_OR_ZERO: return check_number(v, s, r, type, call);
    case ARG_CONTEXT_OR_NULL:
        if (is_zero(value)) { return STATUS_OK; }
        [[fallthrough]];
    case ARG_CONTEXT:
        return value->kind == REG_CONTEXT && value->off == 0 ? STATUS_OK : refuse_argument(v, s, r, "the context as it came in");
    case ARG_MEMORY_OR_NULL: return check_sized_memory(v, s, r, call, ACCESS_READ);
    case ARG_OUT:
    case ARG_OUT_OR_NULL: return check_sized_memory(v, s, r, call, ACCESS_WRITE);
    case ARG_FUNCTION: return value->kind == REG_FUNCTION ? STATUS_OK : refuse_argument(v, s, r, "a function of the program");
    case ARG_STACK_OR_NULL: return value->kind == REG_STACK || is_zero(value) ? STATUS_OK : refuse_argument(v, s, r, "a place on the stack, or 0");
    case ARG_ZERO: return is_zero(value) ? STATUS_OK : refuse_argument(v, s, r, "0");
    case ARG_OUT_8: return check_out_number(v, s, r, 8);
    case ARG_OUT_4: return check_out_number(v, s, r, 4);
    case ARG_MAP_VALUE_OUT: return check_argument_memory(v, s, r, call->map->value_size, ACCESS_WRITE);
    case ARG_MAP_VALUE_OR_NULL:
        return is_zero(value) ? STATUS_OK : check_argument_memory(v, s, r, call->map->value_size, ACCESS_READ);
    case ARG_LOCK: return check_lock(v, s, r);
    case ARG_ITERATOR_NEW: return iterator_place(v, s, r, call->prototype->object);
    case ARG_ITERATOR:
    case ARG_ITERATOR_END: return iterator_find(v, s, r, call->prototype->object, &call->iterator);
    case ARG_DYNPTR_NEW:
    case ARG_DYNPTR:
    case ARG_DYNPTR_END: return check_dynptr(v, s, r, type, call);
    case ARG_VALUE_OUT:
        return value->kind == REG_MAP_VALUE ? check_sized_memory(v, s, r, call, ACCESS_WRITE) : refuse_argument(v, s, r, "the value of a map");
    case ARG_BUFFER_OR_NULL: return is_zero(value) ? STATUS_OK : check_sized_memory(v, s, r, call, ACCESS_WRITE);
    case ARG_MEMORY_20: return check_argument_memory(v, s, r, 20, ACCESS_READ);
    case ARG_MEMORY_40: return check_argument_memory(v, s, r, 40, ACCESS_READ);
    case ARG_PACKET_OWNER: return check_packet_owner(v, s, r, call);
    case ARG_TYPED:
    case ARG_RELEASED_TYPED: return check_typed(v, s, r, type, call);
    case ARG_STRING: return check_string(v, s, r);
    default: return check_object(v, s, r, type, call);
    }
}

static enum status check_argument(struct verifier *v, struct state *s, uint32_t r, uint8_t type, struct call *call) {
    enum status status = require_set(v, s, r);
    if (status != STATUS_OK) { return status; }
    bool packet = is_privileged(v) && type != ARG_ANY && is_packet(reg_at(s, r));
    if (packet && (call->prototype->flags & HELPER_TAKES_PACKET) == 0) { return refuse_argument(v, s, r, "nothing of the packet"); }
    switch (type) {
    case ARG_SCALAR:
    case ARG_SIZE: return check_number(v, s, r, type, call);
    case ARG_MAP: return check_map(v, s, r, call);
    case ARG_MAP_KEY:
        call->key_known = is_privileged(v) && stack_constant(s, reg_at(s, r), &call->key);
        return check_argument_memory(v, s, r, call->map->key_size, ACCESS_READ);
    case ARG_MAP_VALUE:
        if (OTHER_PLATFORMS && (call->map->type == SOCKMAP || call->map->type == SOCKHASH)) { return check_object(v, s, r, type, call); }
        return check_argument_memory(v, s, r, call->map->value_size, ACCESS_READ);
    case ARG_MEMORY: return check_sized_memory(v, s, r, call, ACCESS_READ);
    default:
        if (OTHER_PLATFORMS) { return check_platform_argument(v, s, r, type, call); }
        return refuse_argument(v, s, r, "of another platform");
    }
}

/* ---- results ---- */

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

/* What a lookup finds: a value, but another map in a map of maps, and a socket in a map of sockets. */
static enum status set_found(struct verifier *v, struct state *s, struct reg *r0, const struct call *call) {
    uint32_t type = call->map->type;
    if (OTHER_PLATFORMS && (type == ARRAY_OF_MAPS || type == HASH_OF_MAPS)) {
        if (call->map->inner == 0) {
            return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "map %u does not say what maps it holds", (uint64_t)call->map_index);
        }
        reg_set_pointer(r0, REG_MAP_OR_NULL);
        r0->map = (uint8_t)(call->map->inner - 1);
    } else if (OTHER_PLATFORMS && (type == SOCKMAP || type == SOCKHASH || type == XSKMAP)) {
        reg_set_pointer(r0, REG_OBJECT_OR_NULL);
        r0->map = type == XSKMAP ? OBJECT_XDP_SOCKET : OBJECT_SOCKET;
        if (type != XSKMAP) {
            enum status status = reference_acquire(v, s, &r0->frame);
            if (status != STATUS_OK) { return status; }
        }
    } else {
        bool exists = (type == MAP_TYPE_ARRAY || type == MAP_TYPE_PERCPU_ARRAY) && call->key_known && call->key < call->map->max_entries;
        reg_set_pointer(r0, exists ? REG_MAP_VALUE : REG_MAP_VALUE_OR_NULL);
        r0->map = call->map_index;
    }
    r0->id = new_id(v);
    return STATUS_OK;
}

static enum status set_object_result(struct verifier *v, struct state *s, struct reg *r0, const struct call *call) {
    uint16_t flags = call->prototype->flags;
    uint8_t object = call->prototype->object;
    reg_set_pointer(r0, call->prototype->returns == RETURNS_OBJECT ? REG_OBJECT : REG_OBJECT_OR_NULL);
    r0->map = object == OBJECT_NONE ? call->object : object;
    r0->id = new_id(v);
    if ((flags & HELPER_CASTS) != 0 && call->reference != 0) {
        r0->frame = call->reference;
        r0->map |= OBJECT_CAST;
    }
    return (flags & HELPER_ACQUIRES) != 0 ? reference_acquire(v, s, &r0->frame) : STATUS_OK;
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
    case RETURNS_SLICE_OR_NULL:
        *status = dynptr_slice(v, s, &call->iterator, call->constant, (call->prototype->flags & HELPER_SLICE_READS) != 0);
        return true;
    case RETURNS_OBJECT:
    case RETURNS_OBJECT_OR_NULL: *status = set_object_result(v, s, r0, call); return true;
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
           prototype->arguments[0] == ARG_RELEASED_TYPED;
}

/* What is thrown is what the program returns, unless it has a function that catches it. */
static enum status check_throw(struct verifier *v, struct state *s) {
    enum catches catches = v->program->catches;
    if (catches == CATCHES_ITSELF) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "the function that catches what is thrown throws itself"); }
    if (callback_depth(v, s) != 0) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "thrown in a function that is called back"); }
    return catches == CATCHES_NOTHING ? check_exit_value(v, s, 1, "thrown") : reference_none(v, s, "where the program throws");
}

static enum status apply_dynptr(struct verifier *v, struct state *s, const struct call *call) {
    const struct helper_prototype *prototype = call->prototype;
    bool found = call->iterator.slot != nullptr;
    uint8_t kind = found ? call->iterator.slot->reg.map : OBJECT_NONE;
    if (found && call->iterator.slot->spill_bytes == 0) { return refuse(v, STATUS_HELPER_OVERLAP, s->pc, "another argument overwrites the dynptr"); }
    if (call->dynptr_argument != 0) { return dynptr_make(v, s, call->dynptr_argument, prototype->object, found ? &call->iterator : nullptr); }
    if (prototype->arguments[0] == ARG_DYNPTR_END) { return dynptr_end(v, s, &call->iterator); }
    if ((prototype->flags & HELPER_WRITES_DYNPTR) != 0 && kind == OBJECT_DYNPTR_SKB) { void_packet(s); }
    bool slice = prototype->returns == RETURNS_SLICE_OR_NULL && (prototype->flags & (HELPER_SLICE_READS | HELPER_TAKES_PACKET)) == 0;
    if (slice && (v->type->flags & TYPE_PACKET_WRITE) == 0) {
        return refuse(v, STATUS_MEMORY_READ_ONLY, s->pc, "programs of this type do not write the packet, so they take slices that are only read");
    }
    return STATUS_OK;
}

static enum status apply_effects(struct verifier *v, struct state *s, const struct call *call) {
    const struct helper_prototype *prototype = call->prototype;
    uint16_t flags = prototype->flags;
    if ((flags & HELPER_WRITES_MAP) != 0 && (call->map->flags & MAP_FLAG_READ_ONLY) != 0) {
        return refuse(v, STATUS_MAP_READ_ONLY, s->pc, "map %u", (uint64_t)call->map_index);
    }
    if (!OTHER_PLATFORMS) { return STATUS_OK; }
    if (reference_locked(v, s) && (flags & HELPER_UNLOCKS) == 0) { return refuse(v, STATUS_REFERENCE_LEAK, s->pc, "a helper is called while a lock is held"); }
    if (call->dynptr_argument != 0 || call->iterator.slot != nullptr) {
        enum status status = apply_dynptr(v, s, call);
        if (status != STATUS_OK) { return status; }
    }
    if (prototype->arguments[0] == ARG_ITERATOR_NEW) { return iterator_make(v, s, prototype->object); }
    if (prototype->arguments[0] == ARG_ITERATOR_END) { return iterator_end(v, s, &call->iterator); }
    if ((flags & HELPER_HOLDS) != 0) { return reference_hold_on(v, s); }
    if ((flags & HELPER_LETS_GO) != 0) { return reference_let_go(v, s); }
    if ((flags & HELPER_THROWS) != 0) { return check_throw(v, s); }
    if ((flags & HELPER_LOCKS) != 0) { return reference_lock(v, s, 1); }
    if ((flags & HELPER_UNLOCKS) != 0) { return reference_unlock(v, s, 1); }
    if ((flags & HELPER_TAIL_CALLS) != 0) {
        if (callback_depth(v, s) != 0) { return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "a tail call in a function that is called back"); }
        v->functions[s->frames[s->depth].function].tail_calls = true;
        enum status status = reference_none(v, s, "at a tail call");
        if (status != STATUS_OK) { return status; }
    }
    if ((flags & HELPER_CHANGES_PACKET) != 0 && callback_depth(v, s) != 0) {
        return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "the packet is changed in a function that is called back");
    }
    if ((flags & HELPER_CHANGES_PACKET) != 0) { void_packet(s); }
    return releases(prototype) ? reference_release(v, s, call->reference) : STATUS_OK;
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
    if (OTHER_PLATFORMS && (call.prototype->flags & HELPER_SLEEPS) != 0 && (!v->program->may_sleep || reference_holds_on(v, s))) {
        return refuse(v, STATUS_UNKNOWN_HELPER, s->pc, "helper %u may sleep, which is not allowed here", (uint64_t)id);
    }
    for (uint32_t i = 0; i < 5 && call.prototype->arguments[i] != ARG_NONE; i++) {
        enum status status = check_argument(v, s, i + 1, call.prototype->arguments[i], &call);
        if (status != STATUS_OK) { return status; }
    }
    enum status status = check_socket_map(v, s, &call, id);
    if (status == STATUS_OK) { status = apply_effects(v, s, &call); }
    if (OTHER_PLATFORMS && helper_leads_on(v->platform, id) && !v->follows_callbacks) {
        return refuse(v, STATUS_UNSUPPORTED_INSTRUCTION, s->pc, "certificates do not follow helper %u", (uint64_t)id);
    }
    if (OTHER_PLATFORMS && status == STATUS_OK && (call.prototype->flags & HELPER_CALLS_BACK) != 0) {
        return reference_none(v, s, "at a call that calls back");
    }
    return status == STATUS_OK ? set_result(v, s, &call) : status;
}
