#include "trial.h"

#include "bpf/interp/interp.h"
#include "bpf/verifier/verifier.h"
#include "given.h"
#include "random.h"
#include "ring.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKSPACE_BYTES = 1 << 20, WALK_LIMIT = 2500, WALK_LIMIT_LARGE = 30000, STEP_LIMIT = 60000 };

static struct bpf_facts facts;
static void *workspace;

void trials_open(void) {
    world_open();
    workspace = aligned_alloc(16, WORKSPACE_BYTES);
}

/* ---- facts ---- */

struct watch {
    struct trial *trial;
    uint32_t branch; /* a conditional jump that was just executed; UINT32_MAX: none */
    bool wrong;
};

static void refute(struct watch *w, uint32_t insn, const char *fact) {
    if (!w->wrong) { snprintf(w->trial->reason, sizeof(w->trial->reason), "%s does not hold at slot %u", fact, insn); }
    w->wrong = true;
}

static bool is_conditional(struct bpf_insn insn) {
    uint32_t class = insn_class(insn), op = insn.opcode & 0xf0u;
    return (class == BPF_CLASS_JMP || class == BPF_CLASS_JMP32) && op != BPF_JMP_JA && op != BPF_JMP_CALL && op != BPF_JMP_EXIT;
}

static void observe(void *cookie, uint32_t insn, const uint64_t regs[11]) {
    struct watch *w = cookie;
    struct bpf_insn now = w->trial->generated.insns[insn];
    uint32_t flags = facts.flags[insn];
    if (w->branch != UINT32_MAX && w->trial->generated.insns[w->branch].off != 0) {
        bool taken = insn != w->branch + 1;
        if (taken && facts.flags[w->branch] & FACT_NEVER_TAKEN) { refute(w, w->branch, "FACT_NEVER_TAKEN"); }
        if (!taken && facts.flags[w->branch] & FACT_ALWAYS_TAKEN) { refute(w, w->branch, "FACT_ALWAYS_TAKEN"); }
        if (taken && !(flags & FACT_JUMP_TARGET)) { refute(w, insn, "the absence of FACT_JUMP_TARGET"); }
    }
    w->branch = is_conditional(now) ? insn : UINT32_MAX;
    if (!(flags & FACT_REACHED)) { refute(w, insn, "the absence of FACT_REACHED"); }
    if (flags & FACT_DST_UPPER_ZERO && regs[insn_dst(now)] >> 32) { refute(w, insn, "FACT_DST_UPPER_ZERO"); }
    if (flags & FACT_SRC_UPPER_ZERO && regs[insn_src(now)] >> 32) { refute(w, insn, "FACT_SRC_UPPER_ZERO"); }
    for (uint32_t i = 0; flags & FACT_ADDRESS && i < facts.index_count; i++) {
        const struct bpf_index_fact *index = &facts.indexes[i];
        uint64_t number = regs[index->object & INDEX_IN_DST ? insn_dst(now) : insn_src(now)];
        bool odd = (index->object & INDEX_ODD) == INDEX_ODD;
        if (index->slot == insn && !odd && (number > index->most || number & ~(uint64_t)index->bits)) { refute(w, insn, "the range of the index"); }
    }
    if (flags & FACT_SRC_NONZERO) {
        uint64_t src = regs[insn_src(now)];
        if ((insn_class(now) == BPF_CLASS_ALU ? (uint32_t)src : src) == 0) { refute(w, insn, "FACT_SRC_NONZERO"); }
    }
}

/* ---- runs ---- */

static bool is_packet(const struct bpf_program *p) { return p->hook == HOOK_PACKET; }

static void arguments_of(const struct bpf_program *p, uint64_t arguments[2]) {
    arguments[0] = is_packet(p) ? (uintptr_t)&the_world()->context : (uintptr_t)the_world()->memory;
    arguments[1] = is_packet(p) ? 0 : p->memory_size;
}

static void fill_world(struct world *w, uint64_t seed, uint32_t memory_size) {
    struct random random = {seed};
    memset(w, 0, offsetof(struct world, trace));
    w->value_bytes[ARRAY_MAP] = w->value_bytes[HASH_MAP] = VALUE_BYTES;
    uint64_t *at = &w->trace, *end = (uint64_t *)((uint8_t *)w + world_bytes(memory_size));
    for (uint64_t style = 0; at < end; at++) {
        if (((uintptr_t)at & 63) == 0) { style = random_next(&random); }
        switch (style & 7) {
        case 0: *at = 0; break;
        case 1: *at = (uint64_t)(int64_t)random_imm(&random); break;
        case 2: *at = random_below(&random, 16); break;
        case 3: *at = (uint32_t)random_next(&random); break;
        case 4: *at = UINT64_MAX; break;
        default: *at = random_next(&random); break;
        }
        style = style >> 3 | style << 61;
    }
}

/* All of the memory mostly, else some bytes less. */
static void lend_frame(struct world *w, uint64_t seed, uint32_t memory_size) {
    struct random random = {seed};
    uint32_t size = memory_size - (random_chance(&random, 80) ? 0 : random_below(&random, memory_size + 1));
    w->context = (struct packet_context){(uintptr_t)w->memory, (uintptr_t)w->memory + size, random_next(&random), size, 0};
}

