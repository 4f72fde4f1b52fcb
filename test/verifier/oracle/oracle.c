/* The soundness oracle: each random program (every other one with random damage, half of them by the rules of platforms
 * where addresses are no secret) that the verifier accepts runs in the interpreter; before each instruction
 * the concrete registers and stack must lie in an abstract state of the verifier there, every fact must hold, and the
 * run must not be longer than the bound. Memory is allocated exactly, so that the sanitizer sees any access outside.
 *
 * usage: oracle [programs] [first seed] */

#include "bpf/interp/interp.h"
#include "bpf/verifier/instruction.h"
#include "bpf/verifier/observe.h"
#include "bpf/verifier/platform.h"
#include "certificates.h"
#include "check.h"
#include "generator.h"
#include "random.h"
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATES_KEPT = 48, RUNS = 3, WORKSPACE_BYTES = 256 * 1024 };

/* Abstract states seen before one instruction. */
struct seen {
    uint32_t count; /* more than STATES_KEPT: some were not kept, and nothing is checked here */
    struct state states[STATES_KEPT];
};

enum { ARENA_BYTES = 128 * 1024 * 1024 };

struct collected {
    struct seen at[GENERATED_MAX + 64];
    uint8_t *arena; /* frames of the kept states */
    size_t used;
};

static void clear(void *cookie) {
    struct collected *c = cookie;
    for (uint32_t pc = 0; pc < GENERATED_MAX + 64; pc++) { c->at[pc].count = 0; }
    c->used = 0;
}

/* Only what is used: most of a frame is slots that nothing wrote. */
static void copy_frame(struct frame *to, const struct frame *from) {
    memcpy(to, from, offsetof(struct frame, slots));
    for (uint64_t used = from->used; used != 0; used &= used - 1) {
        uint32_t i = (uint32_t)__builtin_ctzll(used);
        to->slots[i] = from->slots[i];
    }
}

static void collect(void *cookie, const struct state *state) {
    struct collected *c = cookie;
    struct seen *seen = &c->at[state->pc];
    if (seen->count++ >= STATES_KEPT) { return; }
    size_t bytes = (state->depth + 1) * sizeof(*state->frames);
    if (c->used + bytes > ARENA_BYTES) {
        seen->count = STATES_KEPT + 1;
        return;
    }
    struct state *kept = &seen->states[seen->count - 1];
    *kept = *state;
    kept->frames = (struct frame *)(c->arena + c->used);
    c->used += bytes;
    for (uint32_t f = 0; f <= state->depth; f++) { copy_frame(&kept->frames[f], &state->frames[f]); }
}

/* ---- a run ---- */

struct run {
    const struct generated *generated;
    const struct collected *collected;
    const struct bpf_facts *facts;
    struct world world;
    uint64_t seed, checked;
    uint32_t last_pc;
    bool begun, taken_known;
};

[[noreturn]] static void escape(const struct run *run, uint32_t pc, const char *what, const char *reason) {
    printf("seed %" PRIu64 ", instruction %u: %s (%s)\n", run->seed, pc, what, reason);
    for (uint32_t i = 0; i < run->generated->program.count; i++) {
        const uint8_t *b = (const uint8_t *)&run->generated->insns[i];
        for (uint32_t j = 0; j < 8; j++) { printf("%02x", b[j]); }
    }
    printf("\n");
    exit(1);
}

static void check_facts(const struct run *run, uint32_t pc, const uint64_t regs[11]) {
    struct bpf_insn insn = run->generated->insns[pc];
    uint8_t flags = run->facts->flags[pc];
    uint64_t dst = regs[insn_dst(insn)], src = regs[insn_src(insn) <= 10 ? insn_src(insn) : 0];
    bool is64 = insn_class(insn) == BPF_CLASS_ALU64;
    if ((flags & FACT_REACHED) == 0) { escape(run, pc, "not marked as reached", "facts"); }
    if ((flags & FACT_DST_UPPER_ZERO) != 0 && dst >> 32 != 0) { escape(run, pc, "upper half of dst", "facts"); }
    if ((flags & FACT_SRC_UPPER_ZERO) != 0 && src >> 32 != 0) { escape(run, pc, "upper half of src", "facts"); }
    if ((flags & FACT_SRC_NONZERO) != 0 && (is64 ? src : (uint32_t)src) == 0) { escape(run, pc, "src is zero", "facts"); }
    for (uint32_t i = 0; (flags & FACT_ADDRESS) != 0 && i < run->facts->index_count; i++) {
        const struct bpf_index_fact *index = &run->facts->indexes[i];
        uint64_t number = index->object & INDEX_IN_DST ? dst : src;
        bool odd = (index->object & INDEX_ODD) == INDEX_ODD;
        if (index->slot == pc && !odd && (number > index->most || (number & ~(uint64_t)index->bits) != 0)) { escape(run, pc, "number added to a pointer", "facts"); }
    }
    if (!run->begun) { return; }
    struct bpf_insn last = run->generated->insns[run->last_pc];
    uint8_t last_flags = run->facts->flags[run->last_pc];
    uint32_t next = run->last_pc + 1 + (insn_shapes[last.opcode] == SHAPE_LD_IMM64);
    bool conditional = insn_shapes[last.opcode] == SHAPE_COND_K || insn_shapes[last.opcode] == SHAPE_COND_X;
    if (conditional && last.off != 0) {
        if ((last_flags & FACT_ALWAYS_TAKEN) != 0 && pc == next) { escape(run, run->last_pc, "jump not taken", "facts"); }
        if ((last_flags & FACT_NEVER_TAKEN) != 0 && pc != next) { escape(run, run->last_pc, "jump taken", "facts"); }
    }
    if (pc != next && insn_shapes[last.opcode] != SHAPE_EXIT && (flags & FACT_JUMP_TARGET) == 0) { escape(run, pc, "not marked as target", "facts"); }
}

