/* A bare Linux program for AArch64 that compiles eBPF programs with the kernel's JIT and runs them: under qemu-aarch64 it
 * tests the code that the JIT makes without a board. Standard input holds records, standard output the answers:
 *   in:  u32 features, u32 slots, u32 memory size, slots * 8 bytes, memory
 *   out: u64 r0, u32 words (0: not compiled), u32 registers or stack pointer not preserved, memory */

#include "bpf/jit/jit.h"

#define MEMORY_BYTES 4096u
#define CODE_BYTES (1u << 18)

/* Linux, arm64: asm-generic/unistd.h */
enum { SYS_READ = 63, SYS_WRITE = 64, SYS_EXIT = 93, SYS_MMAP = 222 };

static int64_t system_call(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e) {
    register int64_t x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
                     x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = 0;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

void *memset(void *to, int value, __SIZE_TYPE__ size);
void *memset(void *to, int value, __SIZE_TYPE__ size) {
    for (__SIZE_TYPE__ i = 0; i < size; i++) { ((volatile uint8_t *)to)[i] = (uint8_t)value; }
    return to;
}

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

/* Calls code(a, b) with marks in x19..x28 and returns, through `lost`, what is left of their sum and of sp's distance. */
uint64_t call_marked(const uint32_t *code, uint64_t a, uint64_t b, uint64_t *lost);
__asm__(".text\n"
        "call_marked:\n"
        "    stp x29, x30, [sp, #-112]!\n"
        "    stp x19, x20, [sp, #16]\n    stp x21, x22, [sp, #32]\n    stp x23, x24, [sp, #48]\n"
        "    stp x25, x26, [sp, #64]\n    stp x27, x28, [sp, #80]\n    str x3, [sp, #96]\n"
        "    mov x29, sp\n    mov x16, x0\n    mov x0, x1\n    mov x1, x2\n"
        "    mov x19, #1\n    mov x20, #2\n    mov x21, #4\n    mov x22, #8\n    mov x23, #16\n"
        "    mov x24, #32\n    mov x25, #64\n    mov x26, #128\n    mov x27, #256\n    mov x28, #512\n"
        "    blr x16\n"
        "    mov x9, sp\n    sub x9, x9, x29\n    eor x10, x19, #1\n    orr x9, x9, x10\n"
        "    eor x10, x20, #2\n    orr x9, x9, x10\n    eor x10, x21, #4\n    orr x9, x9, x10\n"
        "    eor x10, x22, #8\n    orr x9, x9, x10\n    add x10, x23, x24\n    add x10, x10, x25\n"
        "    add x10, x10, x26\n    add x10, x10, x27\n    add x10, x10, x28\n    sub x10, x10, #1008\n"
        "    orr x9, x9, x10\n    mov sp, x29\n    ldr x3, [sp, #96]\n    str x9, [x3]\n"
        "    ldp x19, x20, [sp, #16]\n    ldp x21, x22, [sp, #32]\n    ldp x23, x24, [sp, #48]\n"
        "    ldp x25, x26, [sp, #64]\n    ldp x27, x28, [sp, #80]\n    ldp x29, x30, [sp], #112\n    ret\n");

static struct bpf_insn insns[MAX_PROGRAM_INSNS];
static struct bpf_facts facts;
static uint32_t words[MAX_PROGRAM_INSNS + 1];
static alignas(16) uint8_t memory[MEMORY_BYTES];
static struct jit_environment environment;

/* No verifier here: every slot counts as reached, nothing else is known. */
static void assume_little(uint32_t count) {
    for (uint32_t i = 0; i < count; i++) { facts.flags[i] = FACT_REACHED; }
    facts.stack_bytes = BPF_STACK_BYTES;
}

/* DDI 0487 B2.4.4: data cache to the point of unification, then the instruction cache. */
static void publish(const uint32_t *code, uint32_t count) {
    for (const uint32_t *at = code; at < code + count; at += 4) {
        __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0" ::"r"(at) : "memory");
    }
    __asm__ volatile("dsb ish\n isb" ::: "memory");
}

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
    assume_little(request->count);
    environment.features = request->features;
    environment.code_addr = (uint64_t)code;
    if (!bpf_jit(&program, &facts, &environment, code, CODE_BYTES / 4, words, &result)) {
        uint64_t lost;
        publish(code, result.words);
        answer.words = result.words;
        answer.r0 = call_marked(code, (uint64_t)memory, request->memory_size, &lost);
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
