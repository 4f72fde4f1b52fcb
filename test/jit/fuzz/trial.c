#include "trial.h"

#include "bpf/interp/interp.h"
#include "bpf/jit/jit.h"
#include "bpf/verifier/verifier.h"
#include "random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { WORKSPACE_BYTES = 1 << 20, WALK_LIMIT = 2500, WALK_LIMIT_LARGE = 30000, STEP_LIMIT = 60000, CODE_WORDS_MAX = 65536 };

static struct bpf_facts facts;
static struct bpf_facts given; /* to the JIT: these, or less */
static void *workspace;

void trials_open(void) {
    void *at = mmap((void *)WORLD_ADDR, sizeof(struct world), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    workspace = aligned_alloc(16, WORKSPACE_BYTES);
    if (at != the_world() || !workspace) {
        fprintf(stderr, "no memory at 0x%" PRIx64 "\n", (uint64_t)WORLD_ADDR);
        exit(2);
    }
}

bool space_left(const struct space *space) {
    uint32_t most = CODE_WORDS_MAX * 4 + RUNS * (uint32_t)(sizeof(struct world) + 16);
    return sizeof(struct shared) + space->used + most < SHARED_BYTES && (space->near_words + CODE_WORDS_MAX) * 4 < CODE_BYTES &&
           (space->far_words + CODE_WORDS_MAX) * 4 < CODE_BYTES;
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

static void fill_world(struct world *w, uint64_t seed, uint32_t memory_size) {
    struct random random = {seed};
    uint64_t *at = (uint64_t *)w, *end = (uint64_t *)((uint8_t *)w + world_bytes(memory_size));
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

static void describe_maps(uint64_t map_addr[], uint64_t values[]) {
    for (uint32_t i = 0; i < FUZZ_MAPS; i++) {
        map_addr[i] = map_cookie(i);
        values[i] = (uintptr_t)the_world()->values[i];
    }
}

static struct interp_environment interpreter_of(struct watch *watch) {
    struct interp_environment e = {.observer = observe, .observer_cookie = watch};
    for (uint32_t i = 0; i < HELPER_ID_LIMIT; i++) { e.helper[i] = world_number; }
    e.helper[HELPER_MAP_LOOKUP_ELEM] = world_lookup;
    e.helper[HELPER_MAP_UPDATE_ELEM] = world_update;
    e.helper[HELPER_MAP_DELETE_ELEM] = world_delete;
    e.helper[HELPER_TRACE_PRINTK] = world_print;
    describe_maps(e.map_addr, e.map_value_addr);
    return e;
}

static enum outcome interpret(struct trial *t, uint32_t i, uint64_t bound) {
    struct watch watch = {t, UINT32_MAX, false};
    struct interp_environment environment = interpreter_of(&watch);
    struct interp_result result = {0};
    uint64_t limit = bound < STEP_LIMIT ? bound + 1 : STEP_LIMIT;
    const struct bpf_program *p = &t->generated.program;
    enum status status = bpf_interpret(p, &environment, (uintptr_t)the_world()->memory, p->memory_size, limit, &result);
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

/* A quarter of the programs is compiled knowing nothing but that all may be reached. */
static void choose_facts(uint64_t seed, uint32_t count) {
    given = facts;
    if (seed % 4 != 0) { return; }
    for (uint32_t i = 0; i < count; i++) { given.flags[i] = FACT_REACHED; }
    given.stack_bytes = BPF_STACK_BYTES;
}

static enum outcome compile(struct trial *t, struct shared *shared, struct job *job, struct space *space) {
    static uint32_t words[MAX_PROGRAM_INSNS + 1];
    static const uint32_t features[] = {0, JIT_LSE, JIT_LSE | JIT_DOTPROD | JIT_CRC32 | JIT_BTI, JIT_BTI | JIT_IN_ORDER};
    uint32_t keeps = t->seed / 256 % 2 ? JIT_CALLER_KEEPS : 0;
    struct jit_environment environment = {.features = features[t->seed / 4 % 4] | keeps};
    job->caller_keeps = keeps;
    struct jit_result result = {0};
    bool far = t->seed / 16 % 8 == 0;
    uint32_t *used = far ? &space->far_words : &space->near_words;
    job->code_addr = (far ? CODE_FAR_ADDR : CODE_NEAR_ADDR) + *used * 4ull;
    job->code_offset = (uint32_t)sizeof(*shared) + space->used;
    environment.code_addr = job->code_addr;
    memcpy(environment.helper_addr, shared->helper_addr, sizeof(environment.helper_addr));
    memcpy(environment.vector_addr, shared->vector_addr, sizeof(environment.vector_addr));
    describe_maps(environment.map_addr, environment.map_value_addr);
    choose_facts(t->seed, t->generated.program.count);
    uint32_t *out = (uint32_t *)((uint8_t *)shared + job->code_offset);
    if (bpf_jit(&t->generated.program, &given, &environment, out, CODE_WORDS_MAX, t->seed / 128 % 2 ? words : nullptr, &result)) {
        return OUTCOME_TOO_LARGE;
    }
    job->code_words = result.words;
    *used += (result.words + 3) & ~3u; /* the executor copies 8 bytes at a time */
    space->used += (result.words * 4 + 15) & ~15u;
    return OUTCOME_READY;
}

enum outcome trial_prepare(struct trial *t, struct shared *shared, struct job *job, struct space *space) {
    struct verifier_workspace lent = {workspace, WORKSPACE_BYTES, t->generated.program.count > 1200 ? WALK_LIMIT_LARGE : WALK_LIMIT};
    struct verifier_result verdict;
    struct space before = *space;
    t->steps = 0;
    t->reason[0] = 0;
    t->status = bpf_verify(&t->generated.program, &lent, &facts, &verdict);
    if (t->status != STATUS_OK) {
        snprintf(t->reason, sizeof(t->reason), "slot %u: %s", verdict.insn, verdict.message);
        return OUTCOME_REFUSED;
    }
    enum outcome outcome = compile(t, shared, job, space);
    uint32_t size = t->generated.program.memory_size, bytes = world_bytes(size);
    job->memory_size = size;
    job->world_stride = (bytes + 15) & ~15u;
    job->world_offset = (uint32_t)sizeof(*shared) + space->used;
    space->used += RUNS * job->world_stride;
    for (uint32_t i = 0; i < RUNS && outcome == OUTCOME_READY; i++) {
        fill_world(the_world(), t->seed * RUNS + i, size);
        memcpy((uint8_t *)shared + job->world_offset + i * job->world_stride, the_world(), bytes);
        outcome = interpret(t, i, verdict.bound);
        memcpy(t->worlds + i * sizeof(struct world), the_world(), bytes);
    }
    if (outcome != OUTCOME_READY) { *space = before; }
    return outcome;
}

bool trial_compare(struct trial *t, const struct shared *shared, const struct job *job) {
    uint32_t bytes = world_bytes(job->memory_size);
    for (uint32_t i = 0; i < RUNS; i++) {
        const uint8_t *want = t->worlds + i * sizeof(struct world), *got = (const uint8_t *)shared + job->world_offset + i * job->world_stride;
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