static struct interp_environment interpreter_of(struct watch *watch) {
    struct interp_environment e = {.observer = observe, .observer_cookie = watch};
    for (uint32_t i = 0; i < HELPER_PLACES; i++) { e.helper[i] = world_number; }
    e.helper[HELPER_MAP_LOOKUP_ELEM] = world_lookup;
    e.helper[HELPER_MAP_UPDATE_ELEM] = world_update;
    e.helper[HELPER_MAP_DELETE_ELEM] = world_delete;
    e.helper[HELPER_TRACE_PRINTK] = world_print;
    e.helper[helper_place(HELPER_RINGBUF_OUTPUT)] = kernel_output;
    describe_maps(e.map_addr, e.map_value_addr);
    return e;
}

static enum outcome interpret(struct trial *t, uint32_t i, uint64_t bound) {
    struct watch watch = {t, UINT32_MAX, false};
    struct interp_environment environment = interpreter_of(&watch);
    struct interp_result result = {0};
    uint64_t limit = bound < STEP_LIMIT ? bound + 1 : STEP_LIMIT;
    const struct bpf_program *p = &t->generated.program;
    uint64_t arguments[2];
    arguments_of(p, arguments);
    enum status status = bpf_interpret(p, &environment, arguments[0], arguments[1], limit, &result);
    t->r0[i] = result.r0;
    t->steps += result.steps;
    if (watch.wrong) { return OUTCOME_WRONG; }
    if (status == STATUS_BUDGET_EXCEEDED && limit == STEP_LIMIT) { return OUTCOME_LONG; }
    if (status != STATUS_OK || result.steps > bound) {
        snprintf(t->reason, sizeof(t->reason), "the interpreter ends with status %d after %" PRIu64 " steps, bound %" PRIu64, status, result.steps, bound);
        return OUTCOME_WRONG;
    }
    return OUTCOME_READY;
}

enum outcome trial_prepare(struct trial *t, struct shared *shared, struct job *job, struct space *space) {
    struct verifier_workspace lent = {workspace, WORKSPACE_BYTES, given_count() != 0 || t->generated.program.count > 1200 ? WALK_LIMIT_LARGE : WALK_LIMIT};
    struct verifier_result verdict;
    struct space before = *space;
    t->steps = 0;
    t->reason[0] = 0;
    t->status = bpf_verify(&t->generated.program, &lent, &facts, &verdict);
    if (t->status != STATUS_OK) {
        snprintf(t->reason, sizeof(t->reason), "slot %u: %s", verdict.insn, verdict.message);
        return OUTCOME_REFUSED;
    }
    if (job_compile(&t->generated.program, &facts, t->seed, shared, job, space) != STATUS_OK) {
        snprintf(t->reason, sizeof(t->reason), "the compiler has no room for it");
        return OUTCOME_WRONG;
    }
    enum outcome outcome = OUTCOME_READY;
    uint32_t size = t->generated.program.memory_size, bytes = world_bytes(size);
    job_lend_worlds(job, space, size);
    arguments_of(&t->generated.program, job->arguments);
    for (uint32_t i = 0; i < RUNS && outcome == OUTCOME_READY; i++) {
        fill_world(the_world(), t->seed * RUNS + i, size);
        fill_ring(t->seed * RUNS + i);
        if (is_packet(&t->generated.program)) { lend_frame(the_world(), t->seed + i, size); }
        memcpy(job_world(shared, job, i), the_world(), bytes);
        outcome = interpret(t, i, verdict.bound);
        memcpy(t->worlds + i * sizeof(struct world), the_world(), bytes);
    }
    if (outcome != OUTCOME_READY) { *space = before; }
    return outcome;
}

bool trial_compare(struct trial *t, struct shared *shared, const struct job *job) {
    uint32_t bytes = world_bytes(job->memory_size);
    for (uint32_t i = 0; i < RUNS; i++) {
        const uint8_t *want = t->worlds + i * sizeof(struct world), *got = job_world(shared, job, i);
        if (job->r0[i] != t->r0[i]) {
            snprintf(t->reason, sizeof(t->reason), "input %u: r0 is 0x%" PRIx64 ", interpreter has 0x%" PRIx64, i, job->r0[i], t->r0[i]);
        } else if (job->lost[i]) {
            snprintf(t->reason, sizeof(t->reason), "input %u: a callee-saved register or the stack pointer is not restored", i);
        } else if (memcmp(want, got, bytes)) {
            uint32_t at = 0;
            while (want[at] == got[at]) { at++; }
            snprintf(t->reason, sizeof(t->reason), "input %u: byte %d of the memory is 0x%02x, interpreter has 0x%02x (below 0: a map, or what a helper got)", i,
                     (int)at - (int)offsetof(struct world, memory), got[at], want[at]);
        } else {
            continue;
        }
        return false;
    }
    return true;
}
