/* Global functions (Linux, btf_prepare_func_args() and btf_check_func_arg_match()). */

#include "bpf/verifier/global.h"

#include "bpf/verifier/argument.h"
#include "bpf/verifier/callback.h"
#include "bpf/verifier/dynptr.h"
#include "bpf/verifier/reference.h"
#include "bpf/verifier/structure.h"
#include "bpf/verifier/timer.h"
#include "lib/mem.h"

/* ---- what they may do ---- */

static uint32_t effects_at(const struct verifier *v, uint32_t pc, uint32_t *callee) {
    struct bpf_insn insn = insn_at(v, pc);
    uint8_t shape = insn_shapes[insn.opcode];
    *callee = 0;
    if (is_nested_call(v, pc, insn, shape)) {
        *callee = function_at(v, (uint32_t)jump_target(insn, shape, pc));
        return v->globals[*callee].effects;
    }
    if (shape != SHAPE_CALL) { return 0; }
    const struct helper_prototype *prototype = platform_helper(v->platform, (uint32_t)insn.imm);
    return prototype == nullptr ? 0 : prototype->flags;
}

/* Of who calls, what the called may do; of the called, a level more: no function calls itself. */
static bool settle(struct verifier *v) {
    bool changed = false;
    for (uint32_t pc = 0, f = 0; pc < v->program->count; pc++) {
        if (f + 1 < v->function_count && pc == v->functions[f + 1].start) { f++; }
        if ((v->marks[pc] & MARK_SECOND) != 0) { continue; }
        struct global *caller = &v->globals[f];
        uint32_t callee;
        uint32_t effects = caller->effects | effects_at(v, pc, &callee);
        changed |= effects != caller->effects;
        caller->effects = effects;
        if (callee == 0 || v->globals[callee].level > caller->level) { continue; }
        v->globals[callee].level = (uint8_t)(caller->level + 1);
        changed = true;
    }
    return changed;
}

enum status global_open(struct verifier *v) {
    uint32_t bytes = v->function_count * (uint32_t)sizeof(*v->globals);
    v->globals = take_memory(v, bytes);
    if (v->globals == nullptr) { return refuse(v, STATUS_TOO_MANY_STATES, 0, "the workspace is too small"); }
    memset(v->globals, 0, bytes);
    for (uint32_t i = 0; i < v->program->global_count; i++) {
        const struct bpf_global *global = &v->program->globals[i];
        uint32_t f = global->start < v->program->count ? function_at(v, global->start) : 0;
        if (v->functions[f].start == global->start) { v->globals[f].signature = global; }
    }
    while (settle(v)) {}
    return STATUS_OK;
}

const struct bpf_global *global_find(const struct verifier *v, uint32_t target) { return v->globals[function_at(v, target)].signature; }

/* ---- judging one ---- */

bool global_next(struct verifier *v) {
    v->entry = 0;
    for (uint32_t f = 1; f < v->function_count; f++) {
        const struct global *g = &v->globals[f];
        if (g->signature == nullptr || g->walked) { continue; }
        if (v->entry == 0 || g->level > v->globals[v->entry].level) { v->entry = f; }
    }
    if (v->entry != 0) { return true; }
    for (uint32_t f = 1; f < v->function_count; f++) { v->globals[f].walked = false; } /* for another walk */
    return false;
}

void global_walked(struct verifier *v, enum status status) {
    struct global *g = &v->globals[v->entry];
    g->walked = true;
    g->refused = status != STATUS_OK;
    g->bound = v->result->bound;
    v->refused = 0;
}

static bool takes_null(enum bpf_takes takes) { return takes == TAKES_TASK_OR_NULL || takes == TAKES_CGROUP_OR_NULL; }
static uint8_t object_taken(enum bpf_takes takes) { return takes >= TAKES_CGROUP ? OBJECT_CGROUP : OBJECT_TASK; }

