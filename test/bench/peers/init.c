/* The only process of the peer: loads each program of /programs into Linux, measures it there and as native code, prints
 * one line a program and powers off. Time is QEMU's, one nanosecond an instruction (-icount shift=0). */
#include "linux.h"
#include "natives.h"

constexpr uint32_t FILE_BYTES = 1 << 18;
constexpr uint32_t MEMORY_BYTES = 4096;
constexpr uint32_t MAX_SLOTS = 4096;
constexpr uint32_t JIT_BYTES = 1 << 16;
/* Odd. The timer interrupt falls into few samples, the median has none of it. */
constexpr uint32_t SAMPLES = 11;
/* ld_imm64 r1, address of the map's value; r2 = its size. */
constexpr uint32_t PREFIX_SLOTS = 3;

static alignas(16) uint8_t file[FILE_BYTES];
static alignas(16) uint8_t memory[MEMORY_BYTES];
static uint64_t code[MAX_SLOTS];
static uint8_t jit[JIT_BYTES];
static char log_text[16384];

/* ---- printing ---- */

static void print_hex(const char *name, const uint8_t *bytes, uint32_t size) {
    static char text[2 * JIT_BYTES + 1];
    for (uint32_t i = 0; i < size; i++) {
        text[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    text[2 * size] = 0;
    print(name);
    print(text);
}

/* ---- time ---- */

/* Compilers call these for loops that copy and fill. */
void *memcpy(void *restrict to, const void *restrict from, unsigned long size) {
    for (unsigned long i = 0; i < size; i++) { ((uint8_t *)to)[i] = ((const uint8_t *)from)[i]; }
    return to;
}

void *memset(void *to, int value, unsigned long size) {
    for (unsigned long i = 0; i < size; i++) { ((uint8_t *)to)[i] = (uint8_t)value; }
    return to;
}

static uint64_t now_ns(void) {
    uint64_t count;
    uint64_t frequency;
    __asm__ volatile("isb\n\tmrs %0, cntvct_el0\n\tmrs %1, cntfrq_el0" : "=r"(count), "=r"(frequency) : : "memory");
    return count * (1'000'000'000 / frequency);
}

static uint64_t median(uint64_t samples[SAMPLES]) {
    for (uint32_t i = 1; i < SAMPLES; i++) {
        for (uint32_t j = i; j > 0 && samples[j - 1] > samples[j]; j--) {
            uint64_t larger = samples[j - 1];
            samples[j - 1] = samples[j];
            samples[j] = larger;
        }
    }
    return samples[SAMPLES / 2];
}

/* ---- native ---- */

static uint64_t measure_native(native_function function, uint32_t repeat) {
    uint64_t samples[SAMPLES];
    for (uint32_t s = 0; s < SAMPLES; s++) {
        native_function volatile called = function;
        native_function call = called;
        uint64_t start = now_ns();
        for (uint32_t i = 0; i < repeat; i++) { call(memory); }
        samples[s] = (now_ns() - start + repeat / 2) / repeat;
    }
    return median(samples);
}

static void run_native(const char *name, native_function function, const struct record *record, const uint8_t *input) {
    for (uint32_t i = 0; i < record->memory_bytes; i++) { memory[i] = input[i]; }
    uint32_t result = function(memory);
    print(" ");
    print(name);
    print_number("_result=", result);
    print(" ");
    print(name);
    print_hex("_memory=", memory, record->memory_bytes);
    print(" ");
    print(name);
    print_number("_ns=", measure_native(function, record->repeat));
}

/* ---- Linux ---- */

static int64_t make_map(const struct record *record, const uint8_t *input) {
    struct bpf_map_create create = {.type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = record->memory_bytes, .max_entries = 1};
    int64_t map = bpf(BPF_MAP_CREATE, &create, sizeof(create));
    if (map < 0) { return map; }
    uint32_t key = 0;
    struct bpf_map_element element = {.map = (uint32_t)map, .key = (uint64_t)&key, .value = (uint64_t)input};
    int64_t status = bpf(BPF_MAP_UPDATE, &element, sizeof(element));
    return status < 0 ? status : map;
}

static int64_t load(const struct record *record, const uint64_t *program, int64_t map) {
    code[0] = 0x18 | 1 << 8 | BPF_PSEUDO_MAP_VALUE << 12 | (uint64_t)map << 32;
    code[1] = 0;
    code[2] = 0xb7 | 2 << 8 | (uint64_t)record->memory_bytes << 32;
    for (uint32_t i = 0; i < record->slots; i++) { code[PREFIX_SLOTS + i] = program[i]; }
    struct bpf_load load = {
        .type = BPF_PROG_TYPE_XDP,
        .slots = record->slots + PREFIX_SLOTS,
        .code = (uint64_t)code,
        .license = (uint64_t)"Apache-2.0",
    };
    uint64_t start = now_ns();
    int64_t status = bpf(BPF_PROG_LOAD, &load, sizeof(load));
    print_number(" load_ns=", now_ns() - start);
    if (status >= 0) { return status; }
    load.log_level = 1;
    load.log = (uint64_t)log_text;
    load.log_bytes = sizeof(log_text);
    bpf(BPF_PROG_LOAD, &load, sizeof(load));
    return status;
}

static int64_t test_run(int64_t program, uint32_t repeat, struct bpf_test_run *run) {
    static uint8_t frame[64];
    *run = (struct bpf_test_run){
        .program = (uint32_t)program,
        .data_bytes = sizeof(frame),
        .data = (uint64_t)frame,
        .repeat = repeat,
    };
    return bpf(BPF_PROG_TEST_RUN, run, sizeof(*run));
}

static void print_jit(int64_t program) {
    struct bpf_program_info info = {.jit_bytes = JIT_BYTES, .jit = (uint64_t)jit};
    struct bpf_get_info get = {(uint32_t)program, sizeof(info), (uint64_t)&info};
    if (bpf(BPF_OBJ_GET_INFO, &get, sizeof(get)) < 0 || info.jit_bytes > JIT_BYTES) { return; }
    print_hex(" jit=", jit, info.jit_bytes);
}

static int64_t measure_linux(const struct record *record, int64_t program, int64_t map) {
    struct bpf_test_run run;
    uint64_t samples[SAMPLES];
    int64_t status = test_run(program, 1, &run);
    uint32_t key = 0;
    struct bpf_map_element element = {.map = (uint32_t)map, .key = (uint64_t)&key, .value = (uint64_t)memory};
    if (status < 0 || (status = bpf(BPF_MAP_LOOKUP, &element, sizeof(element))) < 0) { return status; }
    print_number(" linux_result=", run.result);
    print_hex(" linux_memory=", memory, record->memory_bytes);
    for (uint32_t s = 0; s < SAMPLES; s++) {
        status = test_run(program, record->repeat, &run);
        if (status < 0) { return status; }
        samples[s] = run.duration_ns;
    }
    print_number(" linux_ns=", median(samples));
    print_jit(program);
    return 0;
}

static int64_t run_linux(const struct record *record, const uint64_t *program, const uint8_t *input) {
    int64_t map = make_map(record, input);
    if (map < 0) { return map; }
    int64_t loaded = load(record, program, map);
    return loaded < 0 ? loaded : measure_linux(record, loaded, map);
}

/* ---- all of them ---- */

static void run_record(const struct record *record, const uint64_t *program, const uint8_t *input) {
    print("peer ");
    print(record->name);
    const struct native *native = native_named(record->name);
    if (native) {
        run_native("native", native->fast, record, input);
        run_native("plain", native->plain, record, input);
    }
    int64_t status = run_linux(record, program, input);
    if (status < 0) { print_number(" linux_errno=", (uint64_t)-status); }
    print(" end\n");
    if (log_text[0] != 0) {
        print(log_text);
        log_text[0] = 0;
    }
}

static void run_all(uint32_t size) {
    uint32_t at = 0;
    while (at + sizeof(struct record) <= size) {
        const struct record *record = (const struct record *)(file + at);
        const uint64_t *program = (const uint64_t *)(record + 1);
        const uint8_t *input = (const uint8_t *)(program + record->slots);
        at += (uint32_t)sizeof(*record) + record->slots * 8 + record->memory_bytes;
        if (at > size || record->memory_bytes > MEMORY_BYTES || record->slots + PREFIX_SLOTS > MAX_SLOTS) { return; }
        run_record(record, program, input);
    }
}

/* The stack is aligned at entry (System V ABI for AArch64). */
[[noreturn]] void _start(void) {
    print("\npeers begin\n");
    run_all(read_file("/programs", file, FILE_BYTES));
    print("peers end\n");
    power_off();
}
