/* A bare Linux program for AArch64 that calls the array look-up of the kernel's own image, as linked, with one instruction of
 * it replaced: under qemu-aarch64 it does what a CPU does that guessed a branch wrong, and tells where it would have read.
 *   in:  u32 bytes of the image, u32 entry of array_value() in it; the image; then records of u32 place, u32 instruction to
 *        have there, u32 index, u32 entries of the array
 *   out: for each record what it returned: bytes from the first value, or the largest u64 for null */

#include "bare.h"
#include "bpf/maps/map.h"

#define IMAGE_BYTES (1u << 20)
#define STRIDE 8u

/* Linux, arm64: asm-generic/unistd.h */
enum { SYS_READ = 63, SYS_WRITE = 64, SYS_EXIT = 93, SYS_MMAP = 222 };

struct header {
    uint32_t image_bytes, entry;
};

struct request {
    uint32_t place, word, index, entries;
};

static bool read_all(void *to, uint32_t size) {
    for (uint32_t done = 0; done < size;) {
        int64_t got = system_call(SYS_READ, 0, (int64_t)to + done, size - done, 0, 0);
        if (got <= 0) { return false; }
        done += (uint32_t)got;
    }
    return true;
}

/* DDI 0487 B2.4.4: data cache to the point of unification, then the instruction cache. */
static void put(uint32_t *at, uint32_t word) {
    *at = word;
    __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0\n dsb ish\n isb" ::"r"(at) : "memory");
}

static uint64_t look_up(uint64_t entry, const struct request *request) {
    static alignas(8) uint8_t values[STRIDE];
    const struct bpf_map map = {
        .shape = {.type = MAP_TYPE_ARRAY, .key_size = 4, .value_size = STRIDE, .max_entries = request->entries},
        .stride = STRIDE,
        .values = values,
    };
    uint64_t lost;
    const uint64_t found = call_marked(entry, (uint64_t)&map, (uint64_t)&request->index, &lost);
    return found == 0 ? UINT64_MAX : found - (uint64_t)values;
}

[[noreturn]] void serve(void);
void serve(void) {
    /* PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS */
    uint8_t *image = (uint8_t *)system_call(SYS_MMAP, 0, IMAGE_BYTES, 7, 0x22, -1);
    struct header header;
    struct request request;
    const bool whole = read_all(&header, sizeof(header)) && header.image_bytes <= IMAGE_BYTES && read_all(image, header.image_bytes);
    while (whole && read_all(&request, sizeof(request))) {
        uint32_t *at = (uint32_t *)(void *)(image + request.place);
        const uint32_t was = *at;
        put(at, request.word);
        const uint64_t answer = look_up((uint64_t)image + header.entry, &request);
        put(at, was);
        (void)system_call(SYS_WRITE, 1, (int64_t)&answer, sizeof(answer), 0, 0);
    }
    for (;;) { system_call(SYS_EXIT, 0, 0, 0, 0, 0); }
}

__asm__(".globl _start\n_start:\n    mov x29, #0\n    bl serve\n");
