/* What the verifier knew before each instruction, for people who ask why: of all ways that came by, what holds on each. */

#include "explain.h"

#include "bpf/verifier/message.h"
#include "bpf/verifier/step.h"
#include "host.h"

enum { SEVERAL_KINDS = UINT8_MAX };

/* The registers but r10, then the stack's slots from the lowest. */
enum { PLACES = FRAME_POINTER + STACK_SLOTS };

struct known {
    uint32_t ways;
    struct reg places[PLACES];
};

static struct known *table; /* of each slot, or null when nobody asked */
static const struct state *last; /* stays as it was when an instruction was refused */
static char text[128];

static bool is_kept_whole(const struct frame *frame, uint32_t slot) {
    return (frame->used >> slot & 1) != 0 && frame->slots[slot].spill_bytes == 8;
}

static void read_place(struct reg *out, const struct state *s, uint32_t place) {
    const struct frame *frame = &s->frames[s->depth];
    if (place < FRAME_POINTER) {
        *out = frame->regs[place];
    } else if (is_kept_whole(frame, place - FRAME_POINTER)) {
        *out = frame->slots[place - FRAME_POINTER].reg;
    } else {
        reg_set_kind(out, REG_UNINIT);
    }
}

static void join_place(struct reg *known, struct reg now) {
    if (known->kind == REG_UNINIT || now.kind == REG_UNINIT) {
        known->kind = REG_UNINIT;
        return;
    }
    if (kind_not_null(known->kind) != kind_not_null(now.kind) || (known->kind != REG_SCALAR && known->map != now.map)) {
        known->kind = SEVERAL_KINDS;
        return;
    }
    if (kind_may_be_null(now.kind)) { known->kind = now.kind; }
    if (known->kind != REG_SCALAR && known->off != now.off) {
        known->var = pointer_offset(known);
        now.var = pointer_offset(&now);
        known->off = 0;
    }
    scalar_join(&known->var, &now.var);
    if (now.range < known->range) { known->range = now.range; }
}

void explain_note(const struct state *s) {
    last = s;
    if (table == nullptr || s->pc >= host.program.count) { return; }
    struct known *known = &table[s->pc];
    for (uint32_t i = 0; i < PLACES; i++) {
        struct reg now;
        read_place(&now, s, i);
        if (known->ways == 0) {
            known->places[i] = now;
        } else {
            join_place(&known->places[i], now);
        }
    }
    known->ways++;
}

void explain_clear(void) {
    last = nullptr;
    for (uint32_t i = 0; table != nullptr && i < host.program.count; i++) { table[i].ways = 0; }
}

uint32_t EXPORT(host_explain_bytes)(void) { return sizeof(struct known); }
/* From now on states are kept there: host_explain_bytes() for each slot of the program, aligned to 16 bytes; 0 ends it. */
void EXPORT(host_explain)(void *memory) { table = memory; }
/* Times that the analysis came by. */
uint32_t EXPORT(host_explain_ways)(uint32_t pc) { return table[pc].ways; }

static const char *describe(const struct reg *r) {
    if (r->kind == SEVERAL_KINDS) { return "differs"; }
    reg_describe(r, text, sizeof(text));
    return text;
}

/* What is known of r0..r9 or of a slot of the stack (10 + slot, the lowest first) there; empty when nothing is. */
const char *EXPORT(host_explain_place)(uint32_t pc, uint32_t place) {
    const struct reg *r = &table[pc].places[place];
    return r->kind == REG_UNINIT ? "" : describe(r);
}

/* Of a register before the instruction that was refused; empty when the refusal is about no single way. */
const char *EXPORT(host_refused_register)(uint32_t pc, uint32_t r) {
    return last != nullptr && last->pc == pc ? describe(&last->regs[r]) : "";
}
