/* The half that runs under qemu-aarch64: it executes code that the other half compiled, on worlds in shared memory, and
 * does nothing else, because here everything takes ten times as long. A bare Linux program, started with the shared
 * memory as descriptor 3; each u32 on standard input says that jobs are ready, each on standard output that they are done. */

#include "../bare.h"
#include "neon/neon.h"
#include "world.h"

/* Linux, arm64: asm-generic/unistd.h */
enum { SYS_READ = 63, SYS_WRITE = 64, SYS_EXIT = 93, SYS_MMAP = 222 };

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
THUNK(output)

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
        job->r0[i] = call_marked(job->code_addr, job->arguments[0], job->arguments[1], &lost);
        job->lost[i] = lost != 0 && !job->caller_keeps;
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
    for (uint32_t i = 0; i < HELPER_PLACES; i++) { shared->helper_addr[i] = (uint64_t)number_thunk; }
    shared->helper_addr[HELPER_MAP_LOOKUP_ELEM] = (uint64_t)lookup_thunk;
    shared->helper_addr[HELPER_MAP_UPDATE_ELEM] = (uint64_t)update_thunk;
    shared->helper_addr[HELPER_MAP_DELETE_ELEM] = (uint64_t)delete_thunk;
    shared->helper_addr[HELPER_TRACE_PRINTK] = (uint64_t)print_thunk;
    shared->helper_addr[helper_place(HELPER_RINGBUF_OUTPUT)] = (uint64_t)output_thunk;
    for (uint32_t i = 0; i < VECTOR_COUNT; i++) { shared->vector_addr[i] = (uint64_t)neon_routine_of(i, 0); }
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
