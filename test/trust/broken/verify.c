/* A verifier that believes everything, in the place of bpf_verify(): what a program does that no verifier should
 * have let through is then the board's to catch. It proves nothing, so the compiler gets no fact but that all is reached.
 * And a compiler that makes of each `mov #0xbad` what no CPU knows. */
#include "bpf/jit/jit.h"
#include "bpf/verifier/verifier.h"
#include "lib/mem.h"

enum status __wrap_bpf_verify(const struct bpf_program *program, const struct verifier_workspace *workspace,
                              struct bpf_facts *facts, struct verifier_result *result);

enum status __wrap_bpf_verify(const struct bpf_program *program, const struct verifier_workspace *, struct bpf_facts *facts,
                       struct verifier_result *result) {
    memset(facts->flags, FACT_REACHED | FACT_JUMP_TARGET, program->count);
    facts->stack_bytes = BPF_STACK_BYTES;
    *result = (struct verifier_result){.status = STATUS_OK, .bound = 1};
    return STATUS_OK;
}

enum status __real_bpf_jit(const struct bpf_program *program, const struct bpf_facts *facts,
                           const struct jit_environment *environment, uint32_t *out, uint32_t capacity_words,
                           uint32_t *word_of_insn, struct jit_result *result);
enum status __wrap_bpf_jit(const struct bpf_program *program, const struct bpf_facts *facts,
                           const struct jit_environment *environment, uint32_t *out, uint32_t capacity_words,
                           uint32_t *word_of_insn, struct jit_result *result);

enum status __wrap_bpf_jit(const struct bpf_program *program, const struct bpf_facts *facts,
                           const struct jit_environment *environment, uint32_t *out, uint32_t capacity_words,
                           uint32_t *word_of_insn, struct jit_result *result) {
    const enum status status =
        __real_bpf_jit(program, facts, environment, out, capacity_words, word_of_insn, result);
    for (uint32_t i = 0; status == STATUS_OK && i < result->words; i++) {
        /* MOVZ Wd or Xd, #0xbad becomes UDF #0 (Arm ARM C6.2.254, C6.2.387). */
        if ((out[i] & 0x7fffffe0) == (0x52800000 | 0xbad << 5)) { out[i] = 0; }
    }
    return status;
}
