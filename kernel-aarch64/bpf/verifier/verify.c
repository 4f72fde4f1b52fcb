/* bpf_verify(): structure, then a coarse walk that merges states freely, then a precise one when that was not enough. */

#include "bpf/verifier/callback.h"
#include "bpf/verifier/explore.h"
#include "bpf/verifier/global.h"
#include "bpf/verifier/iterator.h"
#include "bpf/verifier/order.h"
#include "bpf/verifier/timer.h"
#include "lib/mem.h"

void *take_memory(struct verifier *v, uint32_t size_bytes) {
    uint32_t rounded = (size_bytes + 15) & ~15u;
    if ((uint64_t)(v->limit - v->free) < rounded) { return nullptr; }
    void *taken = v->free;
    v->free += rounded;
    return taken;
}

enum status check_program(struct verifier *v) {
    const struct bpf_program *program = v->program;
    if (program->count == 0) { return refuse(v, STATUS_EMPTY_PROGRAM, 0, "0 slots"); }
    if (program->count > v->platform->insn_limit) {
        return refuse(v, STATUS_PROGRAM_TOO_LONG, 0, "%u slots, at most %u", (uint64_t)program->count, (uint64_t)v->platform->insn_limit);
    }
    if (program->hook >= v->platform->type_limit || (v->platform->types[program->hook].flags & TYPE_EXISTS) == 0) {
        return refuse(v, STATUS_UNKNOWN_HOOK, 0, "hook %u", (uint64_t)program->hook);
    }
    if (program->map_count > v->platform->map_limit) {
        return refuse(v, STATUS_INVALID_ARGUMENT, 0, "%u maps, at most %u", (uint64_t)program->map_count, (uint64_t)v->platform->map_limit);
    }
    v->type = &v->platform->types[program->hook];
    return STATUS_OK;
}

static void begin_walk(struct verifier *v) {
    v->last_id = 0;
    v->undo_count = 0;
    v->references = nullptr;
    v->undo_held = nullptr;
    v->undo_active = false;
    v->states = 0;
    v->result->bound = 0;
    v->callback_turns = v->callback_nest = v->iterator_turns = 0;
    v->may_go_on = 0;
    memset(v->spare, 0, sizeof(v->spare));
}

/* The program; or the global function v->entry. */
static enum status walk_function(struct verifier *v, const struct verifier_workspace *workspace) {
    begin_walk(v);
    enum status status = explore(v, workspace->step_budget);
    if (OTHER_PLATFORMS) { v->result->bound = callback_bound(v, iterator_bound(v, v->result->bound)); }
    return status;
}

/* Global functions before those that call them. */
static enum status walk_globals(struct verifier *v, const struct verifier_workspace *workspace) {
    uint8_t *free = v->free;
    while (global_next(v)) {
        enum status status = walk_function(v, workspace);
        v->free = free;
        if (status == STATUS_BUDGET_EXCEEDED || status == STATUS_TOO_MANY_STATES) { return status; }
        global_walked(v, status);
    }
    return STATUS_OK;
}

/* The program, or what v->timer calls. */
static enum status walk_entry(struct verifier *v, const struct verifier_workspace *workspace) {
    uint8_t *free = v->free;
    v->refused = 0;
    enum status status = walk_function(v, workspace);
    while (v->refused != 0) { /* once more, for the refusal of the function itself */
        v->free = free;
        v->entry = v->refused;
        v->timer = nullptr;
        v->refused = 0;
        status = walk_function(v, workspace);
    }
    v->entry = 0;
    v->free = free;
    return status;
}

/* Global functions, the program, and what its timers call. */
static enum status walk_functions(struct verifier *v, const struct verifier_workspace *workspace) {
    v->timer_count = v->timers_walked = 0;
    enum status status = v->globals == nullptr ? STATUS_OK : walk_globals(v, workspace);
    if (status == STATUS_OK) { status = walk_entry(v, workspace); }
    uint64_t bound = v->result->bound;
    while (status == STATUS_OK && timer_next(v)) {
        status = walk_entry(v, workspace);
        if (v->result->bound > bound) { bound = v->result->bound; }
    }
    v->result->bound = bound;
    v->timer = nullptr;
    return status;
}

static enum status walk_once(struct verifier *v, const struct verifier_workspace *workspace) {
    v->changes_more = false;
    memset(v->facts->flags, 0, v->program->count);
#if OTHER_PLATFORMS
    memset(v->facts->arena, 0, v->program->count);
#endif
    v->facts->vector_count = v->facts->index_count = 0;
    for (uint32_t f = 0; f < v->function_count; f++) {
        v->functions[f].stack_bytes = 0;
        v->functions[f].tail_calls = false;
    }
    if (v->accesses != nullptr) { memset(v->accesses, ACCESSES_NOTHING, v->program->count); }
    compute_liveness(v);
    if (v->sweep_budget == 0) { return refuse(v, STATUS_BUDGET_EXCEEDED, 0, "jumps lead backward in too many turns"); }
    enum status status = is_privileged(v) ? walk_functions(v, workspace) : walk_function(v, workspace);
    return status == STATUS_OK ? check_stack_chain(v) : status;
}