static void begin_argument(struct verifier *v, struct reg *r, enum bpf_takes takes, uint32_t bytes) {
    switch (takes) {
    case TAKES_NUMBER: reg_lose(r, ORIGIN_ANY); break;
    case TAKES_ADDRESS: reg_lose(r, ORIGIN_CAST); break;
    case TAKES_CONTEXT: reg_set_pointer(r, REG_CONTEXT); break;
    case TAKES_MEMORY:
    case TAKES_MEMORY_OR_NULL:
        reg_set_pointer(r, takes == TAKES_MEMORY ? REG_MEMORY : REG_MEMORY_OR_NULL);
        r->range = bytes;
        r->id = new_id(v);
        break;
    case TAKES_ARENA: reg_set_pointer(r, REG_ARENA); break;
    case TAKES_DYNPTR:
        reg_set_pointer(r, REG_OBJECT);
        r->map = OBJECT_DYNPTR_SKB;
        break;
    default:
        reg_set_pointer(r, takes_null(takes) ? REG_OBJECT_OR_NULL : REG_OBJECT);
        r->map = object_taken(takes);
        r->id = new_id(v);
    }
}

void global_begin(struct verifier *v, struct state *s) {
    const struct bpf_global *signature = v->globals[v->entry].signature;
    struct frame *frame = &s->frames[0];
    s->pc = signature->start;
    frame->function = v->entry;
    frame->point = (uint16_t)(v->points[s->pc] - 1);
    frame->regs[1].kind = REG_UNINIT;
    for (uint32_t i = 0; i < signature->argument_count; i++) {
        begin_argument(v, &frame->regs[i + 1], signature->arguments[i].takes, signature->arguments[i].bytes);
    }
}

enum status global_leave(struct verifier *v, struct state *s) {
    const struct reg *r0 = reg_at(s, 0);
    if (r0->kind != REG_SCALAR) { return refuse(v, STATUS_BAD_EXIT_VALUE, s->pc, "r0 is %R, a global function returns a number", r0); }
    return reference_none(v, s, "at exit");
}

/* ---- calling one ---- */

static enum status refuse_taken(struct verifier *v, struct state *s, uint32_t r, const char *wanted) {
    return refuse(v, STATUS_FUNCTION_ARGUMENT, s->pc, "%r is %R, the global function takes %s", r, reg_at(s, r), wanted);
}

static bool is_memory(uint8_t kind) {
    return kind == REG_STACK || kind == REG_PACKET || kind == REG_PACKET_META || kind == REG_MEMORY || kind == REG_MAP_VALUE;
}

/* The function may read and write all of it. */
static enum status pass_memory(struct verifier *v, struct state *s, uint32_t r, bool or_null, uint32_t bytes) {
    struct reg *value = reg_at(s, r);
    if (or_null && value->kind == REG_SCALAR && scalar_is_const(&value->var) && value->var.value == 0) { return STATUS_OK; }
    if (!is_memory(or_null ? kind_not_null(value->kind) : value->kind)) {
        return refuse_taken(v, s, r, or_null ? "memory or 0" : "memory that is not null");
    }
    if (bytes == 0) { return STATUS_OK; }
    value->kind = kind_not_null(value->kind);
    enum status status = check_argument_memory(v, s, r, bytes, ACCESS_READ | ACCESS_WRITE);
    return status == STATUS_OK ? status : (v->result->status = STATUS_FUNCTION_ARGUMENT);
}

static enum status pass_dynptr(struct verifier *v, struct state *s, uint32_t r) {
    struct iterator dynptr;
    enum status status = dynptr_find(v, s, r, &dynptr);
    return status == STATUS_OK ? status : (v->result->status = STATUS_FUNCTION_ARGUMENT);
}

/* Whoever has it holds it until the function has ended; that may not give it away. */
static enum status pass_object(struct verifier *v, struct state *s, uint32_t r, enum bpf_takes takes) {
    const struct reg *value = reg_at(s, r);
    bool or_null = takes_null(takes), null = value->kind == REG_SCALAR && scalar_is_const(&value->var) && value->var.value == 0;
    if (or_null && null) { return STATUS_OK; }
    bool object = value->kind == REG_OBJECT || (or_null && value->kind == REG_OBJECT_OR_NULL);
    bool fits = object && value->map == object_taken(takes) && value->off == 0 && scalar_is_const(&value->var) && value->var.value == 0;
    return fits ? STATUS_OK : refuse_taken(v, s, r, object_taken(takes) == OBJECT_TASK ? "a task that is known to be one" : "a cgroup that is known to be one");
}

