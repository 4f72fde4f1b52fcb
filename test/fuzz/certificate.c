/* Any bytes as a certificate: the checker ends, reads nothing behind them, and what it accepts runs within its bound and its
 * memory. Input: bytes of memory, slots of the program, the program, the certificate. */
#include "bpf/checker/checker.h"
#include "bpf/interp/interp.h"
#include "check.h"
#include <string.h>

constexpr uint64_t STEPS = 20'000;
constexpr uint64_t LONGEST_RUN = 2'000'000;

static uint64_t helper(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t) { return 0x8000'0001; }

static void execute(const struct bpf_program *program, uint64_t bound) {
    struct interp_environment environment = {};
    struct interp_result result = {};
    for (uint32_t i = 0; i < HELPER_PLACES; i++) { environment.helper[i] = helper; }
    uint8_t *memory = malloc(program->memory_size + (program->memory_size == 0));
    memset(memory, 7, program->memory_size);
    const enum status status = bpf_interpret(program, &environment, (uint64_t)memory, program->memory_size,
                                             bound < LONGEST_RUN ? bound : LONGEST_RUN, &result);
    MUST(status == STATUS_OK || bound > LONGEST_RUN);
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || data[1] == 0 || size < 2 + (size_t)data[1] * BPF_INSN_BYTES) { return 0; }
    static alignas(16) uint8_t memory[CHECKER_WORKSPACE_BYTES];
    static struct bpf_facts facts;
    struct verifier_result result = {};
    const struct verifier_workspace workspace = {memory, sizeof(memory), STEPS};
    const uint32_t count = data[1], code_bytes = count * BPF_INSN_BYTES, left = (uint32_t)size - 2 - code_bytes;
    struct bpf_insn *insns = malloc(code_bytes);
    uint8_t *certificate = malloc(left + (left == 0));
    memcpy(insns, data + 2, code_bytes);
    memcpy(certificate, data + 2 + code_bytes, left);
    const struct bpf_program program = {.insns = insns, .count = count, .hook = HOOK_RUN, .memory_size = data[0]};
    const enum status status = bpf_check(&program, (struct span){certificate, left}, &workspace, &facts, &result, nullptr);
    MUST(status == result.status && memchr(result.message, 0, sizeof(result.message)) != nullptr);
    if (status == STATUS_OK) {
        MUST(result.bound > 0);
        execute(&program, result.bound);
    } else {
        MUST(result.insn < count);
    }
    free(certificate);
    free(insns);
    return 0;
}
