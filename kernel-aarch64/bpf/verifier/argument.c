#include "bpf/verifier/argument.h"
#include "bpf/verifier/callback.h"
#include "bpf/verifier/own.h"
#include "bpf/verifier/reference.h"

static enum status refuse_argument(struct verifier *v, struct state *s, uint32_t r, const char *wanted) {
    enum status status = OTHER_PLATFORMS ? refuse_lost(v, s, r) : STATUS_OK;
    if (status != STATUS_OK) { return status; }
    return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "%r is %R, the helper wants %s", r, reg_at(s, r), wanted);
}

static bool is_zero(const struct reg *r) { return r->kind == REG_SCALAR && scalar_is_const(&r->var) && r->var.value == 0; }

/* Linux, check_helper_mem_access(): the context as it came in, and bytes of an object that is trusted. */
static bool is_plain_context(const struct verifier *v, const struct reg *p, uint64_t bytes) {
    return (v->type->flags & TYPE_PLAIN) != 0 && p->off == 0 && bytes <= v->type->context_bytes;
}

static bool is_known_text(const struct verifier *v, const struct reg *p, uint64_t bytes, uint8_t access) {
    bool reads = access == ACCESS_READ && (p->map & OBJECT_RCU) == 0 && bytes != 0 && bytes <= UINT16_MAX && scalar_is_const(&p->var);
    return reads && part_at(v, p->map, PART_BYTES, p->off, (uint32_t)bytes) != nullptr;
}

