/* A bare Linux program for AArch64 that compiles eBPF programs with the kernel's JIT and runs them: under qemu-aarch64 it
 * tests the code that the JIT makes without a board. Standard input holds records, standard output the answers:
 *   in:  u32 features (bit 31: verify first, else nothing is known of the program), u32 slots, u32 memory size, slots * 8 bytes, memory
 *   out: u64 r0, u32 words (0: not compiled), u32 registers or stack pointer not preserved, memory */

#include "bare.h"
#include "bpf/jit/jit.h"
#include "bpf/verifier/verifier.h"
#include "neon/neon.h"

#define MEMORY_BYTES 4096u
#define CODE_BYTES (1u << 18)

/* Linux, arm64: asm-generic/unistd.h */
enum { SYS_READ = 63, SYS_WRITE = 64, SYS_EXIT = 93, SYS_MMAP = 222 };

static bool read_all(void *to, uint32_t size) {
    for (uint32_t done = 0; done < size;) {
        int64_t got = system_call(SYS_READ, 0, (int64_t)to + done, size - done, 0, 0);
        if (got <= 0) { return false; }
        done += (uint32_t)got;
    }
    return true;
}

static void write_all(const void *from, uint32_t size) {
    for (uint32_t done = 0; done < size;) {
        int64_t put = system_call(SYS_WRITE, 1, (int64_t)from + done, size - done, 0, 0);
        if (put <= 0) { return; }
        done += (uint32_t)put;
    }
}

static struct bpf_insn insns[MAX_PROGRAM_INSNS];
static struct bpf_facts facts;
static uint32_t words[MAX_PROGRAM_INSNS + 1];
static alignas(16) uint8_t memory[MEMORY_BYTES];
static struct jit_environment environment;

/* Without the verifier every slot counts as reached, and nothing else is known. */
static void assume_little(uint32_t count) {
    for (uint32_t i = 0; i < count; i++) { facts.flags[i] = FACT_REACHED; }
    facts.stack_bytes = BPF_STACK_BYTES;
}

static bool verify(const struct bpf_program *program) {
    static alignas(16) uint8_t workspace[1 << 20];
    const struct verifier_workspace lent = {workspace, sizeof(workspace), 1'000'000};
    static struct verifier_result verdict;
    return bpf_verify(program, &lent, &facts, &verdict) == STATUS_OK;
}

static void set_environment(uint32_t features, const uint32_t *code) {
    environment.features = features;
    environment.code_addr = (uint64_t)code;
    for (uint32_t i = 0; i < VECTOR_COUNT; i++) { environment.vector_addr[i] = (uint64_t)neon_routine_of(i, features); }
}

/* DDI 0487 B2.4.4: data cache to the point of unification, then the instruction cache. */
static void publish(const uint32_t *code, uint32_t count) {
    for (const uint32_t *at = code; at < code + count; at += 4) {
        __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0" ::"r"(at) : "memory");
    }
    __asm__ volatile("dsb ish\n isb" ::: "memory");
}

#define VERIFY (1u << 31)

struct request {
    uint32_t features, count, memory_size;
};

struct answer {
    uint64_t r0;
    uint32_t words;
    uint32_t lost;
};

static void run(const struct request *request, uint32_t *code) {
    const struct bpf_program program = {.insns = insns, .count = request->count, .hook = HOOK_RUN,
                                        .memory_size = request->memory_size};
    struct jit_result result = {};
    struct answer answer = {};
    bool accepted = true;
    if (request->features & VERIFY) {
        accepted = verify(&program);
    } else {
        assume_little(request->count);
    }
    set_environment(request->features & ~VERIFY, code);
    if (accepted && !bpf_jit(&program, &facts, &environment, code, CODE_BYTES / 4, words, &result)) {
        uint64_t lost;
        publish(code, result.words);
        answer.words = result.words;
        answer.r0 = call_marked((uint64_t)code, (uint64_t)memory, request->memory_size, &lost);
        answer.lost = lost != 0;
    }
    write_all(&answer, sizeof(answer));
    write_all(memory, request->memory_size);
}

[[noreturn]] void serve(void);
void serve(void) {
    /* PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS */
    uint32_t *code = (uint32_t *)system_call(SYS_MMAP, 0, CODE_BYTES, 7, 0x22, -1);
    struct request request;
    while (read_all(&request, sizeof(request)) && request.count <= MAX_PROGRAM_INSNS &&
           request.memory_size <= MEMORY_BYTES && read_all(insns, request.count * 8) &&
           read_all(memory, request.memory_size)) {
        run(&request, code);
    }
    for (;;) { system_call(SYS_EXIT, 0, 0, 0, 0, 0); }
}

__asm__(".globl _start\n_start:\n    mov x29, #0\n    bl serve\n");
