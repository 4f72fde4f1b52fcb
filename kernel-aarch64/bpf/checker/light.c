/* States that wait lightly, outside of the loop of fast.c. */

#include "bpf/checker/light.h"

/* It waits like all others, with those of the machine's ranks that it has. */
static uint32_t keep_light(struct checker *c, uint32_t dropped) {
    struct machine *m = &c->machine;
    uint16_t regs[RANKS];
    uint64_t slots[RANKS];
    if (dropped == 0) { return keep(c, nullptr); }
    for (uint32_t i = 0; i < m->rank_count; i++) {
        regs[i] = m->ranks[i].regs;
        slots[i] = m->ranks[i].slots;
    }
    rank_drop(m, dropped);
    uint32_t place = keep(c, nullptr);
    for (uint32_t i = 0; i < m->rank_count; i++) {
        m->ranks[i].regs = regs[i];
        m->ranks[i].slots = slots[i];
    }
    rank_note(m);
    return place;
}

enum status settle_lights(struct checker *c) {
    struct machine *m = &c->machine;
    uint64_t masks = m->masks, used = m->frame->used, plain = m->plain, walked = m->state.walked;
    for (uint32_t i = 0; i < c->light_count; i++) {
        const struct light *light = &c->light[i];
        m->masks = light->masks | hidden_in(light->held) | (uint64_t)1 << (POINTER_AT + FRAME_POINTER);
        m->frame->used = light->used;
        m->plain = light->plain;
        m->state.walked = light->walked;
        uint32_t place = keep_light(c, (uint32_t)(light->held >> DROPPED_AT));
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

/* Whether all others that wait lightly have dropped these, too. */
static bool all_drop(const struct checker *c, uint64_t dropped) {
    for (uint32_t i = 0; i + 1 < c->light_count; i++) {
        if ((dropped & ~(c->light[i].held >> DROPPED_AT)) != 0) { return false; }
    }
    return true;
}

bool take_up_light(struct checker *c) {
    struct machine *m = &c->machine;
    const struct light *light = &c->light[c->light_count - 1];
    uint64_t then = light->masks | hidden_in(light->held);
    uint32_t written = written_since(m->masks, then);
    if ((written & light->held >> KNOWN_AT) != 0 || (light->plain & ~m->plain) != 0) { return false; }
    if (!all_drop(c, light->held >> DROPPED_AT) || !goes_on(c, light->target)) { return false; }
    write_heads(m->frame->regs, written, then);
    m->masks = then | (uint64_t)1 << (POINTER_AT + FRAME_POINTER);
    if (light->held >> DROPPED_AT != 0) { rank_drop(m, (uint32_t)(light->held >> DROPPED_AT)); }
    m->frame->used = light->used;
    m->plain = light->plain;
    m->state.walked = light->walked;
    m->state.pc = c->from = c->taken_up = light->target;
    c->light_count--;
    c->held = light->held >> KNOWN_AT & ALL_REGS;
    c->held_slots = light->held_slots;
    return true;
}