static void observe(void *cookie, uint32_t pc, const uint64_t regs[11]) {
    struct run *run = cookie;
    if (!run->begun) { run->world.stack_top = regs[10]; }
    check_facts(run, pc, regs);
    run->begun = true;
    run->last_pc = pc;
    const struct seen *seen = &run->collected->at[pc];
    if (seen->count > STATES_KEPT) { return; } /* not all were kept */
    const char *reason = "no state";
    for (uint32_t i = 0; i < seen->count; i++) {
        if (state_admits(&seen->states[i], &run->world, regs, &reason)) {
            run->checked++;
            return;
        }
    }
    escape(run, pc, "outside every abstract state", reason);
}

/* Maps of the oracle: the array holds every index below its size, the hash half of its keys, by chance. */
static struct run *running;

static uint64_t helper_lookup(uint64_t map, uint64_t key, uint64_t r3, uint64_t r4, uint64_t r5) {
    (void)r3, (void)r4, (void)r5;
    const struct world *w = &running->world;
    uint32_t i = map == w->map[ARRAY_MAP] ? ARRAY_MAP : HASH_MAP;
    uint64_t index = 0;
    memcpy(&index, (const void *)(uintptr_t)key, i == ARRAY_MAP ? 4 : 8);
    return index < w->entries[i] ? w->map_values[i] + index * w->value_stride[i] : 0;
}

static uint64_t helper_write(uint64_t map, uint64_t key, uint64_t r3, uint64_t r4, uint64_t r5) {
    (void)r3, (void)r4, (void)r5;
    return helper_lookup(map, key, 0, 0, 0) == 0 ? (uint64_t)-2 : 0;
}

/* Reads every byte that it was given, so that the sanitizer sees what the verifier let pass. */
static uint64_t helper_log(uint64_t text, uint64_t size, uint64_t r3, uint64_t r4, uint64_t r5) {
    (void)r3, (void)r4, (void)r5;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < size; i++) { sum += ((const uint8_t *)(uintptr_t)text)[i]; }
    return sum;
}

static uint64_t helper_number(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5) {
    return r1 * 7 + r2 * 5 + r3 * 3 + r4 + r5 + 0x123456789abcdef;
}

/* The interpreter has no may_goto: in one run they all jump, in another none does. */
static struct bpf_program without_may_goto(const struct bpf_program *program, struct bpf_insn *insns, bool jumps) {
    for (uint32_t i = 0; i < program->count; i++) {
        insns[i] = program->insns[i];
        if (insns[i].opcode != PLATFORM_MAY_GOTO) { continue; }
        insns[i].opcode = BPF_CLASS_JMP | BPF_JMP_JA;
        if (!jumps) { insns[i].off = 0; }
    }
    struct bpf_program runs = *program;
    runs.insns = insns;
    return runs;
}

