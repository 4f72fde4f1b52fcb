#include "shown.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool wanted;
static struct {
    uint8_t before[RUN_MEMORY_MAX], after[RUN_MEMORY_MAX];
    uint64_t r0;
} runs[RUNS];

void shown_open(bool are_wanted) { wanted = are_wanted; }

bool shown_begin(const struct claim *claim) {
    const struct bpf_program *program = &claim->generated->program;
    if (!wanted || program->hook != HOOK_RUN || program->platform != nullptr) { return false; }
    for (uint32_t i = 0; i < program->count; i++) {
        struct bpf_insn insn = program->insns[i];
        bool calls = insn.opcode == (BPF_CLASS_JMP | BPF_JMP_CALL) && insn_src(insn) != BPF_PSEUDO_CALL_LOCAL;
        bool wide = insn.opcode == (BPF_CLASS_LD | BPF_SIZE_DW);
        if (calls || (wide && insn_src(insn) != 0)) { return false; }
        i += wide;
    }
    return true;
}

void shown_before(const struct claim *claim, uint32_t run) {
    memcpy(runs[run].before, the_world()->memory, claim->generated->program.memory_size);
}

void shown_after(const struct claim *claim, uint32_t run, uint64_t r0) {
    memcpy(runs[run].after, the_world()->memory, claim->generated->program.memory_size);
    runs[run].r0 = r0;
}

static void print_hex(const void *bytes, uint32_t size) {
    putchar('"');
    for (uint32_t i = 0; i < size; i++) { printf("%02x", ((const uint8_t *)bytes)[i]); }
    putchar('"');
}

void shown_end(const struct claim *claim) {
    const struct bpf_program *program = &claim->generated->program;
    printf("{\"board\":%" PRIu64 ",\"code\":", claim->seed);
    print_hex(program->insns, program->count * BPF_INSN_BYTES);
    printf(",\"certificate\":");
    print_hex(claim->certificate.data, claim->certificate.size);
    printf(",\"runs\":[");
    for (uint32_t i = 0; i < RUNS; i++) {
        printf(i == 0 ? "[" : ",[");
        print_hex(runs[i].before, program->memory_size);
        putchar(',');
        print_hex(runs[i].after, program->memory_size);
        printf(",\"%" PRIx64 "\"]", runs[i].r0);
    }
    printf("]}\n");
}