enum status check_argument_memory(struct verifier *v, struct state *s, uint32_t r, uint64_t bytes, uint8_t access) {
    const struct reg *p = reg_at(s, r);
    enum status status;
    switch (p->kind) {
    case REG_STACK: status = (access & ACCESS_WRITE) != 0 ? stack_fill(v, s, p, bytes) : stack_readable(v, s, p, 0, bytes); break;
    case REG_PACKET:
    case REG_PACKET_META:
    case REG_MEMORY:
    case REG_MAP_VALUE: status = check_memory(v, s, p, r, 0, bytes, access); break;
    case REG_CONTEXT:
        if (!OTHER_PLATFORMS || !is_plain_context(v, p, bytes)) { return refuse_argument(v, s, r, "a pointer to memory"); }
        return STATUS_OK;
    case REG_OBJECT:
        if (!OTHER_PLATFORMS || !is_known_text(v, p, bytes, access)) { return refuse_argument(v, s, r, "a pointer to memory"); }
        return STATUS_OK;
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
    if (OTHER_PLATFORMS) { call->map_name = value->frame; }
    call->map_argument = r;
    uint8_t first = call->prototype->arguments[0];
    if (OTHER_PLATFORMS && (first == ARG_TIMER || first == ARG_WORK) && !reference_same_map(v, reg_at(s, 1), value)) {
        return refuse_argument(v, s, r, first == ARG_TIMER ? "the map of the value that the timer is in" : "the map of the value that the work is in");
    }
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

static const char *typed_name(uint8_t object) {
    switch (object) {
    case OBJECT_TASK: return "a task that is known to be one";
    case OBJECT_CGROUP: return "a cgroup that is known to be one";
    case OBJECT_FILE: return "a file that is known to be one";
    case OBJECT_PATH: return "a path that is known to be one";
    case OBJECT_MASK:
    case OBJECT_CPUMASK: return "a mask of processors that is known to be one";
    case OBJECT_TCP: return "a TCP socket that is known to be one";
    case OBJECT_HID_CONTEXT: return "the context of a HID device";
    case OBJECT_CONNTRACK_NEW: return "a connection that was made and not inserted";
    case OBJECT_CSS: return "a cgroup, or what it is to a controller, that is known to be one";
    default: return "an object that is known to be of its type";
    }
}

/* An object of the kernel, or an address that may be one's; where more is known of it than that, it is of this kind. */
static enum status check_kernel_kind(struct verifier *v, struct state *s, uint32_t r, uint8_t kind, struct call *call) {
    const struct reg *value = reg_at(s, r);
    if (kind_may_be_null(value->kind)) { return refuse(v, STATUS_NULL_DEREFERENCE, s->pc, "%r is %R", r, value); }
    bool address = value->kind == REG_SCALAR && origin_is_handed(value->map);
    bool inside = kind == OBJECT_PATH && value->map == OBJECT_FILE && value->off != 0;
    uint8_t has = value->map & (uint8_t)~OBJECT_RCU;
    bool fits = address || (value->kind == REG_OBJECT && (has == OBJECT_KERNEL || has == kind || inside) && (value->off == 0 || value->frame == 0));
    if (!fits) { return refuse_argument(v, s, r, typed_name(kind)); }
    call->reference = address ? 0 : value->frame;
    call->object = address ? (uint8_t)OBJECT_KERNEL : has;
    return STATUS_OK;
}

static enum status check_object(struct verifier *v, struct state *s, uint32_t r, uint8_t type, struct call *call) {
    const struct reg *value = reg_at(s, r);
    if (kind_may_be_null(value->kind)) { return refuse(v, STATUS_NULL_DEREFERENCE, s->pc, "%r is %R", r, value); }
    if (type == ARG_KERNEL_OBJECT && (v->type->flags & TYPE_SOCKET) != 0 && value->kind == REG_CONTEXT && value->off == 0) { return STATUS_OK; }
    bool takes_kernel = type == ARG_KERNEL_OBJECT || type == ARG_MAP_VALUE; /* the value of a map of sockets */
    if (takes_kernel && value->kind == REG_SCALAR && origin_is_handed(value->map)) {
        call->reference = 0;
        call->object = OBJECT_KERNEL;
        return STATUS_OK;
    }
    bool record = type == ARG_RELEASED_RECORD;
    uint8_t object = value->kind == REG_OBJECT ? value->map & (uint8_t)~OBJECT_CAST : OBJECT_NONE;
    bool plain = takes_kernel && value->off != 0 && (object == OBJECT_FILE || object == OBJECT_PATH); /* what lies in them */
    bool kernel = takes_kernel || (type == ARG_RELEASED_SOCKET && value->frame != 0); /* the socket that it was cast from */
    bool fits = record ? value->kind == REG_MEMORY && value->frame != 0 && value->off == 0 && scalar_is_const(&value->var)
                       : is_socket(object) || plain || (kernel && (object == OBJECT_KERNEL || object == OBJECT_HALF_SOCKET)) || (takes_kernel && object == OBJECT_TCP && value->off == 0);
    if (value->kind == REG_OBJECT && value->off != 0 && !(takes_kernel && value->frame == 0)) { fits = false; }
    if (!fits) { return refuse_argument(v, s, r, record ? "the start of a record" : "an object"); }
    call->reference = value->frame;
    call->object = object;
    if (type != ARG_RELEASED_RECORD && type != ARG_RELEASED_SOCKET) { return STATUS_OK; }
    if (value->frame == 0) { return refuse_argument(v, s, r, "what was acquired before"); }
    return STATUS_OK;
}

/* The object itself, or one that it holds. */
static bool is_of_kind(const struct verifier *v, const struct reg *r, uint8_t type, uint8_t kind, bool rcu) {
    uint8_t has = (r->map & OBJECT_RCU) != 0 && rcu ? object_kind_of(r->map) : r->map;
    if (!scalar_is_const(&r->var)) { return false; }
    if (r->off == 0) { return has == kind || (type == ARG_MASK && has == OBJECT_CPUMASK) || (type == ARG_CSS && has == OBJECT_CGROUP); }
    if ((r->map & OBJECT_RCU) != 0 && !rcu) { return false; }
    const struct bpf_part *part = part_at(v, r->map, PART_HOLDS, r->off, 1);
    return part != nullptr && part->to == kind && part->offset == (uint32_t)r->off && type != ARG_RELEASED_TYPED;
}

static enum status check_typed(struct verifier *v, struct state *s, uint32_t r, uint8_t type, uint8_t kind, struct call *call) {
    const struct reg *value = reg_at(s, r);
    if (kind_may_be_null(value->kind)) { return refuse(v, STATUS_NULL_DEREFERENCE, s->pc, "%r is %R", r, value); }
    bool fits = value->kind == REG_OBJECT && is_of_kind(v, value, type, kind, (call->prototype->flags & HELPER_TAKES_RCU) != 0);
    if (!fits) { return refuse_argument(v, s, r, typed_name(kind)); }
    call->object = object_kind_of(value->map);
    call->reference = value->frame;
    bool released = type == ARG_RELEASED_TYPED && value->frame == 0;
    return released ? refuse_argument(v, s, r, "what was acquired before") : STATUS_OK;
}

/* Linux, reg2btf_ids: what begins like a socket, as what a cast gives that is not half of one. */
static enum status check_whole_socket(struct verifier *v, struct state *s, uint32_t r, struct call *call) {
    const struct reg *value = reg_at(s, r);
    if (kind_may_be_null(value->kind)) { return refuse(v, STATUS_NULL_DEREFERENCE, s->pc, "%r is %R", r, value); }
    uint8_t object = value->map & (uint8_t)~OBJECT_CAST;
    bool whole = object == OBJECT_SOCKET || object == OBJECT_TCP_SOCKET || value->map == (OBJECT_KERNEL | OBJECT_CAST);
    bool fits = value->kind == REG_OBJECT && whole && value->off == 0 && scalar_is_const(&value->var);
    call->reference = value->frame;
    return fits ? STATUS_OK : refuse_argument(v, s, r, "a socket that is more than what all have in common");
}

static enum status check_kept(struct verifier *v, struct state *s, uint32_t r, struct call *call) {
    const struct reg *value = reg_at(s, r);
    bool place = value->kind == REG_MAP_VALUE || value->kind == REG_OWN;
    const struct bpf_map_field *field = place ? field_pointed_at(v, value) : nullptr;
    if (field == nullptr || field->kind < FIELD_TASK) {
        return refuse_argument(v, s, r, "the place of an owned pointer of a known type in a map value");
    }
    call->own = field->kind == FIELD_OWN ? field->holds : 0;
    if (call->own == 0) { call->object = (uint8_t)(OBJECT_TASK + (field->kind - FIELD_TASK)); }
    return STATUS_OK;
}

/* What the program gives away for what was kept. */
static enum status check_given(struct verifier *v, struct state *s, uint32_t r, struct call *call) {
    const struct reg *value = reg_at(s, r);
    call->reference = 0;
    if (is_zero(value)) { return STATUS_OK; }
    if (kind_may_be_null(value->kind)) { return refuse(v, STATUS_NULL_DEREFERENCE, s->pc, "%r is %R", r, value); }
    if (call->own != 0) {
        enum status status = own_argument(v, s, r, own_each(v, call->own) != 0 ? ARG_OWNED_EACH : ARG_OWNED, call);
        return status != STATUS_OK || value->map == call->own ? status : refuse_argument(v, s, r, "an object of the type that is kept there");
    }
    bool fits = value->kind == REG_OBJECT && value->map == call->object && value->off == 0 && scalar_is_const(&value->var);
    if (!fits) { return refuse_argument(v, s, r, typed_name(call->object)); }
    if (value->frame == 0) { return refuse_argument(v, s, r, "what was acquired before"); }
    call->reference = value->frame;
    return STATUS_OK;
}

/* A place in a map value that is of this kind, as far as it is known what is there. */
static enum status check_field(struct verifier *v, struct state *s, uint32_t r, enum bpf_field_kind kind, uint32_t bytes, const char *wanted) {
    const struct reg *value = reg_at(s, r);
    if (kind_may_be_null(value->kind)) { return refuse(v, STATUS_NULL_DEREFERENCE, s->pc, "%r is %R", r, value); }
    bool locks_own = kind == FIELD_LOCK && value->kind == REG_OWN;
    if ((value->kind != REG_MAP_VALUE && !locks_own) || !scalar_is_const(&value->var)) { return refuse_argument(v, s, r, wanted); }
    if (v->program->fields != nullptr) {
        const struct bpf_map_field *field = field_pointed_at(v, value);
        return field != nullptr && field->kind == kind ? STATUS_OK : refuse_argument(v, s, r, wanted);
    }
    return check_argument_memory(v, s, r, bytes, ACCESS_READ | ACCESS_WRITE);
}

enum { LOCK_BYTES = 4, TIMER_BYTES = 16, WORK_BYTES = 16 };

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

static enum status check_owner(struct verifier *v, struct state *s, uint32_t r, struct call *call) {
    if ((v->type->flags & TYPE_OBJECTS) != 0) { return check_object(v, s, r, ARG_KERNEL_OBJECT, call); }
    const struct reg *value = reg_at(s, r);
    return value->kind == REG_CONTEXT && value->off == 0 ? STATUS_OK : refuse_argument(v, s, r, "the context as it came in");
}

static enum status check_any_map(struct verifier *v, struct state *s, uint32_t r) {
    const struct reg *value = reg_at(s, r);
    if (kind_may_be_null(value->kind)) { return refuse(v, STATUS_NULL_DEREFERENCE, s->pc, "%r is %R", r, value); }
    bool object = value->kind == REG_OBJECT && value->map == OBJECT_KERNEL_MAP && value->off == 0;
    return value->kind == REG_MAP || object ? STATUS_OK : refuse_argument(v, s, r, "a map");
}

/* Arguments that only other platforms' helpers have. */
static enum status check_platform_argument(struct verifier *v, struct state *s, uint32_t r, uint8_t type, struct call *call) {
    const struct reg *value = reg_at(s, r);
    switch (type) {
    case ARG_ANY:
        return !reg_is_pointer(value) || is_privileged(v) ? STATUS_OK : refuse_argument(v, s, r, "a number");
    case ARG_TYPE:
        if (value->kind == REG_SCALAR && value->map == ORIGIN_NO_STRUCT) { return refuse_argument(v, s, r, "the number of a struct"); }
        return check_number(v, s, r, ARG_CONST, call);
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
    case ARG_OUT_2: return check_out_number(v, s, r, 2);
    case ARG_MAP_VALUE_OUT: return check_argument_memory(v, s, r, call->map->value_size, ACCESS_WRITE);
    case ARG_MAP_VALUE_OR_NULL:
        return is_zero(value) ? STATUS_OK : check_argument_memory(v, s, r, call->map->value_size, ACCESS_READ);
    case ARG_LOCK: return check_field(v, s, r, FIELD_LOCK, LOCK_BYTES, "a lock in a map value");
    case ARG_TIMER: return check_field(v, s, r, FIELD_TIMER, TIMER_BYTES, "a timer in a map value");
    case ARG_WORK: return check_field(v, s, r, FIELD_WORK, WORK_BYTES, "work for later in a map value");
    case ARG_ITERATOR_NEW: return iterator_place(v, s, r, call->prototype->object);
    case ARG_ITERATOR:
    case ARG_ITERATOR_END: return iterator_find(v, s, r, call->prototype->object, &call->iterator);
    case ARG_DYNPTR_OR_NULL: return is_zero(value) ? STATUS_OK : check_dynptr(v, s, r, ARG_DYNPTR, call);
    case ARG_DYNPTR_NEW:
    case ARG_DYNPTR:
    case ARG_DYNPTR_END: return check_dynptr(v, s, r, type, call);
    case ARG_VALUE_OUT:
        return value->kind == REG_MAP_VALUE ? check_sized_memory(v, s, r, call, ACCESS_WRITE) : refuse_argument(v, s, r, "the value of a map");
    case ARG_BUFFER_OR_NULL: return is_zero(value) ? STATUS_OK : check_sized_memory(v, s, r, call, ACCESS_WRITE);
    case ARG_MEMORY_20: return check_argument_memory(v, s, r, 20, ACCESS_READ);
    case ARG_MEMORY_40: return check_argument_memory(v, s, r, 40, ACCESS_READ);
    case ARG_KEPT: return check_kept(v, s, r, call);
    case ARG_GIVEN_OR_NULL: return check_given(v, s, r, call);
    case ARG_ASSIGNED_SOCKET:
        if ((v->type->flags & TYPE_PACKET_WRITE) != 0) { return check_object(v, s, r, ARG_KERNEL_OBJECT, call); }
        return is_zero(value) ? STATUS_OK : check_object(v, s, r, ARG_SOCKET, call);
    case ARG_OWNER: return check_owner(v, s, r, call);
    case ARG_KERNEL_FILE: return check_kernel_kind(v, s, r, OBJECT_FILE, call);
    case ARG_KERNEL_PATH: return check_kernel_kind(v, s, r, OBJECT_PATH, call);
    case ARG_KERNEL_TASK: return check_kernel_kind(v, s, r, OBJECT_TASK, call);
    case ARG_KERNEL_CGROUP: return check_kernel_kind(v, s, r, OBJECT_CGROUP, call);
    case ARG_TYPED:
    case ARG_RELEASED_TYPED: return check_typed(v, s, r, type, call->prototype->object, call);
    case ARG_TYPED_TASK: return check_typed(v, s, r, type, OBJECT_TASK, call);
    case ARG_TYPED_TASK_OR_NULL: return is_zero(value) ? STATUS_OK : check_typed(v, s, r, type, OBJECT_TASK, call);
    case ARG_CSS: return check_typed(v, s, r, type, OBJECT_CSS, call);
    case ARG_MADE: return check_typed(v, s, r, ARG_RELEASED_TYPED, OBJECT_CONNTRACK_NEW, call);
    case ARG_TYPED_TCP: return check_typed(v, s, r, type, OBJECT_TCP, call);
    case ARG_ANY_MAP: return check_any_map(v, s, r);
    case ARG_MASK: return check_typed(v, s, r, type, OBJECT_MASK, call);
    case ARG_BYTE: return check_argument_memory(v, s, r, 1, ACCESS_READ | ACCESS_WRITE);
    case ARG_BYTES_4: return check_argument_memory(v, s, r, 4, ACCESS_READ | ACCESS_WRITE);
    case ARG_BYTES_8: return check_argument_memory(v, s, r, 8, ACCESS_READ | ACCESS_WRITE);
    case ARG_BYTES_16: return check_argument_memory(v, s, r, 16, ACCESS_READ | ACCESS_WRITE);
    case ARG_BYTES_64: return check_argument_memory(v, s, r, 64, ACCESS_READ | ACCESS_WRITE);
    case ARG_WHOLE_SOCKET: return check_whole_socket(v, s, r, call);
    case ARG_BUFFER: return check_sized_memory(v, s, r, call, ACCESS_READ | ACCESS_WRITE);
    case ARG_STRING: return check_string(v, s, r);
    case ARG_PER_CPU:
        if (value->kind >= REG_OWN) { return own_argument(v, s, r, type, call); }
        call->constant = (uint64_t)value->map - ORIGIN_PER_CPU;
        return value->kind == REG_SCALAR && value->map >= ORIGIN_PER_CPU ? STATUS_OK : refuse_argument(v, s, r, "a variable of the kernel that each processor has");
    default: return type >= ARG_OWN_TYPE ? own_argument(v, s, r, type, call) : check_object(v, s, r, type, call);
    }
}

enum status check_argument(struct verifier *v, struct state *s, uint32_t r, uint8_t type, struct call *call) {
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
