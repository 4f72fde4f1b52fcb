/* Signatures of states, of which a comparison asks the same: decisive registers and slots that are live. */

#include "bpf/verifier/signature.h"

#include "bpf/verifier/packing.h"

#include "lib/mem.h"

/* Knuth's multiplicative hash: the high bits depend on all bits of the fact. */
static uint64_t hash(uint64_t fact) {
    enum : uint64_t { GOLDEN = 0x9e3779b97f4a7c15 };
    uint64_t once = fact * GOLDEN;
    return (once ^ once >> 32) * GOLDEN;
}

static void note(struct signature *signature, uint64_t place, uint64_t fact) {
    enum { WORD_AT = 62, BIT_AT = 56 };
    static_assert(SIGNATURE_FACTS == 1 << (64 - WORD_AT));
    uint64_t hashed = hash(hash(place) ^ fact);
    signature->words[1 + (hashed >> WORD_AT)] |= (uint64_t)1 << (hashed >> BIT_AT & 63);
}

/* What a register that covers this one says, too, if it says anything: see compare_regs(). */
static void note_reg(struct signature *signature, uint64_t place, const struct reg *r) {
    uint64_t pointer = r->kind == REG_SCALAR ? 0 : (uint64_t)r->map << 8 | (uint64_t)r->frame << 16 | (uint64_t)(uint32_t)r->off << 32;
    note(signature, 2 * place, r->kind | pointer);
    if (r->var.mask == 0) { note(signature, 2 * place + 1, r->var.value); }
}

void signature_of(const struct verifier *v, const struct state *s, struct signature *signature) {
    memset(signature, 0, sizeof(*signature));
    uint64_t calls = s->depth;
    for (uint32_t f = 0; f <= s->depth; f++) {
        const struct frame *frame = &s->frames[f];
        const struct live *live = live_at(v, frame_pc(s, f));
        calls = hash(calls) + frame->call;
        for (uint32_t regs = set_regs(frame, live) & live->regs_decisive; regs != 0; regs &= regs - 1) {
            uint32_t r = (uint32_t)__builtin_ctz(regs);
            note_reg(signature, f << 8 | r, &frame->regs[r]);
        }
        for (uint64_t used = frame->used & live->slots & live->slots_decisive; used != 0; used &= used - 1) {
            uint32_t i = (uint32_t)__builtin_ctzll(used);
            if (frame->slots[i].spill_bytes != 0) { note_reg(signature, f << 8 | (REGS + i), &frame->slots[i].reg); }
        }
    }
    signature->words[0] = hash(calls) | 1;
}
