/* Any bytes as a program: the verifier ends, and what it accepts runs within its bound and within its memory.
 * Input: bytes of memory (one byte), then instructions. */
#include "bpf/interp/interp.h"
#include "bpf/verifier/verifier.h"
#include "check.h"
#include <string.h>

constexpr uint32_t WORKSPACE_BYTES = 256 * 1024;
constexpr uint64_t STEPS = 20'000;

static uint64_t helper(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return 0x8000'0001; }

static void execute(const struct bpf_program *program, uint64_t bound) {
    struct interp_environment environment = {};
    struct interp_result result = {};
    for (uint32_t i = 0; i < HELPER_PLACES; i++) { environment.helper[i] = helper; }
    uint8_t *memory = calloc(1, program->memory_size + 1u);
    uint8_t *exact = program->memory_size == 0 ? memory : realloc(memory, program->memory_size);
    MUST(bpf_interpret(program, &environment, (uint64_t)exact, program->memory_size, bound, &result) == STATUS_OK);
    free(exact);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 + BPF_INSN_BYTES) { return 0; }
    static alignas(16) uint8_t memory[WORKSPACE_BYTES];
    static struct bpf_facts facts;
    struct verifier_result result = {};
    const struct verifier_workspace workspace = {memory, sizeof(memory), STEPS};
    const uint32_t count = (uint32_t)(size - 1) / BPF_INSN_BYTES;
    struct bpf_insn *insns = malloc(count * BPF_INSN_BYTES);
    memcpy(insns, data + 1, count * BPF_INSN_BYTES);
    const struct bpf_program program = {.insns = insns, .count = count, .hook = HOOK_RUN, .memory_size = data[0]};
    const enum status status = bpf_verify(&program, &workspace, &facts, &result);
    MUST(status == result.status && memchr(result.message, 0, sizeof(result.message)) != nullptr);
    if (status == STATUS_OK) {
        MUST(result.bound > 0);
        execute(&program, result.bound);
    } else {
        MUST(result.insn < count || count > MAX_PROGRAM_INSNS);
    }
    free(insns);
    return 0;
}
