/* Calls of vector helpers (abi/vectors.ts): every buffer whole, apart from what is read where it must be, and what it costs. */

#include "bpf/verifier/step.h"
#include "gen/abi_vectors.h"

struct vector_prototype {
    uint8_t result;
    bool overlaps;
    uint8_t count; /* of arguments */
    uint16_t call, row, block; /* cost */
    struct vector_argument arguments[5];
};

#define PROTOTYPE(name, id, result, overlaps, call, row, block, count, ...) {result, overlaps, count, call, row, block, {__VA_ARGS__}},
static const struct vector_prototype prototypes[VECTOR_COUNT] = {VECTOR_TABLE(PROTOTYPE)};

/* One call: the largest value of each count. */
struct vector_call {
    const struct vector_prototype *prototype;
    uint64_t most[6];
    bool apart; /* what is written from what is read */
};

uint32_t vector_argument_count(uint32_t id) { return prototypes[id - VECTOR_ID_FIRST].count; }

static bool is_buffer(const struct vector_argument *argument) { return argument->kind >= VECTOR_IN; }

static uint64_t bytes_of(const struct vector_call *call, const struct vector_argument *argument) {
    if (argument->rule == RULE_FIXED) { return 256ull * argument->bytes; }
    uint64_t first = call->most[argument->first], second = call->most[argument->second];
    switch (argument->rule) {
    case RULE_PRODUCT: return first * second * argument->bytes;
    case RULE_WINDOW: return (first + second - 1) * argument->bytes;
    default: return first * argument->bytes;
    }
}

static enum status check_count(struct verifier *v, struct state *s, uint32_t r, struct vector_call *call) {
    const struct vector_argument *argument = &call->prototype->arguments[r - 1];
    const struct reg *value = reg_at(s, r);
    if (value->kind != REG_SCALAR) {
        return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "%r is %R, the helper wants a number", r, value);
    }
    if (argument->kind == VECTOR_NUMBER) { return STATUS_OK; }
    uint64_t least = argument->kind == VECTOR_COUNT1;
    if (value->var.umin < least || value->var.umax >= OFFSET_LIMIT) {
        return refuse(v, STATUS_HELPER_MEMORY, s->pc, "%r is %R, the helper wants a count of %u or more with a bound", r, value, least);
    }
    call->most[r] = value->var.umax;
    return STATUS_OK;
}

/* On the stack: what is written over a length that is not known must have been written before. */
static enum status check_stack(struct verifier *v, struct state *s, uint32_t r, const struct vector_argument *argument, uint64_t bytes,
                               bool exact) {
    struct reg *p = reg_at(s, r);
    enum status status = STATUS_OK;
    if (argument->kind != VECTOR_OUT || !exact) { status = stack_readable(v, s, p, 0, bytes); }
    if (status == STATUS_OK && argument->kind != VECTOR_IN) { status = stack_fill(v, s, p, bytes); }
    return status;
}

static bool count_is_known(struct state *s, const struct vector_argument *argument) {
    if (argument->rule == RULE_FIXED) { return true; }
    bool second = argument->rule == RULE_COUNT || scalar_is_const(&reg_at(s, argument->second)->var);
    return second && scalar_is_const(&reg_at(s, argument->first)->var);
}

static enum status check_buffer(struct verifier *v, struct state *s, uint32_t r, const struct vector_call *call) {
    const struct vector_argument *argument = &call->prototype->arguments[r - 1];
    const struct reg *p = reg_at(s, r);
    uint64_t bytes = bytes_of(call, argument);
    uint8_t access = argument->kind == VECTOR_IN ? ACCESS_READ : argument->kind == VECTOR_OUT ? ACCESS_WRITE : ACCESS_READ | ACCESS_WRITE;
    enum status status;
    switch (p->kind) {
    case REG_STACK: status = check_stack(v, s, r, argument, bytes, count_is_known(s, argument)); break;
    case REG_PACKET:
    case REG_MEMORY:
    case REG_MAP_VALUE: status = check_memory(v, s, p, r, 0, bytes, access); break;
    case REG_MAP_VALUE_OR_NULL: return refuse(v, STATUS_NULL_DEREFERENCE, s->pc, "%r is %R", r, p);
    default: return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "%r is %R, the helper wants a pointer to memory", r, p);
    }
    bool bounds = status != STATUS_OK && status != STATUS_MAP_READ_ONLY && status != STATUS_MEMORY_READ_ONLY;
    return bounds ? v->result->status = STATUS_HELPER_MEMORY : status;
}

/* ---- overlap ---- */

/* Both point into what may be the same object. Two values of one map are the same or apart as a whole. */
static bool may_share(const struct reg *a, const struct reg *b) {
    if (a->kind != b->kind) { return false; }
    if (a->kind == REG_STACK) { return a->frame == b->frame; }
    return a->kind != REG_MAP_VALUE || a->map == b->map;
}

/* Whether `a` ends before `b` begins, whatever the numbers added to them. */
static bool ends_before(const struct reg *a, uint64_t bytes, const struct reg *b) {
    bool same_var = a->kind == REG_PACKET && a->id != 0 && a->id == b->id;
    int64_t end = (int64_t)a->off + (int64_t)bytes + (same_var ? 0 : a->var.smax);
    return end <= (int64_t)b->off + (same_var ? 0 : b->var.smin);
}

