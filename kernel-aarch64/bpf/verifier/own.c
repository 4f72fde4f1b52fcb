/* Objects of the program's own types. */

#include "bpf/verifier/own.h"

#include "bpf/verifier/reference.h"

static enum status refuse_own(struct verifier *v, struct state *s, uint32_t r, const char *wanted) {
    enum status status = refuse_lost(v, s, r);
    return status == STATUS_OK ? refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "%r is %R, the function wants %s", r, reg_at(s, r), wanted) : status;
}

static bool is_fixed(const struct reg *p) { return scalar_is_const(&p->var); }

const struct bpf_map_field *field_pointed_at(const struct verifier *v, const struct reg *p) {
    int64_t at = p->off + (int64_t)p->var.value;
    for (uint32_t i = 0; i < v->program->field_count && is_fixed(p); i++) {
        const struct bpf_map_field *field = &v->program->fields[i];
        if (field->map == p->map && field->kind != FIELD_TYPE && field->kind != FIELD_EACH && (int64_t)field->offset == at) { return field; }
    }
    return nullptr;
}

/* ---- accesses (Linux, btf_struct_access()) ---- */

static bool is_data(const struct bpf_map_field *field, int64_t at, uint64_t bytes) {
    bool inside = at >= field->offset && at + (int64_t)bytes <= (int64_t)field->offset + field->bytes;
    return inside && (field->kind == FIELD_NUMBER || (field->kind == FIELD_ADDRESS && bytes == 8 && at == field->offset));
}

enum status own_access(struct verifier *v, struct state *s, const struct reg *p, uint32_t r, int32_t off, uint64_t bytes, uint8_t access) {
    int64_t at = (int64_t)off + p->off;
    if (!is_fixed(p) || p->var.value != 0) { return refuse(v, STATUS_UNBOUNDED_OFFSET, s->pc, "%r is %R, in which only known places can be accessed", r, p); }
    if ((access & ACCESS_WRITE) != 0 && p->kind == REG_SHARED) { return refuse(v, STATUS_MEMORY_READ_ONLY, s->pc, "%r is %R", r, p); }
    for (uint32_t i = 0; i < v->program->field_count; i++) {
        const struct bpf_map_field *field = &v->program->fields[i];
        if (field->map == p->map && is_data(field, at, bytes)) { return STATUS_OK; }
    }
    return refuse(v, STATUS_KERNEL_FIELD, s->pc, "%r is %R, access of %u bytes at %d, which are no member that holds data", r, p, bytes, at);
}

void own_set_loaded(struct verifier *v, struct reg *dst, const struct bpf_map_field *field, bool is_protected) {
    if (!is_protected) { /* it may be gone */
        reg_lose(dst, ORIGIN_ANY);
        return;
    }
    reg_set_pointer(dst, REG_SHARED_OR_NULL);
    dst->map = field->holds;
    dst->frame = REFERENCE_SHARED;
    dst->id = new_id(v);
}

/* ---- arguments ---- */

uint8_t own_each(const struct verifier *v, uint8_t type) {
    for (uint32_t i = 0; i < v->program->field_count; i++) {
        const struct bpf_map_field *field = &v->program->fields[i];
        if (field->map == type && field->kind == FIELD_EACH) { return field->holds; }
    }
    return 0;
}

static enum status check_type(struct verifier *v, struct state *s, uint32_t r, enum bpf_field_kind kind, struct call *call) {
    const struct reg *value = reg_at(s, r);
    for (uint32_t i = 0; i < v->program->field_count && value->kind == REG_SCALAR && is_fixed(value); i++) {
        const struct bpf_map_field *field = &v->program->fields[i];
        if (field->kind != kind || field->offset != value->var.value) { continue; }
        call->own = field->map;
        return STATUS_OK;
    }
    return refuse_own(v, s, r, kind == FIELD_TYPE ? "the number of a struct that the program declares" : "the number of a struct of numbers that the program declares, of 512 bytes at most");
}

static bool counts_owners(const struct verifier *v, uint8_t type) {
    for (uint32_t i = 0; i < v->program->field_count; i++) {
        if (v->program->fields[i].map == type && v->program->fields[i].kind == FIELD_COUNT) { return true; }
    }
    return false;
}

static bool is_whole(const struct reg *p) { return p->off == 0 && is_fixed(p) && p->var.value == 0; }

static enum status check_owned(struct verifier *v, struct state *s, uint32_t r, bool each, struct call *call) {
    const struct reg *value = reg_at(s, r);
    bool fits = value->kind == REG_OWN && is_whole(value) && (own_each(v, value->map) != 0) == each;
    if (!fits) { return refuse_own(v, s, r, each ? "an object of each processor that the program owns" : "the start of an object that the program owns"); }
    call->reference = value->frame;
    return STATUS_OK;
}