/* What functions that are called back turn out to change is changed from the beginning (callback.c). */
static enum status walk(struct verifier *v, const struct verifier_workspace *workspace, const struct observation *observation, bool precise) {
    uint8_t *free = v->free;
    v->precise = precise;
    enum status status = walk_once(v, workspace);
    while (OTHER_PLATFORMS && status == STATUS_OK && v->changes_more) {
        v->free = free;
        if (observation != nullptr) { observation->restart(observation->cookie); }
        status = walk_once(v, workspace);
    }
    return status;
}

/* A second attempt that runs out of something says less than the first one's refusal, which it replaces only when it
 * finds the program wrong itself. */
static enum status walk_again(struct verifier *v, const struct verifier_workspace *workspace, const struct observation *observation) {
    struct verifier_result first = *v->result;
    if (observation != nullptr) { observation->restart(observation->cookie); }
    enum status status = walk(v, workspace, observation, true);
    if (status == STATUS_BUDGET_EXCEEDED || status == STATUS_TOO_MANY_STATES) {
        uint64_t steps = v->result->steps;
        *v->result = first;
        v->result->steps = steps;
        return first.status;
    }
    return status;
}

static enum status verify(struct verifier *v, const struct verifier_workspace *workspace, const struct observation *observation) {
    v->follows_callbacks = true;
    enum status status = check_program(v);
    if (status == STATUS_OK) { status = check_structure(v); }
    if (status == STATUS_OK) { status = compute_order(v); }
    if (OTHER_PLATFORMS && status == STATUS_OK && v->program->global_count != 0) { status = global_open(v); }
    if (status != STATUS_OK) { return status; }
    v->live = take_memory(v, v->point_count * (uint32_t)sizeof(*v->live));
    v->accesses = is_privileged(v) ? take_memory(v, v->program->count) : nullptr;
    v->changed_back = is_privileged(v) ? take_memory(v, v->function_count * (uint32_t)sizeof(*v->changed_back)) : nullptr;
    v->timers = is_privileged(v) ? take_memory(v, TIMERS * (uint32_t)sizeof(*v->timers)) : nullptr;
    bool lacks = is_privileged(v) && (v->accesses == nullptr || v->changed_back == nullptr || v->timers == nullptr);
    if (v->live == nullptr || lacks) { return refuse(v, STATUS_TOO_MANY_STATES, 0, "the workspace is too small"); }
    if (OTHER_PLATFORMS && is_privileged(v)) { memset(v->changed_back, 0, v->function_count * sizeof(*v->changed_back)); }
    uint8_t *free = v->free;
    status = walk(v, workspace, observation, false);
    if (status == STATUS_OK || status == STATUS_BUDGET_EXCEEDED || status == STATUS_TOO_MANY_STATES) { return status; }
    v->free = free;
    return walk_again(v, workspace, observation);
}

struct verifier *verifier_open(const struct bpf_program *program, const struct verifier_workspace *workspace, struct bpf_facts *facts,
                               struct verifier_result *result) {
    result->status = STATUS_OK;
    result->insn = result->states = 0;
    result->bound = result->steps = 0;
    result->message[0] = '\0'; /* what is behind it is nobody's to read */
    uint32_t own_bytes = (sizeof(struct verifier) + 15) & ~15u;
    if (workspace->size_bytes < VERIFIER_WORKSPACE_MIN_BYTES) {
        result->status = STATUS_INVALID_ARGUMENT;
        return nullptr;
    }
    struct verifier *v = workspace->memory;
    v->program = program;
    v->sweep_budget = (workspace->step_budget < UINT32_MAX ? 4 * workspace->step_budget : UINT64_MAX / 2) + 16 * (uint64_t)program->count + 1; /* a few for each, whatever the budget */
    v->platform = program->platform == nullptr ? &platform_velocity : program->platform;
    v->facts = facts;
    v->result = result;
    v->free = (uint8_t *)workspace->memory + own_bytes;
    v->limit = (uint8_t *)workspace->memory + workspace->size_bytes;
    v->point_count = v->loop_count = v->function_count = 0;
    v->follows_callbacks = false;
    v->globals = nullptr;
    v->entry = 0;
    if (OTHER_PLATFORMS) {
        v->compared = 0;
        v->timer = nullptr;
    }
    v->observer = nullptr;
    v->observer_cookie = nullptr;
    return v;
}

enum status bpf_verify_observed(const struct bpf_program *program, const struct verifier_workspace *workspace, struct bpf_facts *facts,
                                struct verifier_result *result, const struct observation *observation) {
    struct verifier *v = verifier_open(program, workspace, facts, result);
    if (v == nullptr) { return result->status; }
    if (observation != nullptr) {
        v->observer = observation->observer;
        v->observer_cookie = observation->cookie;
    }
    if (verify(v, workspace, observation) != STATUS_OK) {
        result->bound = 0;
        return result->status;
    }
    facts->stack_bytes = v->functions[0].stack_bytes;
    result->status = STATUS_OK;
    result->insn = 0;
    result->message[0] = '\0';
    return STATUS_OK;
}

enum status bpf_verify(const struct bpf_program *program, const struct verifier_workspace *workspace, struct bpf_facts *facts,
                       struct verifier_result *result) {
    return bpf_verify_observed(program, workspace, facts, result, nullptr);
}
