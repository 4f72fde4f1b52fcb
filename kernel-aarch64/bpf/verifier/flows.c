/* Ways through a program that only other platforms have: callbacks, iterators, may_goto. */

#include "bpf/verifier/flows.h"

#include "bpf/verifier/callback.h"
#include "bpf/verifier/iterator.h"
#include "bpf/verifier/reference.h"
#include "lib/mem.h"

/* Where a frame stands, and what was called: what changes when a state rests somewhere else. */
struct stand {
    uint32_t pc, turns[NESTING];
    uint16_t point, held;
};

static void keep_stand(const struct state *s, struct stand *stand) {
    const struct frame *frame = &s->frames[s->depth];
    stand->pc = s->pc;
    stand->point = frame->point;
    stand->held = s->frames[0].call;
    memcpy(stand->turns, frame->turns, sizeof(stand->turns));
}

static void take_stand(struct state *s, const struct stand *stand) {
    struct frame *frame = &s->frames[s->depth];
    s->pc = stand->pc;
    frame->point = stand->point;
    s->frames[0].call = stand->held;
    memcpy(frame->turns, stand->turns, sizeof(stand->turns));
}

static enum status rest_aside(struct verifier *v, struct walk *w) {
    struct place place;
    bool crowded; /* it takes thousands, and then precision is not the question */
    return walk_rest(v, w, &place, &crowded);
}

/* Rests what follows when the helper calls nothing back, and walks into one call of the function; the one or the other where it is
 * known which. */
static enum status call_back(struct verifier *v, struct walk *w) {
    struct state *s = &w->state;
    struct reg regs[6];
    struct stand stand;
    uint64_t turns;
    if (callback_is_sure(v, s, &turns)) {
        if (turns != 0) { return callback_enter(v, s); }
        callback_skip(s);
        return STATUS_OK;
    }
    keep_stand(s, &stand);
    memcpy(regs, s->regs, sizeof(regs));
    callback_skip(s);
    enum status status = rest_aside(v, w);
    take_stand(s, &stand);
    memcpy(s->regs, regs, sizeof(regs));
    return status == STATUS_OK ? callback_enter(v, s) : status;
}

/* Rests what follows the instruction, and goes on in the caller as after a function that it has left. */
static enum status leave_function(struct verifier *v, struct walk *w) {
    enum status status = rest_aside(v, w);
    return status == STATUS_OK ? step_leave(v, &w->state) : status;
}

static void set_null(struct reg *r) {
    reg_set_scalar(r);
    scalar_set_const(&r->var, 0);
}

/* Rests what follows when the iterator gives no element, and goes on with one. */
static enum status part_ways(struct verifier *v, struct walk *w, uint8_t iterator) {
    struct state *s = &w->state;
    struct reg element;
    struct stand stand;
    keep_stand(s, &stand);
    reg_copy(&element, &s->regs[0]);
    set_null(&s->regs[0]);
    enum status status = reference_drain(v, s, iterator);
    if (status == STATUS_OK) { status = rest_aside(v, w); }
    take_stand(s, &stand);
    reg_copy(&s->regs[0], &element);
    s->regs[0].kind = kind_not_null(element.kind);
    return status;
}

/* One that has given its last element is asked as any function is called: no run may ask it again and again. */
static enum status step_next(struct verifier *v, struct walk *w, bool *covered) {
    struct state *s = &w->state;
    struct bpf_insn insn = insn_at(v, s->pc);
    struct iterator iterator;
    enum status status = iterator_find(v, s, 1, v->platform->helpers[insn.imm].object, &iterator);
    if (status != STATUS_OK) { return status; }
    uint8_t name = iterator.slot->reg.frame;
    bool drained = reference_drained(v, s, name);
    if (!drained) { status = converge(v, s, &w->heads, iterator.slot->reg.id, covered); }
    if (status == STATUS_OK && !*covered) { status = state_step(v, s, insn, SHAPE_CALL); }
    s->pc++;
    if (drained && status == STATUS_OK) { set_null(&s->regs[0]); }
    return drained || *covered || status != STATUS_OK ? status : part_ways(v, w, name);
}

/* Rests what follows when the jump is taken, and goes on behind it. The kernel counts for each call of a function, and begins anew
 * with each; once it has lost patience with one, it takes every such jump in it. */
static enum status step_may_goto(struct verifier *v, struct walk *w, bool *covered) {
    struct state *s = &w->state;
    uint32_t target = s->pc + 1 + (uint32_t)v->program->insns[s->pc].off;
    if (reference_patience_ended(v, s)) {
        s->pc = target;
        return STATUS_OK;
    }
    if (!place_tells_turns(v, s, s->depth)) { /* and so not which calls are the same */
        return refuse(v, STATUS_UNBOUNDED_LOOP, s->pc, "this function is called in loops within loops, too many to tell whether they end; call it from fewer");
    }
    v->may_go_on |= 1u << s->depth;
    enum status status = converge(v, s, &w->heads, 0, covered);
    if (status != STATUS_OK || *covered) { return status; }
    struct stand stand;
    keep_stand(s, &stand);
    s->pc = target;
    status = reference_end_patience(v, s);
    if (status == STATUS_OK) { status = rest_aside(v, w); }
    take_stand(s, &stand);
    s->pc++;
    return status;
}

enum status part_flow(struct verifier *v, struct walk *w, enum flow flow, bool *covered) {
    switch (flow) {
    case FLOW_CALLBACK: return call_back(v, w);
    case FLOW_LEAVES: return leave_function(v, w);
    case FLOW_ITERATES: return step_next(v, w, covered);
    case FLOW_MAY_GOTO: return step_may_goto(v, w, covered);
    default: return STATUS_OK;
    }
}
