/* The half that runs under qemu-aarch64: it executes code that the other half compiled, on worlds in shared memory, and
 * does nothing else, because here everything takes ten times as long. A bare Linux program, started with the shared
 * memory as descriptor 3; each u32 on standard input says that jobs are ready, each on standard output that they are done. */

#include "world.h"

/* Linux, arm64: asm-generic/unistd.h */
enum { SYS_READ = 63, SYS_WRITE = 64, SYS_EXIT = 93, SYS_MMAP = 222 };

static int64_t system_call(int64_t number, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e) {
    register int64_t x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
                     x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = 0;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}

/* Calls code(a, b) with marks in x19..x28 and stores what is changed of them, and of sp, in `lost`. */
uint64_t call_marked(uint64_t code, uint64_t a, uint64_t b, uint64_t *lost);
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
        "    eor x10, x22, #8\n    orr x9, x9, x10\n    eor x10, x23, #16\n    orr x9, x9, x10\n"
        "    eor x10, x24, #32\n    orr x9, x9, x10\n    eor x10, x25, #64\n    orr x9, x9, x10\n"
        "    eor x10, x26, #128\n    orr x9, x9, x10\n    eor x10, x27, #256\n    orr x9, x9, x10\n"
        "    eor x10, x28, #512\n    orr x9, x9, x10\n    mov sp, x29\n    ldr x3, [sp, #96]\n    str x9, [x3]\n"
        "    ldp x19, x20, [sp, #16]\n    ldp x21, x22, [sp, #32]\n    ldp x23, x24, [sp, #48]\n"
        "    ldp x25, x26, [sp, #64]\n    ldp x27, x28, [sp, #80]\n    ldp x29, x30, [sp], #112\n    ret\n");

/* Helpers leave nothing but x0 and what AAPCS64 §6.1.1 protects: all else comes back as rubbish, flags too. */
#define WASTE(reg) "    movn " reg ", #0x1234, lsl #16\n"
#define THUNK(name) \
    uint64_t name##_thunk(void); \
    [[gnu::used]] static uint64_t name##_body(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e) { \
        return world_##name(a, b, c, d, e); \
    } \
    __asm__(".text\n" #name "_thunk:\n    stp x29, x30, [sp, #-16]!\n    bl " #name "_body\n    ldp x29, x30, [sp], #16\n" \
            WASTE("x1") WASTE("x2") WASTE("x3") WASTE("x4") WASTE("x5") WASTE("x6") WASTE("x7") WASTE("x8") WASTE("x9") \
            WASTE("x10") WASTE("x11") WASTE("x12") WASTE("x13") WASTE("x14") WASTE("x15") WASTE("x16") WASTE("x17") \
            WASTE("x18") "    cmp x1, #0\n    ret\n");
THUNK(lookup)
THUNK(update)
THUNK(delete)
THUNK(number)
THUNK(print)

static void copy(void *to, const void *from, uint32_t bytes) {
    uint64_t *d = to;
    const uint64_t *s = from;
    for (uint32_t i = 0; i < (bytes + 7) / 8; i++) { d[i] = s[i]; }
}

static struct shared *const shared = (struct shared *)SHARED_ADDR;

static void run_job(struct job *job) {
    for (uint32_t i = 0; i < RUNS; i++) {
        shared->run = i;
        void *given = (uint8_t *)shared + job->world_offset + i * job->world_stride;
        uint64_t lost;
        copy(the_world(), given, world_bytes(job->memory_size));
        job->r0[i] = call_marked(job->code_addr, (uint64_t)the_world()->memory, job->memory_size, &lost);
        job->lost[i] = lost != 0;
        copy(given, the_world(), world_bytes(job->memory_size));
    }
}

static void run_jobs(void) {
    for (uint32_t i = shared->first; i < shared->count; i++) {
        const struct job *job = &shared->jobs[i];
        copy((void *)job->code_addr, (uint8_t *)shared + job->code_offset, job->code_words * 4);
    }
    __asm__ volatile("dsb ish\n isb" ::: "memory");
    for (uint32_t i = shared->first; i < shared->count; i++) {
        shared->current = i;
        run_job(&shared->jobs[i]);
    }
}

/* PROT_READ | PROT_WRITE | PROT_EXEC; MAP_FIXED, MAP_SHARED or MAP_PRIVATE | MAP_ANONYMOUS */
static void map_at(uint64_t addr, uint64_t bytes, bool is_shared) {
    int64_t got = system_call(SYS_MMAP, (int64_t)addr, (int64_t)bytes, 7, is_shared ? 0x11 : 0x32, is_shared ? SHARED_FD : -1);
    if (got != (int64_t)addr) { system_call(SYS_EXIT, 3, 0, 0, 0, 0); }
}

static void publish_helpers(void) {
    for (uint32_t i = 0; i < HELPER_ID_LIMIT; i++) { shared->helper_addr[i] = (uint64_t)number_thunk; }
    shared->helper_addr[HELPER_MAP_LOOKUP_ELEM] = (uint64_t)lookup_thunk;
    shared->helper_addr[HELPER_MAP_UPDATE_ELEM] = (uint64_t)update_thunk;
    shared->helper_addr[HELPER_MAP_DELETE_ELEM] = (uint64_t)delete_thunk;
    shared->helper_addr[HELPER_TRACE_PRINTK] = (uint64_t)print_thunk;
}

[[noreturn]] void serve(void);
void serve(void) {
    uint32_t word = 0;
    map_at(SHARED_ADDR, SHARED_BYTES, true);
    map_at(WORLD_ADDR, (sizeof(struct world) + 4095) & ~4095ull, false);
    map_at(CODE_NEAR_ADDR, CODE_BYTES, false);
    map_at(CODE_FAR_ADDR, CODE_BYTES, false);
    publish_helpers();
    do {
        system_call(SYS_WRITE, 1, (int64_t)&word, 4, 0, 0);
        if (system_call(SYS_READ, 0, (int64_t)&word, 4, 0, 0) != 4) { break; }
        run_jobs();
    } while (true);
    for (;;) { system_call(SYS_EXIT, 0, 0, 0, 0, 0); }
}

__asm__(".globl _start\n_start:\n    mov x29, #0\n    bl serve\n");
