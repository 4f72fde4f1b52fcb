#include "minimise.h"

#include "slots.h"
#include <string.h>

enum { TRIES = 20000 };

bool fails_alone(struct trial *t, struct emulator *e) {
    struct space space = {0};
    struct job *job = &e->shared->jobs[0];
    enum outcome outcome = trial_prepare(t, e->shared, job, &space);
    if (outcome != OUTCOME_READY) { return outcome == OUTCOME_WRONG; }
    if (emulator_run(e, 0, 1) != 1) {
        strcpy(t->reason, "the compiled code crashes or hangs");
        return true;
    }
    return !trial_compare(t, e->shared, job);
}

/* Keeps the change when the program still fails. */
static bool keep_if_failing(struct trial *t, struct emulator *e, const struct generated *before) {
    if (fails_alone(t, e)) { return true; }
    uint32_t count = before->program.count;
    memcpy(t->generated.insns, before->insns, count * sizeof(before->insns[0]));
    t->generated.program.count = count;
    return false;
}

static bool drop_chunks(struct trial *t, struct emulator *e, uint32_t chunk, uint32_t *tries) {
    static struct generated before;
    bool smaller = false;
    for (uint32_t from = 0; from < t->generated.program.count && *tries < TRIES;) {
        uint32_t to = from + chunk, count = t->generated.program.count;
        to = to > count ? count : to;
        if (to < count && is_wide_constant(t->generated.insns[to - 1])) { to++; }
        before = t->generated;
        remove_slots(&t->generated, from, to);
        (*tries)++;
        if (keep_if_failing(t, e, &before)) {
            smaller = true;
        } else {
            from += chunk;
        }
    }
    return smaller;
}

/* Simpler numbers, and constants in place of what a slot computes. */
static bool simplify(struct trial *t, struct emulator *e, uint32_t *tries) {
    static struct generated before;
    bool changed = false;
    for (uint32_t i = 0; i < t->generated.program.count && *tries < TRIES; i++) {
        struct bpf_insn insn = t->generated.insns[i];
        uint32_t class = insn_class(insn);
        bool computes = class == BPF_CLASS_ALU64 || class == BPF_CLASS_ALU || class == BPF_CLASS_LDX;
        struct bpf_insn constant = {BPF_CLASS_ALU64 | BPF_ALU_MOV, (uint8_t)insn_dst(insn), 0, 1};
        if (!computes || !memcmp(&insn, &constant, sizeof(insn)) || insn.opcode == constant.opcode) { continue; }
        before = t->generated;
        t->generated.insns[i] = constant;
        (*tries)++;
        changed |= keep_if_failing(t, e, &before);
    }
    return changed;
}

void minimise(struct trial *t, struct emulator *e) {
    uint32_t tries = 0;
    bool changed = true;
    for (uint32_t round = 0; changed && round < 6; round++) {
        changed = false;
        for (uint32_t chunk = 64; chunk > 0; chunk /= 2) { changed |= drop_chunks(t, e, chunk, &tries); }
        changed |= simplify(t, e, &tries);
    }
    fails_alone(t, e);
}
