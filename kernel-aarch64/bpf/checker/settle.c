/* States that wait lightly, where the machine's state changes what they know: registers are shelved before, or they come to wait like all
 * others. */

#include "bpf/checker/light.h"

enum { REG_WORDS = FIELD_WORDS + VALUE_WORDS };
static_assert(REG_WORDS * sizeof(uint64_t) == sizeof(struct reg));

bool shelve(struct loop *l, uint32_t regs) {
    struct checker *c = l->c;
    const uint64_t held = (uint64_t)regs << KNOWN_AT | (uint64_t)(regs & ~l->m->followed) << BARRED_AT;
    for (struct light *light = c->light; light != l->free; light++) {
        light->held &= ~held;
        for (uint32_t own = held_by(light) & regs; own != 0; own &= own - 1) {
            if (c->shelves == UINT32_MAX) { return false; }
            uint32_t r = (uint32_t)__builtin_ctz(own), shelf = (uint32_t)__builtin_ctz(~c->shelves);
            c->shelves |= 1u << shelf;
            reg_copy(&c->shelf[shelf], &l->regs[r]);
            light->shelf[r] = (uint8_t)shelf;
            light->shelved |= (uint16_t)(1u << r);
        }
    }
    l->held &= ~held;
    return true;
}
static_assert(SHELVES == 32);

void exchange(struct checker *c, const struct light *light) {
    for (uint32_t shelved = light->shelved; shelved != 0; shelved &= shelved - 1) {
        uint32_t r = (uint32_t)__builtin_ctz(shelved), shelf = light->shelf[r];
        aliased_word *kept = (aliased_word *)&c->shelf[shelf], *now = (aliased_word *)&c->machine.frame->regs[r];
        for (uint32_t i = 0; i < REG_WORDS; i++) {
            uint64_t word = kept[i];
            kept[i] = now[i];
            now[i] = word;
        }
        c->shelves &= ~(1u << shelf);
    }
}

bool shelves_match(const struct loop *l, const struct light *light) {
    uint64_t differs = light->shelved & ~known_in(l->masks);
    for (uint32_t shelved = light->shelved; shelved != 0; shelved &= shelved - 1) {
        uint32_t r = (uint32_t)__builtin_ctz(shelved);
        const aliased_word *kept = words_in(&l->c->shelf[light->shelf[r]]), *now = words_in(&l->regs[r]);
        for (uint32_t i = 0; i < REG_WORDS; i++) { differs |= kept[i] ^ now[i]; }
    }
    return differs == 0;
}

bool may_free(struct loop *l, uint32_t r) {
    uint64_t dropped = UINT64_MAX;
    if (r >= FRAME_POINTER || is_alone(l)) { return r < FRAME_POINTER; }
    for (const struct light *light = l->c->light; light != l->free; light++) { dropped &= light->held >> DROPPED_AT; }
    for (uint32_t i = 0; i < l->m->rank_count; i++) {
        if (in_mask(l->m->ranks[i].regs, r) && (dropped >> i & 1) == 0) { return false; }
    }
    return shelve(l, (uint32_t)(l->held >> KNOWN_AT) & 1u << r);
}

bool unfollow(struct loop *l, uint32_t r) {
    if (!may_free(l, r)) { return false; }
    rank_forget(l->m, 1u << r);
    if ((l->held >> HIDDEN_AT >> r & 1) != 0) { l->masks |= (NUMBER | LOOSE) << r; }
    l->held &= ~((uint64_t)1 << HIDDEN_AT << r);
    follow(l);
    return true;
}

enum status settle_lights(struct checker *c) {
    struct machine *m = &c->machine;
    uint64_t masks = m->masks, used = m->frame->used, plain = m->plain, walked = m->state.walked;
    for (uint32_t i = 0; i < c->light_count; i++) {
        const struct light *light = &c->light[i];
        exchange(c, light);
        m->masks = light->masks | hidden_in(light->held) | (uint64_t)1 << (POINTER_AT + FRAME_POINTER);
        m->frame->used = light->used;
        m->plain = light->plain;
        m->state.walked = light->walked;
        uint32_t place = keep(c, nullptr, (uint32_t)(light->held >> DROPPED_AT));
        if (place == 0) { return refuse(c->v, STATUS_TOO_MANY_STATES, light->target, "%u states wait", (uint64_t)c->v->states); }
        begin_wait(c, light->target, place);
        exchange(c, light);
    }
    c->light_count = c->held = c->shelves = 0;
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
