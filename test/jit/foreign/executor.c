/* Runs programs for Linux under qemu-aarch64, interpreted and compiled, on the same memory and with the same helpers, which call the
 * program's functions as Linux does: bpf_loop(), bpf_for_each_map_elem(), and timers, which here run when they are started. A bare Linux
 * program: records (record.h) on standard input, a line for each on standard output. */

#include "../bare.h"
#include "interpret.h"
#include "record.h"

enum { SYS_READ = 63, SYS_WRITE = 64, SYS_EXIT = 93, SYS_MMAP = 222, SYS_MPROTECT = 226 };
enum : uint32_t { ENTRIES = 4, VALUE_MAX = 1024, PACKET_BYTES = 128, ARENA_BYTES = 16384, STACK_BYTES = 16 * BPF_STACK_BYTES };
enum { LOOKUP = 1, UPDATE = 2, DELETE = 3, FOR_EACH = 164, TIMER_INIT = 169, TIMER_SET = 170, TIMER_START = 171, LOOP = 181 };
enum : uint64_t { STEPS_MAX = 400'000, LOOPS_MAX = 64 };

struct world {
    uint64_t values[MAPS_MAX][ENTRIES][VALUE_MAX / 8];
    uint8_t packet[PACKET_BYTES];
    uint64_t context[64];
    uint64_t trace;
};

#define WORLD ((struct world *)0x680000000ull)
#define PAST ((struct world *)0x690000000ull) /* as it was before, and as the interpreter left it */
#define STACK ((uint8_t *)0x6a0000000ull) /* of the interpreter: below 4 GiB all is the arena's */
#define ARENA_PAST (ARENA_ADDR + ARENA_BYTES)

static struct record head;
static struct map_record maps[MAPS_MAX];
static struct bpf_insn insns[SLOTS_MAX];
static uint32_t words[WORDS_MAX], slot_of[WORDS_MAX];
static uint64_t timer_functions[MAPS_MAX];

static bool get(void *to, uint64_t bytes) {
    for (uint8_t *at = to; bytes;) {
        int64_t got = system_call(SYS_READ, 0, (int64_t)at, (int64_t)bytes, 0, 0);
        if (got <= 0) { return false; }
        at += got;
        bytes -= (uint64_t)got;
    }
    return true;
}

[[noreturn]] static void leave(int64_t code) {
    for (;;) { system_call(SYS_EXIT, code, 0, 0, 0, 0); }
}

static void map_at(uint64_t addr, uint64_t bytes) {
    if ((uint64_t)system_call(SYS_MMAP, (int64_t)addr, (int64_t)bytes, 7, 0x32, -1) != addr) { leave(3); }
}

static void copy(void *to, const void *from, uint64_t bytes) {
    for (uint64_t i = 0; i < bytes / 8; i++) { ((volatile uint64_t *)to)[i] = ((const uint64_t *)from)[i]; }
}

static bool same(const void *a, const void *b, uint64_t bytes) {
    for (uint64_t i = 0; i < bytes / 8; i++) {
        if (((const uint64_t *)a)[i] != ((const uint64_t *)b)[i]) { return false; }
    }
    return true;
}

static uint64_t next_number(uint64_t *state) {
    *state += 0x9e3779b97f4a7c15ull;
    uint64_t z = (*state ^ *state >> 30) * 0xbf58476d1ce4e5b9ull;
    return z ^ z >> 27;
}

/* What a helper is asked goes into what it and those after it answer: addresses, which differ, left out. */
static void trace(uint64_t number) {
    WORLD->trace = (WORLD->trace ^ number) * 0x9e3779b97f4a7c15ull;
    WORLD->trace ^= WORLD->trace >> 29;
}

static uint8_t *value_of(uint32_t map, uint32_t entry) { return (uint8_t *)WORLD->values[map] + entry * maps[map].value_bytes; }
static uint64_t value_at(uint32_t map, uint32_t offset) {
    return maps[map].type == 33 ? ARENA_USER + offset : (uint64_t)(uintptr_t)value_of(map, 0) + offset;
}

static uint8_t *entry_of(uint32_t map, uint64_t key_addr) {
    uint32_t key = *(const uint32_t *)(uintptr_t)key_addr;
    trace(map << 8 | key);
    return key < maps[map].entries && key < ENTRIES ? value_of(map, key) : nullptr;
}

static struct interpreter *running; /* null while compiled code runs */

static uint64_t call_back(uint64_t function, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
    if (running) { return interpret(running, (uint32_t)(function - FUNCTION_TAG), (const uint64_t[5]){a, b, c, d}); }
    return ((uint64_t(*)(uint64_t, uint64_t, uint64_t, uint64_t))(uintptr_t)function)(a, b, c, d);
}

static uint64_t loop(const uint64_t *r) {
    uint64_t times = (uint32_t)r[0] < LOOPS_MAX ? (uint32_t)r[0] : LOOPS_MAX, done = 0;
    trace((uint32_t)r[0]);
    while (done < times && call_back(r[1], done, r[2], 0, 0) == 0 && !(running && running->failed)) { done++; }
    return done;
}

static uint64_t for_each(uint32_t map, const uint64_t *r) {
    uint32_t key = 0;
    while (key < maps[map].entries && key < ENTRIES) {
        uint32_t given = key++;
        if (call_back(r[1], r[0], (uint64_t)(uintptr_t)&given, (uint64_t)(uintptr_t)value_of(map, given), r[2])) { break; }
    }
    return key;
}

/* The timer lies in the first value of the map of this number. */
static uint64_t start_timer(uint32_t map) {
    uint32_t key = 0;
    call_back(timer_functions[map], MAP_COOKIE + map * MAP_STEP, (uint64_t)(uintptr_t)&key, (uint64_t)(uintptr_t)value_of(map, 0), 0);
    return 0;
}

static uint64_t load_packet(uint32_t bytes, uint32_t offset) {
    uint64_t value = 0;
    trace(offset);
    if (offset > PACKET_BYTES - bytes) { return (uint64_t)-14; }
    for (uint32_t i = 0; i < bytes; i++) { value = value << 8 | WORLD->packet[offset + i]; }
    return value;
}

static uint64_t set_value(uint8_t *entry, const void *value, uint32_t bytes) {
    if (!entry) { return (uint64_t)-7; }
    copy(entry, value, bytes);
    return 0;
}

static uint32_t map_of_timer(uint64_t addr) { return (uint32_t)((addr - (uint64_t)(uintptr_t)WORLD->values) / sizeof(WORLD->values[0])); }

static uint64_t helper(struct interpreter *interpreter, uint32_t slot, const uint64_t *r) {
    (void)interpreter;
    struct bpf_insn insn = insns[slot];
    uint32_t map = (uint32_t)((r[0] - MAP_COOKIE) / MAP_STEP) % MAPS_MAX;
    trace(slot);
    if (insn_class(insn) == BPF_CLASS_LD) { return load_packet(4u >> (insn.opcode >> 3 & 3), (uint32_t)r[1]); }
    switch (insn.imm) {
    case LOOKUP: return (uint64_t)(uintptr_t)entry_of(map, r[1]);
    case UPDATE: return set_value(entry_of(map, r[1]), (const void *)(uintptr_t)r[2], maps[map].value_bytes);
    case DELETE: return entry_of(map, r[1]) ? 0 : (uint64_t)-2;
    case FOR_EACH: return for_each(map, r);
    case LOOP: return loop(r);
    case TIMER_INIT: return 0;
    case TIMER_SET: timer_functions[map_of_timer(r[0])] = r[1]; return 0;
    case TIMER_START: return start_timer(map_of_timer(r[0]));
    default: return WORLD->trace;
    }
}

/* Which helper is called the slot says that the call was compiled from. */
[[gnu::used]] uint64_t helper_called(const uint64_t *arguments, uint64_t return_addr) {
    uint64_t word = (return_addr - CODE_ADDR) / 4 - 1;
    if (word >= head.words || slot_of[word] == NO_SLOT) { leave(4); }
    return helper(nullptr, slot_of[word], arguments);
}

/* Leaves nothing but x0 and what AAPCS64 §6.1.1 protects. */
#define WASTE(reg) "    movn " reg ", #0x1234, lsl #16\n"
void helper_thunk(void);
__asm__(".text\nhelper_thunk:\n    stp x0, x1, [sp, #-64]!\n    stp x2, x3, [sp, #16]\n    stp x4, x30, [sp, #32]\n    mov x1, x30\n"
        "    mov x0, sp\n    bl helper_called\n    ldr x30, [sp, #40]\n    add sp, sp, #64\n" WASTE("x1") WASTE("x2") WASTE("x3")
        WASTE("x4") WASTE("x5") WASTE("x6") WASTE("x7") WASTE("x8") WASTE("x9") WASTE("x10") WASTE("x11") WASTE("x12") WASTE("x13")
        WASTE("x14") WASTE("x15") WASTE("x16") WASTE("x17") WASTE("x18") "    ret\n");

/* ldr x16, .+8; br x16; the address */
static void place_helpers(void) {
    for (uint32_t i = 0; i < 1024; i++) {
        uint32_t *at = (uint32_t *)(HELPER_ADDR + i * HELPER_STEP);
        uint64_t thunk = (uint64_t)(uintptr_t)helper_thunk;
        at[0] = 0x58000050;
        at[1] = 0xd61f0200;
        at[2] = (uint32_t)thunk;
        at[3] = (uint32_t)(thunk >> 32);
    }
}

static void fill(void *to, uint64_t bytes, uint64_t *state) {
    for (uint64_t i = 0; i < bytes / 8; i++) {
        uint64_t number = next_number(state);
        ((volatile uint64_t *)to)[i] = number & 7 ? number : number >> 56;
    }
}

/* Whether compiled code and interpreter agree on one world. */
static bool run_once(uint64_t seed) {
    uint64_t state = seed, lost;
    struct interpreter interpreter = {.insns = insns, .helper = helper, .map_value = value_at, .steps_left = STEPS_MAX, .stack = STACK + STACK_BYTES};
    const uint64_t arguments[5] = {(uint64_t)(uintptr_t)WORLD->context};
    fill(WORLD, sizeof(*WORLD), &state);
    fill((void *)ARENA_ADDR, ARENA_BYTES, &state);
    copy(&PAST[0], WORLD, sizeof(*WORLD));
    copy((void *)ARENA_PAST, (void *)ARENA_ADDR, ARENA_BYTES);
    running = &interpreter;
    uint64_t expected = interpret(&interpreter, 0, arguments);
    running = nullptr;
    if (interpreter.failed) { return false; }
    copy(&PAST[1], WORLD, sizeof(*WORLD));
    copy((void *)(ARENA_PAST + ARENA_BYTES), (void *)ARENA_ADDR, ARENA_BYTES);
    copy(WORLD, &PAST[0], sizeof(*WORLD));
    copy((void *)ARENA_ADDR, (void *)ARENA_PAST, ARENA_BYTES);
    uint64_t result = call_marked(CODE_ADDR, arguments[0], 0, &lost);
    return result == expected && same(WORLD, &PAST[1], sizeof(*WORLD)) && same((void *)ARENA_ADDR, (void *)(ARENA_PAST + ARENA_BYTES), ARENA_BYTES);
}

static void put(const char *text) {
    uint64_t bytes = 0;
    while (text[bytes]) { bytes++; }
    system_call(SYS_WRITE, 1, (int64_t)text, (int64_t)bytes, 0, 0);
}

static void run_record(void) {
    bool agree = true;
    const int64_t all = 7, guarded = 0x10; /* PROT_READ | PROT_WRITE | PROT_EXEC, PROT_BTI */
    if (system_call(SYS_MPROTECT, CODE_ADDR, 1 << 20, all | (head.guarded ? guarded : 0), 0, 0) != 0) { leave(6); }
    copy((void *)CODE_ADDR, words, head.words * 4 + 4);
    __asm__ volatile("dsb ish\n isb" ::: "memory");
    for (uint32_t i = 0; i < head.runs && agree; i++) { agree = run_once(head.seed + i); }
    put(agree ? "same\n" : "different\n");
}

[[noreturn, gnu::used]] void serve(void) {
    map_at(CODE_ADDR, 1 << 20);
    map_at(HELPER_ADDR, 1 << 16);
    map_at((uint64_t)WORLD, 1 << 18);
    map_at((uint64_t)PAST, 1 << 18);
    map_at((uint64_t)STACK, STACK_BYTES);
    map_at(ARENA_ADDR, 3 * ARENA_BYTES);
    place_helpers();
    while (get(&head, sizeof(head))) {
        bool fits = head.slots < SLOTS_MAX && head.words < WORDS_MAX && head.maps <= MAPS_MAX;
        if (!fits || !get(maps, head.maps * sizeof(*maps)) || !get(insns, head.slots * 8) || !get(words, head.words * 4)) { leave(5); }
        if (!get(slot_of, head.words * 4)) { leave(5); }
        run_record();
    }
    leave(0);
}

__asm__(".globl _start\n_start:\n    mov x29, #0\n    bl serve\n");
