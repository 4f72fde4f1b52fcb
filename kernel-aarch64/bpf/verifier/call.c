/* Calls between functions, and exit. */

#include "bpf/verifier/callback.h"
#include "bpf/verifier/global.h"
#include "bpf/verifier/reference.h"
#include "bpf/verifier/snapshot.h"
#include "bpf/verifier/timer.h"

/* Caller's registers that nothing reads after the call are forgotten, so that states inside the callee merge. */
enum status step_call(struct verifier *v, struct state *s, uint32_t target) {
    if (global_at(v, target) != nullptr) { return global_call(v, s, target); }
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

/* Linux, since 5.10: a program that is called in place of the rest of a function returns to that function's caller. */
enum status step_leave(struct verifier *v, struct state *s) {
    struct bpf_insn insn = insn_at(v, --s->pc);
    struct reg *r0 = reg_at(s, 0);
    reg_set_scalar(r0);
    if (insn_shapes[insn.opcode] == SHAPE_LEGACY_PACKET) {
        scalar_set_const(&r0->var, 0);
    } else {
        scalar_set_unknown(&r0->var);
        void_packet(s);
    }
    bool ended;
    return step_exit(v, s, &ended);
}

enum status check_exit_value(struct verifier *v, struct state *s, uint32_t r, const char *when) {
    const struct program_type *type = v->type;
    const struct reg *value = reg_at(s, r);
    const struct bpf_part *there = OTHER_PLATFORMS ? part_at(v, OBJECT_NONE, PART_EXIT, 0, 0) : nullptr;
    bool ranged = (type->flags & TYPE_EXIT_RANGE) != 0 || there != nullptr;
    if (OTHER_PLATFORMS && ((type->flags & TYPE_SILENT) != 0 || v->program->silent)) { return reference_none(v, s, when); }
    if (value->kind == REG_UNINIT) { return refuse(v, STATUS_BAD_EXIT_VALUE, s->pc, "%r is not set", r); }
    if (reg_is_pointer(value) && (ranged || !is_privileged(v))) {
        return refuse(v, STATUS_POINTER_LEAK, s->pc, "%r is %R %s", r, value, when);
    }
    bool low = OTHER_PLATFORMS && (type->flags & TYPE_EXIT_32) != 0;
    int64_t least = low ? value->var.smin32 : value->var.smin, most = low ? value->var.smax32 : value->var.smax;
    int32_t from = there == nullptr ? type->exit_min : (int32_t)there->offset, to = there == nullptr ? type->exit_max : (int32_t)there->end;
    if (ranged && (least < from || most > to)) {
        return refuse(v, STATUS_BAD_EXIT_VALUE, s->pc, "%r is %R %s, programs of this type return %d..%d", r, value, when, (int64_t)from, (int64_t)to);
    }
    return reference_none(v, s, when);
}

enum status step_exit(struct verifier *v, struct state *s, bool *ended) {
    struct reg *r0 = reg_at(s, 0);
    *ended = s->depth == 0;
    if (OTHER_PLATFORMS && s->depth == 0 && v->timer != nullptr) { return timer_leave(v, s); }
    if (s->depth == 0) { return OTHER_PLATFORMS && is_typed(v, v->entry) ? global_leave(v, s) : check_exit_value(v, s, 0, "at exit"); }
    if (r0->kind == REG_STACK && r0->frame == s->depth) {
        return refuse(v, STATUS_POINTER_LEAK, s->pc, "r0 is %R of the function that ends", r0);
    }
    struct frame *callee = &s->frames[s->depth];
    enum status status = OTHER_PLATFORMS ? reference_renew_patience(v, s) : STATUS_OK;
    if (is_privileged(v) && is_callback_frame(v, callee)) {
        if (status == STATUS_OK) { status = callback_leave(v, s, r0); }
        if (status != STATUS_OK) { return status; }
        state_set_depth(s, s->depth - 1);
        s->pc = callee->call;
        callback_skip(s);
        return STATUS_OK;
    }
    state_set_depth(s, s->depth - 1);
    *reg_at(s, 0) = *r0;
    s->pc = callee->call + 1;
    return status;
}
