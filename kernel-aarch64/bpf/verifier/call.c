/* Calls of helpers by their prototypes, calls between functions, and exit. */

#include "bpf/verifier/helpers.h"
#include "bpf/verifier/snapshot.h"
#include "bpf/verifier/step.h"

static enum status refuse_argument(struct verifier *v, struct state *s, uint32_t r, const char *wanted) {
    return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "%r is %R, the helper wants %s", r, reg_at(s, r), wanted);
}

/* Readable memory of `bytes` at argument r; other errors than a wrong type become STATUS_HELPER_MEMORY. */
static enum status check_argument_memory(struct verifier *v, struct state *s, uint32_t r, uint64_t bytes) {
    const struct reg *p = reg_at(s, r);
    enum status status;
    switch (p->kind) {
    case REG_STACK: status = stack_readable(v, s, p, 0, bytes); break;
    case REG_PACKET:
    case REG_MEMORY:
    case REG_MAP_VALUE: status = check_memory(v, s, p, r, 0, bytes, ACCESS_READ); break;
    case REG_MAP_VALUE_OR_NULL: return refuse(v, STATUS_NULL_DEREFERENCE, s->pc, "%r is %R", r, p);
    default: return refuse_argument(v, s, r, "a pointer to memory");
    }
    if (status != STATUS_OK) { v->result->status = status = STATUS_HELPER_MEMORY; }
    return status;
}

static enum status check_sized_memory(struct verifier *v, struct state *s, uint32_t r) {
    enum status status = require_set(v, s, r + 1);
    if (status != STATUS_OK) { return status; }
    const struct reg *size = reg_at(s, r + 1);
    if (size->kind != REG_SCALAR) { return refuse_argument(v, s, r + 1, "a number of bytes"); }
    if (size->var.umin == 0 || size->var.umax >= OFFSET_LIMIT) {
        return refuse(v, STATUS_HELPER_MEMORY, s->pc, "%r is %R, the helper wants a size of 1 or more with a bound", r + 1, size);
    }
    return check_argument_memory(v, s, r, size->var.umax);
}

static enum status check_argument(struct verifier *v, struct state *s, uint32_t r, uint8_t type, const struct bpf_map_shape **map) {
    enum status status = require_set(v, s, r);
    if (status != STATUS_OK) { return status; }
    const struct reg *value = reg_at(s, r);
    switch (type) {
    case ARG_SCALAR:
    case ARG_SIZE: return value->kind == REG_SCALAR ? STATUS_OK : refuse_argument(v, s, r, "a number");
    case ARG_MAP:
        if (value->kind != REG_MAP) { return refuse_argument(v, s, r, "a map"); }
        *map = &v->program->maps[value->map];
        return STATUS_OK;
    case ARG_MAP_KEY: return check_argument_memory(v, s, r, (*map)->key_size);
    case ARG_MAP_VALUE: return check_argument_memory(v, s, r, (*map)->value_size);
    default: return check_sized_memory(v, s, r);
    }
}

static void set_result(struct verifier *v, struct state *s, uint8_t returns, uint8_t map) {
    struct reg *r0 = reg_at(s, 0);
    for (uint32_t r = 1; r <= 5; r++) { reg_at(s, r)->kind = REG_UNINIT; }
    if (returns == RETURNS_SCALAR) {
        reg_set_scalar(r0);
        scalar_set_unknown(&r0->var);
        return;
    }
    reg_set_pointer(r0, REG_MAP_VALUE_OR_NULL);
    r0->map = map;
    r0->id = new_id(v);
}

enum status step_helper(struct verifier *v, struct state *s, uint32_t id) {
    if (id >= HELPER_ID_LIMIT || !helper_prototypes[id].exists) {
        return refuse(v, STATUS_UNKNOWN_HELPER, s->pc, "helper %u", (uint64_t)id);
    }
    const struct helper_prototype *prototype = &helper_prototypes[id];
    const struct bpf_map_shape *map = nullptr;
    for (uint32_t i = 0; i < 5 && prototype->arguments[i] != ARG_NONE; i++) {
        enum status status = check_argument(v, s, i + 1, prototype->arguments[i], &map);
        if (status != STATUS_OK) { return status; }
    }
    bool writes = id == HELPER_MAP_UPDATE_ELEM || id == HELPER_MAP_DELETE_ELEM;
    if (writes && (map->flags & MAP_FLAG_READ_ONLY) != 0) {
        return refuse(v, STATUS_MAP_READ_ONLY, s->pc, "map %u", (uint64_t)reg_at(s, 1)->map);
    }
    set_result(v, s, prototype->returns, reg_at(s, 1)->map);
    return STATUS_OK;
}

/* Caller's registers that nothing reads after the call are forgotten, so that states inside the callee merge. */
enum status step_call(struct verifier *v, struct state *s, uint32_t target) {
    if (s->depth + 1 >= v->frame_count) { return refuse(v, STATUS_CALL_TOO_DEEP, s->pc, "frame %u", (uint64_t)s->depth + 2); }
    struct frame *caller = &s->frames[s->depth], *callee = &s->frames[s->depth + 1];
    for (uint32_t r = 0; r < FRAME_POINTER; r++) {
        callee->regs[r].kind = REG_UNINIT;
        if (r >= 1 && r <= 5) { callee->regs[r] = caller->regs[r]; }
        if (r <= 5) { caller->regs[r].kind = REG_UNINIT; }
    }
    frame_forget(v, caller, s->pc + 1);
    state_set_depth(s, s->depth + 1);
    struct reg *pointer = &callee->regs[FRAME_POINTER];
    reg_set_pointer(pointer, REG_STACK);
    pointer->frame = (uint8_t)s->depth;
    callee->used = 0;
    for (uint32_t i = 0; i < NESTING; i++) { callee->turns[i] = 0; }
    callee->call = (uint16_t)s->pc;
    callee->point = (uint16_t)(v->points[target] - 1);
    callee->function = function_at(v, target);
    s->pc = target;
    return STATUS_OK;
}

enum status step_exit(struct verifier *v, struct state *s, bool *ended) {
    struct reg *r0 = reg_at(s, 0);
    *ended = s->depth == 0;
    if (s->depth == 0) {
        if (r0->kind == REG_UNINIT) { return refuse(v, STATUS_BAD_EXIT_VALUE, s->pc, "r0 is not set"); }
        if (reg_is_pointer(r0)) { return refuse(v, STATUS_POINTER_LEAK, s->pc, "r0 is %R at exit", r0); }
        return STATUS_OK;
    }
    if (r0->kind == REG_STACK && r0->frame == s->depth) {
        return refuse(v, STATUS_POINTER_LEAK, s->pc, "r0 is %R of the function that ends", r0);
    }
    struct frame *callee = &s->frames[s->depth];
    state_set_depth(s, s->depth - 1);
    *reg_at(s, 0) = *r0;
    s->pc = callee->call + 1;
    return STATUS_OK;
}
