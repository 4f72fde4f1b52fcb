#include "bpf/helpers/helpers.h"
#include "lib/irqflags.h"
#include "lib/mem.h"
#include "lib/refusal.h"
#include "patch/calibrate.h"
#include "patch/compile.h"
#include "patch/modules.h"
#include "patch/service.h"
#include "patch/stage.h"
#include "smp/guard.h"
#include "telemetry/running.h"
#include "telemetry/stats.h"

constexpr uint32_t MEMORY_BYTES = 2048; /* limit of the message */

/* Interrupts are masked while a program of at most this bound runs, so that its count is exact. Longer ones are
 * interrupted, and the time that the timer hook takes is in their count. 2^22 is the budget of the hook: all compiled
 * programs; interpreted ones take some 30 times as long. */
constexpr uint64_t MASKED_BOUND = 1u << 22;
constexpr uint64_t MASKED_BOUND_INTERPRETED = 1u << 17;
/* A timer module has deadlines, and whoever asks for a run need not have signed anything: then the longest stretch is
 * some ten microseconds on the slowest of the boards. */
constexpr uint64_t MASKED_BOUND_BESIDE_MODULES = 1u << 13;
constexpr uint64_t MASKED_BOUND_INTERPRETED_BESIDE_MODULES = 1u << 8;

static uint64_t masked_bound(bool jit) {
    if (hook_slots[HOOK_TIMER].taken == 0) { return jit ? MASKED_BOUND : MASKED_BOUND_INTERPRETED; }
    return jit ? MASKED_BOUND_BESIDE_MODULES : MASKED_BOUND_INTERPRETED_BESIDE_MODULES;
}

static struct run {
    struct compilation compilation;
    struct interp_environment environment;
    struct interp_result interpreted;
    enum status status;
    uint64_t cycles;
    alignas(16) uint8_t memory[MEMORY_BYTES];
} run;

/* For measured_call(). */
static uint64_t interpret(uint64_t memory, uint64_t size) {
    run.status =
        bpf_interpret(&run.compilation.program, &run.environment, memory, size, run.compilation.bound, &run.interpreted);
    return run.interpreted.r0;
}

/* For guard_call(): what faults ends here, too. */
static uint64_t run_compiled(uint64_t memory, uint64_t size) {
    return measured_call((jit_function)run.compilation.code.exec_addr, memory, size, &run.cycles);
}

static uint64_t run_interpreted(uint64_t memory, uint64_t size) {
    return measured_call(interpret, memory, size, &run.cycles);
}

static enum status execute(bool jit, uint32_t size, uint64_t *r0, struct refusal *refusal) {
    static const struct running self = {.name = "run"};
    const bool mask = run.compilation.bound <= masked_bound(jit);
    struct fault fault;
    uint64_t flags = 0;
    running_module[core_id()] = &self;
    if (mask) { flags = irq_save(); }
    enum status status = guard_call(jit ? run_compiled : run_interpreted, (uint64_t)run.memory, size, r0, &fault);
    if (mask) { irq_restore(flags); }
    if (status != STATUS_OK) {
        return REFUSE(refusal, status, "esr 0x%lx far 0x%lx at 0x%lx of the code", fault.esr, fault.far,
                      fault.elr - run.compilation.code.exec_addr);
    }
    return jit ? STATUS_OK : run.status;
}

static enum status program_of(const struct msg_run_request *request, struct span *code, struct refusal *refusal) {
    if (!request->has_code) { return stage_get(request->has_sha, request->sha, code, refusal); }
    *code = request->code;
    return STATUS_OK;
}

static enum status prepare(const struct msg_run_request *request, struct refusal *refusal) {
    struct span code;
    enum status status = program_of(request, &code, refusal);
    if (status == STATUS_OK) { status = compile_begin(&run.compilation, code, HOOK_RUN, refusal); }
    if (status != STATUS_OK) { return status; }
    run.compilation.program.memory_size = request->mem.size;
    status = compile_verify(&run.compilation, request->has_certificate ? request->certificate : (struct span){}, refusal);
    if (status == STATUS_OK) { status = compile_check_budget(&run.compilation, refusal); }
    if (status != STATUS_OK || !request->jit) { return status; }
    return compile_emit(&run.compilation, nullptr, nullptr);
}

enum status handle_run(const struct msg_run_request *request, struct msg_run_response *response,
                       struct refusal *refusal) {
    if (request->mem.size > MEMORY_BYTES) { return STATUS_INVALID_ARGUMENT; }
    run = (struct run){};
    memcpy(run.environment.helper, helper_functions, sizeof(run.environment.helper));
    memcpy(run.memory, request->mem.data, request->mem.size);
    enum status status = prepare(request, refusal);
    uint64_t r0 = 0;
    if (status == STATUS_OK) { status = execute(request->jit, request->mem.size, &r0, refusal); }
    /* Core 0 has left the code, and no other core was ever in it. */
    code_free(&run.compilation.code);
    if (status != STATUS_OK) { return status; }
    stat_add(STAT_runs, 1);
    *response = (struct msg_run_response){
        .r0 = r0,
        .mem = {run.memory, request->mem.size},
        .cycles = run.cycles,
        .jit_bytes = run.compilation.words * 4,
        .bound = run.compilation.bound,
        .verify_insns = run.compilation.verify_cycles,
        .compile_insns = run.compilation.compile_cycles,
    };
    return STATUS_OK;
}