static enum status pass(struct verifier *v, struct state *s, uint32_t r, enum bpf_takes takes, uint32_t bytes) {
    enum status status = require_set(v, s, r);
    if (status != STATUS_OK) { return status; }
    const struct reg *value = reg_at(s, r);
    switch (takes) {
    case TAKES_NUMBER: return value->kind == REG_SCALAR ? STATUS_OK : refuse_taken(v, s, r, "a number");
    case TAKES_CONTEXT: return value->kind == REG_CONTEXT && value->off == 0 ? STATUS_OK : refuse_taken(v, s, r, "the context as it came in");
    case TAKES_MEMORY: return pass_memory(v, s, r, false, bytes);
    case TAKES_MEMORY_OR_NULL: return pass_memory(v, s, r, true, bytes);
    case TAKES_ADDRESS: return STATUS_OK;
    case TAKES_ARENA: return value->kind == REG_ARENA || value->kind == REG_SCALAR ? STATUS_OK : refuse_taken(v, s, r, "an address in an arena, or a number");
    case TAKES_DYNPTR: return pass_dynptr(v, s, r);
    default: return pass_object(v, s, r, takes);
    }
}

/* What of the packet may be gone. */
enum { CHANGES = HELPER_CHANGES_PACKET | HELPER_WRITES_DYNPTR };

/* What a function may not do where it is called. */
static enum status check_place(struct verifier *v, struct state *s, uint32_t effects) {
    enum { ENDS = HELPER_TAIL_CALLS | HELPER_THROWS | CHANGES };
    if (reference_locked(v, s)) { return refuse(v, STATUS_REFERENCE_LEAK, s->pc, "a global function is called while a lock is held"); }
    if ((effects & ENDS) != 0 && is_called_back(v, s)) {
        return refuse(v, STATUS_HELPER_ARGUMENT, s->pc, "a function that is called back calls one that changes the packet, makes a tail call or throws");
    }
    if ((effects & HELPER_SLEEPS) != 0 && (!timer_lets_sleep(v) || reference_stays_awake(v, s))) {
        return refuse(v, STATUS_UNKNOWN_HELPER, s->pc, "the global function may sleep, which is not allowed here");
    }
    return (effects & HELPER_THROWS) != 0 ? reference_none(v, s, "where a global function is called that may throw") : STATUS_OK;
}

/* Sums stay far from where they would wrap. */
static void walk_over(struct state *s, uint64_t bound) {
    uint64_t most = UINT64_MAX / 2;
    s->walked = bound > most || s->walked > most - bound ? most : s->walked + bound;
}

enum status global_call(struct verifier *v, struct state *s, uint32_t target) {
    uint32_t f = function_at(v, target);
    const struct global *g = &v->globals[f];
    if (g->refused) {
        v->refused = f;
        return refuse(v, STATUS_UNKNOWN_FUNCTION, s->pc, "the function at slot %u is refused", (uint64_t)target);
    }
    enum status status = check_place(v, s, g->effects);
    for (uint32_t i = 0; i < g->signature->argument_count && status == STATUS_OK; i++) {
        if ((g->effects & CHANGES) != 0 && reg_is_of_packet(reg_at(s, i + 1))) { return refuse_taken(v, s, i + 1, "nothing of the packet, which it may change"); }
        status = pass(v, s, i + 1, g->signature->arguments[i].takes, g->signature->arguments[i].bytes);
    }
    if (status != STATUS_OK) { return status; }
    if ((g->effects & (HELPER_TAIL_CALLS | CHANGES)) != 0) { void_packet(s); }
    walk_over(s, g->bound);
    callback_skip(s);
    return STATUS_OK;
}