static enum status check_apart(struct verifier *v, struct state *s, uint32_t written, uint32_t read, struct vector_call *call) {
    const struct vector_argument *arguments = call->prototype->arguments;
    const struct reg *a = reg_at(s, written), *b = reg_at(s, read);
    uint64_t a_bytes = bytes_of(call, &arguments[written - 1]), b_bytes = bytes_of(call, &arguments[read - 1]);
    if (!may_share(a, b) || ends_before(a, a_bytes, b) || ends_before(b, b_bytes, a)) { return STATUS_OK; }
    call->apart = false;
    if (call->prototype->overlaps) { return STATUS_OK; }
    return refuse(v, STATUS_HELPER_OVERLAP, s->pc, "%r is %R, %u bytes written; %r is %R, %u bytes read", written, a, a_bytes, read, b, b_bytes);
}

static enum status check_all_apart(struct verifier *v, struct state *s, struct vector_call *call) {
    const struct vector_argument *arguments = call->prototype->arguments;
    for (uint32_t w = 1; w <= 5; w++) {
        if (arguments[w - 1].kind < VECTOR_OUT) { continue; }
        for (uint32_t r = 1; r <= 5; r++) {
            if (r == w || !is_buffer(&arguments[r - 1])) { continue; }
            enum status status = check_apart(v, s, w, r, call);
            if (status != STATUS_OK) { return status; }
        }
    }
    return STATUS_OK;
}

/* ---- what comes of it ---- */

/* For the JIT: the counts over all ways to reach the call. */
static void note_counts(struct verifier *v, struct state *s, const struct vector_call *call) {
    struct bpf_facts *facts = v->facts;
    uint32_t at = 0, n = 0;
    while (at < facts->vector_count && facts->vectors[at].slot != s->pc) { at++; }
    if (at == MAX_VECTOR_FACTS) { return; } /* then it is compiled for any count */
    struct bpf_vector_fact *fact = &facts->vectors[at];
    bool first = at == facts->vector_count;
    if (first) {
        *fact = (struct bpf_vector_fact){.slot = (uint16_t)s->pc, .apart = true};
        facts->vector_count++;
    }
    fact->apart &= call->apart;
    for (uint32_t r = 1; r <= 5; r++) {
        uint8_t kind = call->prototype->arguments[r - 1].kind;
        if (kind != VECTOR_COUNT0 && kind != VECTOR_COUNT1) { continue; }
        uint32_t least = (uint32_t)reg_at(s, r)->var.umin, most = (uint32_t)call->most[r];
        if (first || least < fact->least[n]) { fact->least[n] = least; }
        if (first || most > fact->most[n]) { fact->most[n] = most; }
        n++;
    }
}

static uint64_t cost_of(const struct vector_call *call) {
    const struct vector_prototype *prototype = call->prototype;
    uint64_t first = 0, elements = 1;
    for (uint32_t r = 5; r >= 1; r--) {
        uint8_t kind = prototype->arguments[r - 1].kind;
        if (kind != VECTOR_COUNT0 && kind != VECTOR_COUNT1) { continue; }
        first = call->most[r];
        elements *= first;
    }
    return prototype->call + first * prototype->row + (elements + 15) / 16 * prototype->block;
}

static void set_signed(struct reg *r0, int64_t least, int64_t most) {
    struct scalar limit;
    scalar_set_unknown(&r0->var);
    scalar_set_const(&limit, (uint64_t)most);
    (void)scalar_assume(BPF_JMP_JSLE, &r0->var, &limit, true);
    scalar_set_const(&limit, (uint64_t)least);
    (void)scalar_assume(BPF_JMP_JSGE, &r0->var, &limit, true);
}

static void set_result(struct state *s, const struct vector_call *call) {
    struct reg *r0 = reg_at(s, 0);
    uint64_t most = 0;
    for (uint32_t r = 1; r <= 5; r++) {
        if (call->most[r] != 0) { most = call->most[r]; }
        reg_at(s, r)->kind = REG_UNINIT;
    }
    reg_set_scalar(r0);
    switch (call->prototype->result) {
    case RESULT_NOTHING: r0->kind = REG_UNINIT; return;
    case RESULT_I32: return scalar_set_loaded(&r0->var, 4, true);
    case RESULT_U32: return scalar_set_loaded(&r0->var, 4, false);
    case RESULT_U16: return scalar_set_loaded(&r0->var, 2, false);
    case RESULT_U8: return scalar_set_loaded(&r0->var, 1, false);
    case RESULT_DIFFERENCE: return set_signed(r0, -255, 255);
    case RESULT_INDEX: return scalar_set_range(&r0->var, 0, most - 1);
    case RESULT_PLACE: return set_signed(r0, -1, (int64_t)most - 1);
    default: return scalar_set_unknown(&r0->var);
    }
}

enum status step_vector(struct verifier *v, struct state *s, uint32_t id) {
    struct vector_call call = {.prototype = &prototypes[id - VECTOR_ID_FIRST], .apart = true};
    const struct vector_argument *arguments = call.prototype->arguments;
    enum status status = STATUS_OK;
    for (uint32_t r = 1; r <= call.prototype->count && status == STATUS_OK; r++) {
        status = require_set(v, s, r);
        if (status == STATUS_OK && !is_buffer(&arguments[r - 1])) { status = check_count(v, s, r, &call); }
    }
    for (uint32_t r = 5; r != 0 && status == STATUS_OK; r--) { /* what is written, r1, last: it may hold what is read, as it was before */
        if (is_buffer(&arguments[r - 1])) { status = check_buffer(v, s, r, &call); }
    }
    if (status == STATUS_OK) { status = check_all_apart(v, s, &call); }
    if (status != STATUS_OK) { return status; }
    note_counts(v, s, &call);
    s->walked += cost_of(&call);
    set_result(s, &call);
    return STATUS_OK;
}