/* Linux takes what RCU protects alone. */
static enum status check_each(struct verifier *v, struct state *s, uint32_t r, struct call *call) {
    const struct reg *value = reg_at(s, r);
    bool shared = value->kind == REG_SHARED && is_whole(value);
    call->own = shared ? own_each(v, value->map) : 0;
    return call->own != 0 ? STATUS_OK : refuse_own(v, s, r, "an object of each processor that is shared");
}

static enum status check_counted(struct verifier *v, struct state *s, uint32_t r, struct call *call) {
    const struct reg *value = reg_at(s, r);
    if (!reg_is_own(value) || !is_whole(value) || !counts_owners(v, value->map)) {
        return refuse_own(v, s, r, "the start of an object that counts who owns it");
    }
    call->own = value->map;
    call->owned = value->kind == REG_OWN;
    return STATUS_OK;
}

static enum status check_root(struct verifier *v, struct state *s, uint32_t r, enum bpf_field_kind kind, struct call *call) {
    const struct reg *value = reg_at(s, r);
    bool place = (value->kind == REG_MAP_VALUE || value->kind == REG_OWN) && is_fixed(value);
    const struct bpf_map_field *field = place ? field_pointed_at(v, value) : nullptr;
    if (field == nullptr || field->kind != kind) { return refuse_own(v, s, r, kind == FIELD_LIST ? "a list" : "a tree"); }
    if (!reference_locked_in(v, s, value)) {
        return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "%r is %R: the lock beside the %s is not held", r, value, kind == FIELD_LIST ? "list" : "tree");
    }
    call->own = field->holds;
    call->node = field->node;
    return STATUS_OK;
}

static enum status check_node(struct verifier *v, struct state *s, uint32_t r, enum reg_kind kind, struct call *call) {
    const struct reg *value = reg_at(s, r);
    bool fits = value->kind == kind && value->map == call->own && is_fixed(value) && value->off + (int64_t)value->var.value == (int64_t)call->node;
    call->reference = value->frame;
    if (fits) { return STATUS_OK; }
    return refuse_own(v, s, r, kind == REG_OWN ? "what is held there, owned, at its node" : "what is held there, lent, at its node");
}

enum status own_argument(struct verifier *v, struct state *s, uint32_t r, uint8_t type, struct call *call) {
    const struct reg *value = reg_at(s, r);
    if (kind_may_be_null(value->kind)) { return refuse(v, STATUS_NULL_DEREFERENCE, s->pc, "%r is %R", r, value); }
    switch (type) {
    case ARG_OWN_TYPE: return check_type(v, s, r, FIELD_TYPE, call);
    case ARG_EACH_TYPE: return check_type(v, s, r, FIELD_EACH, call);
    case ARG_OWNED: return check_owned(v, s, r, false, call);
    case ARG_OWNED_EACH: return check_owned(v, s, r, true, call);
    case ARG_PER_CPU: return check_each(v, s, r, call);
    case ARG_COUNTED: return check_counted(v, s, r, call);
    case ARG_LIST: return check_root(v, s, r, FIELD_LIST, call);
    case ARG_TREE: return check_root(v, s, r, FIELD_TREE, call);
    case ARG_TREE_NODE_LENT: return check_node(v, s, r, REG_LENT, call);
    default: return check_node(v, s, r, REG_OWN, call);
    }
}

/* ---- results ---- */

enum status own_result(struct verifier *v, struct state *s, struct reg *r0, const struct call *call) {
    uint8_t returns = call->prototype->returns;
    bool one = returns == RETURNS_PER_CPU || returns == RETURNS_PER_CPU_OR_NULL; /* of those of all processors */
    bool lent = one || returns == RETURNS_LENT_OR_NULL, exists = returns == RETURNS_PER_CPU || (returns == RETURNS_COUNTED && call->owned);
    reg_set_pointer(r0, lent ? (exists ? REG_LENT : REG_LENT_OR_NULL) : exists ? REG_OWN : REG_OWN_OR_NULL);
    r0->map = call->own;
    r0->off = (int32_t)call->node;
    r0->id = new_id(v);
    if (!lent) { return reference_acquire(v, s, &r0->frame); }
    r0->frame = one ? (uint8_t)REFERENCE_SHARED : reference_lock_name(v, s);
    return STATUS_OK;
}

/* bpf_rbtree_add(tree, node, function): function(node, node), for each level of the tree at most. */
uint64_t own_pass_ordered(struct verifier *v, const struct state *s, struct reg *args) {
    enum { LEVELS_MAX = 128 };
    const struct bpf_map_field *tree = field_pointed_at(v, &args[1]);
    for (uint32_t r = 1; r <= 2; r++) {
        reg_set_pointer(&args[r], REG_LENT);
        args[r].map = tree->holds;
        args[r].off = (int32_t)tree->node;
        args[r].frame = reference_lock_name(v, s);
        args[r].id = new_id(v);
    }
    args[3].kind = args[4].kind = REG_UNINIT;
    return LEVELS_MAX;
}
