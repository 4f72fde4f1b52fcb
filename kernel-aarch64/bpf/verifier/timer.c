/* Functions of timers (Linux, push_async_cb()). */

#include "bpf/verifier/timer.h"

#include "bpf/verifier/callback.h"
#include "bpf/verifier/reference.h"
#include "bpf/verifier/structure.h"

static bool sets_timer(const struct verifier *v, struct bpf_insn insn, uint8_t shape) {
    if (shape != SHAPE_CALL || insn_src(insn) != BPF_PSEUDO_CALL_HELPER) { return false; }
    const struct helper_prototype *prototype = platform_helper(v->platform, (uint32_t)insn.imm);
    return prototype != nullptr && timer_is_set_by(prototype);
}

/* As compilers write it: from the load on every run comes to the call, and nothing else has to do with the register. */
bool timer_loads(const struct verifier *v, uint32_t pc) {
    enum { FUNCTION_ARGUMENT = 2 };
    if (insn_dst(insn_at(v, pc)) != FUNCTION_ARGUMENT) { return false; }
    for (pc += 2; pc < v->program->count; pc++) {
        struct bpf_insn insn = insn_at(v, pc);
        uint8_t shape = insn_shapes[insn.opcode];
        if ((v->marks[pc] & (MARK_TARGET | MARK_FUNCTION)) != 0) { return false; }
        if (sets_timer(v, insn, shape)) { return true; }
        if (shape >= SHAPE_JA || insn_dst(insn) == FUNCTION_ARGUMENT || insn_src(insn) == FUNCTION_ARGUMENT) { return false; }
        pc += shape == SHAPE_LD_IMM64;
    }
    return false;
}

enum status timer_set(struct verifier *v, struct state *s, bool sleeps) {
    const struct timer_call call = {(uint8_t)function_at(v, (uint32_t)reg_at(s, 2)->off), reg_at(s, 1)->map, sleeps};
    for (uint32_t i = 0; i < v->timer_count; i++) {
        const struct timer_call *known = &v->timers[i];
        if (known->function == call.function && known->map == call.map && known->sleeps == call.sleeps) { return STATUS_OK; }
    }
    if (v->timer_count == TIMERS) { return refuse(v, STATUS_TOO_MANY_STATES, s->pc, "too many functions of timers"); }
    v->timers[v->timer_count++] = call;
    return STATUS_OK;
}

bool timer_next(struct verifier *v) {
    if (v->timers_walked == v->timer_count) { return false; }
    v->timer = &v->timers[v->timers_walked++];
    return true;
}

void timer_begin(struct verifier *v, struct state *s) {
    struct frame *frame = &s->frames[0];
    s->pc = v->functions[v->timer->function].start;
    frame->function = v->timer->function;
    frame->point = (uint16_t)(v->points[s->pc] - 1);
    reg_set_pointer(&frame->regs[1], REG_MAP);
    frame->regs[1].map = v->timer->map;
    callback_pass_element(v, frame->regs);
}

enum status timer_leave(struct verifier *v, struct state *s) {
    const struct reg *r0 = reg_at(s, 0);
    bool zero = r0->kind == REG_SCALAR && r0->var.umax == 0;
    return zero ? reference_none(v, s, "at the end of the function of a timer")
                : refuse(v, STATUS_BAD_EXIT_VALUE, s->pc, v->timer->sleeps ? "r0 is %R, the function of work returns 0" : "r0 is %R, the function of a timer returns 0", r0);
}
