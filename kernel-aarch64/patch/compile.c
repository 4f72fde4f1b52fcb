#include "patch/compile.h"
#include "bpf/checker/checker.h"
#include "bpf/helpers/helpers.h"
#include "bpf/verifier/verifier.h"
#include "drivers/board.h"
#include "lib/mem.h"
#include "lib/pmu.h"
#include "lib/refusal.h"
#include "mm/pool.h"
#include "neon/neon.h"
#include "patch/service.h"
#include "patch/timer_hook.h"

constexpr uint32_t WORKSPACE_BYTES = 1024 * 1024;
constexpr uint64_t VERIFIER_STEPS = 4'000'000;

/* Code memory that is tried first, and at most, in words per eBPF slot; prologue, epilogue and literals on top. */
constexpr uint32_t WORDS_PER_INSN = 2;
constexpr uint32_t WORDS_PER_INSN_MAX = 32;
constexpr uint32_t WORDS_ON_TOP = 64;

static struct buffers {
    struct bpf_insn insns[MAX_PROGRAM_INSNS]; /* the bytes arrive unaligned */
    struct bpf_facts facts;
    struct verifier_result verdict;
    struct jit_environment environment;
    alignas(16) uint8_t workspace[WORKSPACE_BYTES];
} *buffers; /* from the pool at the first use, so that start-up need not clear them */

static enum status have_buffers(void) {
    if (buffers != nullptr) { return STATUS_OK; }
    void *memory = nullptr;
    const enum status status = pool_alloc(sizeof(struct buffers), 64, &memory);
    buffers = memory;
    return status;
}

static_assert((uint32_t)NEON_DOTPROD == JIT_DOTPROD && (uint32_t)NEON_CRC32 == JIT_CRC32);

/* The cycle counter without the timer modules that interrupt what is measured. */
static uint64_t own_cycles(void) { return cycles() - timer_cycles(); }

enum status compile_begin(struct compilation *compilation, struct span code, enum hook_id hook,
                          struct refusal *refusal) {
    const uint32_t count = code.size / BPF_INSN_BYTES;
    *compilation = (struct compilation){};
    if (code.size == 0) { return STATUS_EMPTY_PROGRAM; }
    if (count > MAX_PROGRAM_INSNS) {
        return REFUSE(refusal, STATUS_PROGRAM_TOO_LONG, "%u instructions; at most %u", count, MAX_PROGRAM_INSNS);
    }
    if (code.size % BPF_INSN_BYTES != 0) {
        return REFUSE(refusal, STATUS_INVALID_ARGUMENT, "%u bytes of code are not whole instructions of 8", code.size);
    }
    const enum status status = have_buffers();
    if (status != STATUS_OK) { return status; }
    memcpy(buffers->insns, code.data, code.size);
    compilation->program = (struct bpf_program){.insns = buffers->insns, .count = count, .hook = hook};
    return STATUS_OK;
}

static enum status judge(const struct bpf_program *program, struct span certificate) {
    struct verifier_workspace workspace = {
        .memory = buffers->workspace, .size_bytes = WORKSPACE_BYTES, .step_budget = VERIFIER_STEPS};
    if (certificate.size == 0) { return bpf_verify(program, &workspace, &buffers->facts, &buffers->verdict); }
    workspace.size_bytes = CHECKER_WORKSPACE_BYTES;
    workspace.step_budget = CHECKER_STEPS_PER_INSN * program->count;
    return bpf_check(program, certificate, &workspace, &buffers->facts, &buffers->verdict, nullptr);
}

enum status compile_verify(struct compilation *compilation, struct span certificate, struct refusal *refusal) {
    compilation->program.maps = compilation->shapes;
    const uint64_t start = own_cycles();
    const enum status status = judge(&compilation->program, certificate);
    compilation->verify_cycles = own_cycles() - start;
    compilation->facts = &buffers->facts;
    compilation->bound = buffers->verdict.bound;
    if (status == STATUS_OK) { return STATUS_OK; }
    refusal->has_insn = true;
    refusal->insn = buffers->verdict.insn;
    return REFUSE(refusal, status, "%s", buffers->verdict.message);
}

enum status compile_check_budget(const struct compilation *compilation, struct refusal *refusal) {
    static const uint32_t budgets[HOOK_ID_LIMIT] = {
#define HOOK_BUDGET(name, id, budget, context_bytes) [id] = (budget),
        HOOK_TABLE(HOOK_BUDGET)
#undef HOOK_BUDGET
    };
    const uint32_t budget = budgets[compilation->program.hook];
    if (compilation->bound <= budget) { return STATUS_OK; }
    return REFUSE(refusal, STATUS_OVER_BUDGET, "proven %lu instructions, the budget is %u", compilation->bound, budget);
}

uint64_t compile_map_values(const struct bpf_map *map) {
    return map->shape.type == MAP_TYPE_ARRAY ? (uint64_t)map->values : 0;
}

static void set_environment(const struct compilation *compilation, struct bpf_map *const *maps) {
    struct jit_environment *environment = &buffers->environment;
    *environment = (struct jit_environment){.features = board_features() | JIT_CALLER_KEEPS};
    for (uint32_t i = 0; i < HELPER_PLACES; i++) { environment->helper_addr[i] = (uint64_t)helper_functions[i]; }
    for (uint32_t i = 0; i < VECTOR_COUNT; i++) {
        environment->vector_addr[i] = (uint64_t)neon_routine_of(i, environment->features);
    }
    for (uint32_t i = 0; i < compilation->program.map_count; i++) {
        environment->map_addr[i] = (uint64_t)maps[i];
        environment->map_value_addr[i] = compile_map_values(maps[i]);
    }
}

/* One attempt with code memory of this size; the memory is given back when it does not hold the program. */
static enum status emit_into(struct compilation *compilation, uint32_t words, uint32_t *word_of_insn) {
    struct code_area *code = &compilation->code;
    struct jit_result result;
    enum status status = code_alloc(words * 4, code);
    if (status != STATUS_OK) { return status; }
    buffers->environment.code_addr = code->exec_addr;
    const uint64_t start = own_cycles();
    status = bpf_jit(&compilation->program, compilation->facts, &buffers->environment, code->write,
                     code->size_bytes / 4, word_of_insn, &result);
    compilation->compile_cycles += own_cycles() - start;
    compilation->words = result.words;
    if (status != STATUS_OK) {
        code_free(code);
        *code = (struct code_area){};
        return status;
    }
    code_publish(code);
    return STATUS_OK;
}

enum status compile_emit(struct compilation *compilation, struct bpf_map *const *maps, uint32_t *word_of_insn) {
    set_environment(compilation, maps);
    const uint32_t count = compilation->program.count;
    enum status status = STATUS_JIT_TOO_LARGE;
    /* One pass is enough for nearly all programs; compiling once to learn the size would double the time. */
    for (uint32_t factor = WORDS_PER_INSN; factor <= WORDS_PER_INSN_MAX && status == STATUS_JIT_TOO_LARGE; factor *= 4) {
        status = emit_into(compilation, count * factor + WORDS_ON_TOP, word_of_insn);
    }
    return status;
}
