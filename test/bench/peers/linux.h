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

enum { SYS_OPENAT = 56, SYS_CLOSE = 57, SYS_READ = 63, SYS_WRITE = 64, SYS_TIMER = 103, SYS_ACTION = 134, SYS_REBOOT = 142, SYS_PRLIMIT = 261, SYS_BPF = 280 };
enum { AT_CURRENT = -100, STDOUT = 1 };
enum : uint32_t { REBOOT_MAGIC1 = 0xfee1dead, REBOOT_MAGIC2 = 672274793, REBOOT_POWER_OFF = 0x4321fedc };

enum bpf_command {
    BPF_MAP_CREATE = 0,
    BPF_MAP_LOOKUP = 1,
    BPF_MAP_UPDATE = 2,
    BPF_PROG_LOAD = 5,
    BPF_PROG_TEST_RUN = 10,
    BPF_OBJ_GET_INFO = 15,
    BPF_BTF_LOAD = 18,
    BPF_MAP_FREEZE = 22,
};
enum { BPF_MAP_TYPE_ARRAY = 2, BPF_PROG_TYPE_XDP = 6, BPF_PSEUDO_MAP_VALUE = 2 };

struct bpf_map_create {
    uint32_t type, key_size, value_size, max_entries, flags, inner, node;
    char name[16];
    uint32_t interface, btf, key_type, value_type;
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
    uint32_t version, flags;
    char name[16];
    uint32_t interface, attach, btf, function_bytes;
    uint64_t functions;
    uint32_t function_count, line_bytes;
    uint64_t lines;
    uint32_t line_count, attach_type;
};
static_assert(sizeof(struct bpf_load) == 112);

struct bpf_btf_load {
    uint64_t btf, log;
    uint32_t bytes, log_bytes, log_level;
};

struct bpf_function {
    uint32_t slot, type;
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

/* ---- what every first process does ---- */

static inline void print(const char *text) {
    uint32_t size = 0;
    while (text[size] != 0) { size++; }
    system_call(SYS_WRITE, STDOUT, (uint64_t)text, size, 0);
}

static inline void print_number(const char *name, uint64_t value) {
    char digits[24];
    char *at = digits + sizeof(digits);
    *--at = 0;
    do { *--at = (char)('0' + value % 10); } while ((value /= 10) != 0);
    print(name);
    print(at);
}

static inline uint32_t read_file(const char *path, uint8_t *file, uint32_t capacity) {
    int64_t opened = system_call(SYS_OPENAT, (uint64_t)AT_CURRENT, (uint64_t)path, 0, 0);
    uint32_t size = 0;
    int64_t got = opened;
    while (got > 0 && size < capacity) {
        got = system_call(SYS_READ, (uint64_t)opened, (uint64_t)(file + size), capacity - size, 0);
        if (got > 0) { size += (uint32_t)got; }
    }
    return size;
}

[[noreturn]] static inline void power_off(void) {
    for (;;) { system_call(SYS_REBOOT, REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_POWER_OFF, 0); }
}

static inline int64_t bpf(enum bpf_command command, void *attributes, uint32_t size) {
    return system_call(SYS_BPF, command, (uint64_t)attributes, size, 0);
}