static void run_once(struct run *run, uint64_t bound) {
    struct random random = {run->seed ^ 0x5bd1e995};
    struct bpf_insn insns[GENERATED_MAX + 64];
    struct bpf_program runs = without_may_goto(&run->generated->program, insns, run->seed % 2), *program = &runs;
    uint32_t size = program->memory_size + (program->hook == HOOK_PACKET ? random_below(&random, 9) * 4 : 0);
    if (program->hook == HOOK_PACKET && random_chance(&random, 10)) { size = random_below(&random, program->memory_size); }
    uint8_t *memory = aligned_alloc(8, (size + 7) & ~7u);
    for (uint32_t i = 0; i < ((size + 7) & ~7u); i++) { memory[i] = random_chance(&random, 30) ? 0 : (uint8_t)random_next(&random); }
    struct packet_context context = {(uintptr_t)memory, (uintptr_t)memory + size, random_next(&random), size, 0};
    struct interp_environment environment = {.observer = observe, .observer_cookie = run};
    for (uint32_t i = 0; i < HELPER_ID_LIMIT; i++) { environment.helper[i] = helper_number; }
    environment.helper[HELPER_MAP_LOOKUP_ELEM] = helper_lookup;
    environment.helper[HELPER_MAP_UPDATE_ELEM] = environment.helper[HELPER_MAP_DELETE_ELEM] = helper_write;
    environment.helper[HELPER_TRACE_PRINTK] = helper_log;
    struct world *w = &run->world;
    *w = (struct world){.context = (uintptr_t)&context, .memory = (uintptr_t)memory, .packet = (uintptr_t)memory, .packet_end = (uintptr_t)memory + size};
    uint8_t *values[ORACLE_MAPS];
    for (uint32_t i = 0; i < ORACLE_MAPS; i++) {
        w->entries[i] = program->maps[i].max_entries;
        w->value_stride[i] = (program->maps[i].value_size + 7) & ~7u;
        values[i] = calloc(w->entries[i], w->value_stride[i]);
        w->map_values[i] = environment.map_value_addr[i] = (uintptr_t)values[i];
        w->map[i] = environment.map_addr[i] = (uintptr_t)&values[i];
    }
    run->begun = false;
    running = run;
    struct interp_result result;
    bool packet = program->hook == HOOK_PACKET;
    enum status status = bpf_interpret(program, &environment, packet ? w->context : w->memory, packet ? 0 : size, bound + 1, &result);
    if (status != STATUS_OK) { escape(run, run->last_pc, "the interpreter stopped", "status"); }
    if (result.steps > bound) { escape(run, 0, "longer than its bound", "bound"); }
    for (uint32_t i = 0; i < ORACLE_MAPS; i++) { free(values[i]); }
    free(memory);
}

struct totals {
    uint64_t accepted, refused, checked, steps;
    uint64_t by_status[1024];
    struct certificate_totals certificates;
};

/* What was accepted runs, with every state checked; returns how many were. */
static uint64_t run_accepted(void *cookie, const struct generated *generated, const struct bpf_facts *facts, uint64_t bound, uint64_t seed) {
    uint64_t checked = 0;
    for (uint32_t i = 0; i < RUNS; i++) {
        struct run run = {.generated = generated, .collected = cookie, .facts = facts, .seed = seed + i * 1000003u};
        run_once(&run, bound);
        checked += run.checked;
    }
    return checked;
}

static void check_program(uint64_t seed, struct collected *collected, void *workspace_memory, struct totals *totals) {
    static struct generated generated;
    static struct bpf_facts facts;
    generate(seed, &generated);
    if (seed % 2 != 0) { mutate(seed, &generated); }
    struct bpf_platform privileged = platform_velocity;
    privileged.privileged = true;
    if (seed % 4 >= 2) { generated.program.platform = &privileged; }
    struct verifier_workspace workspace = {workspace_memory, WORKSPACE_BYTES, 200000};
    struct verifier_result result;
    clear(collected);
    struct observation observation = {collect, clear, collected};
    bpf_verify_observed(&generated.program, &workspace, &facts, &result, &observation);
    totals->by_status[result.status]++;
    totals->steps += result.steps;
    if (result.status != STATUS_OK) {
        totals->refused++;
        return;
    }
    totals->accepted++;
    totals->checked += run_accepted(collected, &generated, &facts, result.bound, seed);
}

int main(int count, char **arguments) {
    uint64_t programs = count > 1 ? strtoull(arguments[1], nullptr, 0) : 1000, seed = count > 2 ? strtoull(arguments[2], nullptr, 0) : 1;
    struct collected *collected = calloc(1, sizeof(*collected));
    collected->arena = malloc(ARENA_BYTES);
    void *workspace = aligned_alloc(16, WORKSPACE_BYTES);
    struct totals totals = {0};
    struct certificate_oracle *certificates = certificates_open(&(struct certificate_hooks){{collect, clear, collected}, run_accepted});
    for (uint64_t i = 0; i < programs; i++) {
        check_program(seed + i, collected, workspace, &totals);
        certificates_try(certificates, seed + i, &totals.certificates);
    }
    certificates_close(certificates);
    free(collected->arena);
    free(collected);
    free(workspace);
    printf("{\"programs\":%" PRIu64 ",\"seed\":%" PRIu64 ",\"accepted\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"checked\":%" PRIu64 ",\"walked\":%" PRIu64
           ",\"certified\":%" PRIu64 ",\"certified_checked\":%" PRIu64 ",\"damaged\":%" PRIu64 ",\"damaged_accepted\":%" PRIu64 ",\"inferred_refused\":%" PRIu64 ",\"codes\":{",
           programs, seed, totals.accepted, totals.refused, totals.checked, totals.steps, totals.certificates.accepted, totals.certificates.checked,
           totals.certificates.damaged, totals.certificates.damaged_accepted, totals.certificates.inferred_refused);
    const char *comma = "";
#define COUNT(name, code, sentence) \
    if (totals.by_status[code] != 0) { \
        printf("%s\"" #name "\":%" PRIu64, comma, totals.by_status[code]); \
        comma = ","; \
    }
    STATUS_TABLE(COUNT)
    printf("}}\n");
    return 0;
}
