#include "bpf/jit/copied.h"
#include "bpf/jit/jit.h"
#include "bpf/verifier/verifier.h"
#include "host.h"

static struct jit_environment environment;
static struct jit_result result;

/* Where the code and the helpers will be on the board. */
void EXPORT(host_jit_environment)(uint64_t code_addr, uint64_t helper_base, uint32_t features) {
    environment = (struct jit_environment){.code_addr = code_addr, .features = features};
    for (uint32_t i = 0; i < HELPER_PLACES; i++) { environment.helper_addr[i] = helper_base + i * 64u; } /* other platforms have more of these numbers */
    for (uint32_t i = 0; i < VECTOR_COUNT; i++) { environment.vector_addr[i] = helper_base + (VECTOR_ID_FIRST + i) * 64u; }
    environment.foreign_helper_addr = helper_base;
}

void EXPORT(host_jit_map)(uint32_t i, uint64_t map_addr, uint64_t value_addr) {
    if (i >= MAX_MAPS_PER_PROGRAM) { return; }
    environment.map_addr[i] = map_addr;
    environment.map_value_addr[i] = value_addr;
}

/* Where the arena lies for the kernel, and for users. */
void EXPORT(host_jit_arena)(uint64_t kernel_addr, uint64_t user_addr) {
    environment.arena_addr = kernel_addr;
    environment.arena_high = user_addr;
}

/* As Linux does before it compiles: an address in an arena is 32 bits, so what makes one is of 32 bits; 1 as its offset says that
 * a move is a cast. */
static void narrow_arena(struct bpf_insn *insns, const struct bpf_facts *facts) {
    const uint8_t wide_move = BPF_CLASS_ALU64 | BPF_ALU_MOV | BPF_SRC_X;
    for (uint32_t i = 0; i < host.program.count; i++) {
        bool casts = insns[i].opcode == wide_move && insns[i].off == 1 && insns[i].imm == 1;
        bool computes = facts->arena[i] & ARENA_RESULT && insn_class(insns[i]) == BPF_CLASS_ALU64 && (insns[i].opcode & 0xf0u) != BPF_ALU_END;
        if (casts) { insns[i].off = 0; }
        if (casts || computes) { insns[i].opcode ^= BPF_CLASS_ALU64 ^ BPF_CLASS_ALU; }
    }
}

/* Compiles the program, which it may change, with the facts of host_verify(). Status. */
uint32_t EXPORT(host_jit)(const struct bpf_facts *facts, uint32_t *out, uint32_t capacity_words,
                          uint32_t *word_of_insn) {
    result = (struct jit_result){};
    if (host.program.platform != nullptr) { narrow_arena((struct bpf_insn *)host.program.insns, facts); }
    return bpf_jit(&host.program, facts, &environment, out, capacity_words, word_of_insn, &result);
}

uint32_t EXPORT(host_jit_slot)(const uint32_t *word_of_insn, uint32_t word) {
    return bpf_jit_slot(word_of_insn, host.program.count, word);
}

/* How many turns of the loop that the slot stands in were compiled one after the other. */
uint32_t EXPORT(host_jit_turns)(const uint32_t *word_of_insn, uint32_t slot) { return copied_turns(word_of_insn[slot]) + 1; }

uint32_t EXPORT(host_jit_words)(void) { return result.words; }
