#include "compile.h"

#include "bpf/jit/jit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { CODE_WORDS_MAX = 65536 };

void world_open(void) {
    void *at = mmap((void *)WORLD_ADDR, sizeof(struct world), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at == the_world()) { return; }
    fprintf(stderr, "no memory at 0x%" PRIx64 "\n", (uint64_t)WORLD_ADDR);
    exit(2);
}

bool space_left(const struct space *space) {
    uint32_t most = CODE_WORDS_MAX * 4 + RUNS * (uint32_t)(sizeof(struct world) + 16);
    return sizeof(struct shared) + space->used + most < SHARED_BYTES && (space->near_words + CODE_WORDS_MAX) * 4 < CODE_BYTES &&
           (space->far_words + CODE_WORDS_MAX) * 4 < CODE_BYTES;
}

void describe_maps(uint64_t map_addr[], uint64_t values[]) {
    for (uint32_t i = 0; i < WORLD_MAPS; i++) {
        map_addr[i] = map_cookie(i);
        values[i] = i < VALUE_MAPS ? (uintptr_t)the_world()->values[i] : (uintptr_t)the_world()->ring.records;
    }
}

/* A quarter of the programs is compiled knowing nothing but that all may be reached. */
static const struct bpf_facts *choose_facts(const struct bpf_facts *facts, uint64_t variant, uint32_t count) {
    static struct bpf_facts fewer;
    if (variant % 4 != 0) { return facts; }
    fewer = *facts;
    for (uint32_t i = 0; i < count; i++) { fewer.flags[i] = FACT_REACHED; }
    fewer.stack_bytes = BPF_STACK_BYTES;
    return &fewer;
}

enum status job_compile(const struct bpf_program *program, const struct bpf_facts *facts, uint64_t variant, struct shared *shared, struct job *job,
                        struct space *space) {
    static uint32_t words[MAX_PROGRAM_INSNS + 1];
    static const uint32_t features[] = {0, JIT_LSE, JIT_LSE | JIT_DOTPROD | JIT_CRC32 | JIT_BTI, JIT_BTI | JIT_IN_ORDER | JIT_ERRATUM_835769};
    uint32_t keeps = variant / 256 % 2 ? JIT_CALLER_KEEPS : 0;
    struct jit_environment environment = {.features = features[variant / 4 % 4] | keeps};
    job->caller_keeps = keeps;
    struct jit_result result = {0};
    bool far = variant / 16 % 8 == 0;
    uint32_t *used = far ? &space->far_words : &space->near_words;
    job->code_addr = (far ? CODE_FAR_ADDR : CODE_NEAR_ADDR) + *used * 4ull;
    job->code_offset = (uint32_t)sizeof(*shared) + space->used;
    environment.code_addr = job->code_addr;
    memcpy(environment.helper_addr, shared->helper_addr, sizeof(environment.helper_addr));
    memcpy(environment.vector_addr, shared->vector_addr, sizeof(environment.vector_addr));
    describe_maps(environment.map_addr, environment.map_value_addr);
    const struct bpf_facts *given = choose_facts(facts, variant, program->count);
    uint32_t *out = (uint32_t *)((uint8_t *)shared + job->code_offset);
    enum status status = bpf_jit(program, given, &environment, out, CODE_WORDS_MAX, variant / 128 % 2 ? words : nullptr, &result);
    if (status != STATUS_OK) { return status; }
    job->code_words = result.words;
    *used += (result.words + 3) & ~3u; /* the executor copies 8 bytes at a time */
    space->used += (result.words * 4 + 15) & ~15u;
    return STATUS_OK;
}

void job_lend_worlds(struct job *job, struct space *space, uint32_t memory_size) {
    job->memory_size = memory_size;
    job->world_stride = (world_bytes(memory_size) + 15) & ~15u;
    job->world_offset = (uint32_t)sizeof(struct shared) + space->used;
    space->used += RUNS * job->world_stride;
}
