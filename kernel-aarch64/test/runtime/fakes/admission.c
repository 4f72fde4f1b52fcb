#include "admission.h"
#include "bpf/checker/checker.h"
#include "bpf/jit/jit.h"
#include "bpf/verifier/verifier.h"
#include "drivers/board.h"
#include "drivers/clock.h"
#include "neon/neon.h"
#include "patch/boot_id.h"
#include "trust/keys.h"

enum status fake_cose_status;
enum status fake_period, fake_rate;
enum status fake_verdict;
uint64_t fake_bound = 10;
uint64_t fake_budget = UINT64_MAX;
void (*fake_meanwhile)(void);
uint64_t (*fake_program)(uint64_t, uint64_t);

static struct policy_key rights = {.hooks = UINT32_MAX, .cores = UINT32_MAX, .proofs = UINT32_MAX};
static struct key_record record;

/* The message is the payload, and whoever signed it may do anything. */
enum status keys_open(struct span message, uint32_t, struct signer *out, struct span *payload, struct refusal *) {
    rights.budget = fake_budget;
    *out = (struct signer){.rights = &rights, .record = &record};
    *payload = message;
    return fake_cose_status;
}

enum status keys_check_sequence(const struct signer *, uint64_t sequence, struct refusal *) {
    if (sequence > record.sequence) { return STATUS_OK; }
    return sequence == record.sequence ? STATUS_REPLAYED : STATUS_OLDER_SEQUENCE;
}
void keys_note_sequence(const struct signer *, uint64_t sequence) { record.sequence = sequence; }
uint64_t keys_newest_sequence(void) { return record.sequence; }
enum status keys_check_rate(const struct signer *, struct refusal *) { return fake_rate; }
enum status keys_check_period(const struct signer *, uint32_t, struct refusal *) { return fake_period; }
void keys_note_swap(const struct signer *) {}

enum status bpf_verify(const struct bpf_program *program, const struct verifier_workspace *workspace,
                       struct bpf_facts *facts, struct verifier_result *result) {
    (void)program, (void)workspace, (void)facts;
    void (*const meanwhile)(void) = fake_meanwhile;
    fake_meanwhile = nullptr;
    if (meanwhile != nullptr) { meanwhile(); }
    *result = (struct verifier_result){.status = fake_verdict, .insn = 1, .message = "r1 is bad", .bound = fake_bound};
    return fake_verdict;
}

enum status bpf_check(const struct bpf_program *program, struct span certificate, const struct verifier_workspace *workspace,
                      struct bpf_facts *facts, struct verifier_result *result, const struct observation *observation) {
    (void)certificate, (void)observation;
    return bpf_verify(program, workspace, facts, result);
}

/* Instruction i becomes the words from 4 * i on. */
enum status bpf_jit(const struct bpf_program *program, const struct bpf_facts *facts,
                    const struct jit_environment *environment, uint32_t *out, uint32_t capacity_words,
                    uint32_t *word_of_insn, struct jit_result *result) {
    (void)facts, (void)environment, (void)out;
    if (program->count * 4 > capacity_words) { return STATUS_JIT_TOO_LARGE; }
    for (uint32_t i = 0; i <= program->count; i++) { word_of_insn[i] = i * 4; }
    result->words = program->count * 4;
    return STATUS_OK;
}

const uint8_t *boot_id(void) {
    static const uint8_t id[BOOT_ID_BYTES] = {7};
    return id;
}

const char *board_model(void) { return "a fake board"; }
uint32_t board_features(void) { return 0; }

neon_routine neon_routine_of(uint32_t place, uint32_t features) {
    (void)place, (void)features;
    return nullptr;
}
