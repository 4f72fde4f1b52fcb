/* States that wait lightly, outside of the loop of fast.c. */

#include "bpf/checker/light.h"

enum status settle_lights(struct checker *c) {
    struct machine *m = &c->machine;
    uint64_t masks = m->masks, hidden = followed_unknown(m), used = m->frame->used, plain = m->plain, walked = m->state.walked;
    for (uint32_t i = 0; i < c->light_count; i++) {
        const struct light *light = &c->light[i];
        m->masks = light->masks | hidden | (uint64_t)1 << (POINTER_AT + FRAME_POINTER);
        m->frame->used = light->used;
        m->plain = light->plain;
        m->state.walked = light->walked;
        uint32_t place = keep(c, nullptr);
        if (place == 0) { return refuse(c->v, STATUS_TOO_MANY_STATES, light->target, "%u states wait", (uint64_t)c->v->states); }
        c->first[light->target] = place;
        c->waiting[light->target / 64] |= (uint64_t)1 << light->target % 64;
    }
    c->light_count = c->held = 0;
    c->held_slots = 0;
    m->masks = masks;
    m->frame->used = used;
    m->plain = plain;
    m->state.walked = walked;
    return STATUS_OK;
}

/* Whether the instruction writes nothing but a register that no state knows that waits lightly, and changes no rank. */
static bool spares_registers(const struct checker *c) {
    const struct machine *m = &c->machine;
    struct bpf_insn insn = insn_at(c->v, m->state.pc);
    uint8_t shape = insn_shapes[insn.opcode];
    bool loads = shape == SHAPE_LDX || shape == SHAPE_LDSX, moves = shape == SHAPE_MOV_X;
    if ((loads && m->followed_slots != 0) || (moves && in_mask(m->followed, insn_src(insn)))) { return false; }
    bool to_register = loads || shape == SHAPE_LD_IMM64 || (shape >= SHAPE_MOV_K && shape <= SHAPE_SWAP);
    return shape == SHAPE_EXIT || (to_register && !in_mask(c->held | m->followed, insn_dst(insn)));
}

/* Whether none waits lightly where the jump led that was just stepped. */
static bool spares_target(const struct checker *c) {
    uint32_t pc = c->machine.state.pc, target = pc + (uint32_t)(int32_t)c->v->program->insns[pc - 1].off;
    for (uint32_t i = 0; i < c->light_count; i++) {
        if (c->light[i].target == target) { return false; }
    }
    return true;
}

bool spares_lights(const struct checker *c, enum fast_end how) {
    return how == FAST_PARTS ? spares_target(c) : how != FAST_STOP && spares_registers(c);
}

/* Whether nothing else that waits is next by itself. */
static bool is_next(const struct checker *c, uint32_t target) {
    uint32_t next = next_waiting(c, c->from);
    if (waits(c, c->from) || (next > c->from && next < target)) { return false; }
    for (uint32_t i = 0; i < c->light_count; i++) {
        if (c->light[i].target < target) { return false; }
    }
    return true;
}

/* Whether the pass goes on there next, by itself or by an event, and no event has it begin otherwise than lightly; the event is
 * read then. */
static bool goes_on(struct checker *c, uint32_t target) {
    const struct reader in = c->in;
    const uint32_t event = c->event;
    const uint64_t due = c->due;
    if (c->in.bad) { return false; }
    bool fits = is_due(c, EVENT_ORDER);
    if (fits) {
        fits = read_number(&c->in) == target;
        next_event(c);
    } else {
        fits = is_next(c, target);
    }
    if (fits && !c->in.bad && (c->due != c->steps || c->event <= EVENT_JUMP)) { return true; }
    c->in = in;
    c->event = event;
    c->due = due;
    return false;
}

bool take_up_light(struct checker *c) {
    struct machine *m = &c->machine;
    const struct light *light = &c->light[c->light_count - 1];
    uint64_t then = light->masks | followed_unknown(m);
    uint32_t written = written_since(m->masks, then);
    if ((written & light->held) != 0 || (light->plain & ~m->plain) != 0 || !goes_on(c, light->target)) { return false; }
    write_heads(m->frame->regs, written, then);
    m->masks = then | (uint64_t)1 << (POINTER_AT + FRAME_POINTER);
    m->frame->used = light->used;
    m->plain = light->plain;
    m->state.walked = light->walked;
    m->state.pc = c->from = c->taken_up = light->target;
    c->light_count--;
    c->held = c->light_count == 0 ? 0 : light->held & ALL_REGS;
    c->held_slots = light->held_slots;
    return true;
}
