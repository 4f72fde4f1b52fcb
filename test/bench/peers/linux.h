/* The few system calls of Linux on arm64 that the measuring init program needs, without a C library.
 * Numbers: include/uapi/asm-generic/unistd.h; layouts of bpf(2): include/uapi/linux/bpf.h. */
#pragma once

#include <stdint.h>

static inline int64_t system_call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    register uint64_t x8 __asm__("x8") = number;
    register uint64_t x0 __asm__("x0") = a;
    register uint64_t x1 __asm__("x1") = b;
    register uint64_t x2 __asm__("x2") = c;
    register uint64_t x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return (int64_t)x0;
}

enum { SYS_OPENAT = 56, SYS_READ = 63, SYS_WRITE = 64, SYS_REBOOT = 142, SYS_BPF = 280 };
enum { AT_CURRENT = -100, STDOUT = 1 };
enum : uint32_t { REBOOT_MAGIC1 = 0xfee1dead, REBOOT_MAGIC2 = 672274793, REBOOT_POWER_OFF = 0x4321fedc };

enum bpf_command {
    BPF_MAP_CREATE = 0,
    BPF_MAP_LOOKUP = 1,
    BPF_MAP_UPDATE = 2,
    BPF_PROG_LOAD = 5,
    BPF_PROG_TEST_RUN = 10,
    BPF_OBJ_GET_INFO = 15,
};
enum { BPF_MAP_TYPE_ARRAY = 2, BPF_PROG_TYPE_XDP = 6, BPF_PSEUDO_MAP_VALUE = 2 };

struct bpf_map_create {
    uint32_t type, key_size, value_size, max_entries, flags;
};

struct bpf_map_element {
    uint32_t map;
    alignas(8) uint64_t key;
    uint64_t value, flags;
};

struct bpf_load {
    uint32_t type, slots;
    uint64_t code, license;
    uint32_t log_level, log_bytes;
    uint64_t log;
};

struct bpf_test_run {
    uint32_t program, result, data_bytes, output_bytes;
    uint64_t data, output;
    uint32_t repeat, duration_ns;
    uint64_t unused[4];
};
static_assert(sizeof(struct bpf_test_run) == 72);

struct bpf_get_info {
    uint32_t object, info_bytes;
    uint64_t info;
};

struct bpf_program_info {
    uint32_t type, id;
    uint8_t tag[8];
    uint32_t jit_bytes, translated_bytes;
    uint64_t jit, translated;
};

static inline int64_t bpf(enum bpf_command command, void *attributes, uint32_t size) {
    return system_call(SYS_BPF, command, (uint64_t)attributes, size, 0);
}
