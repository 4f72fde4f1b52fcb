/* The only process: makes the maps of /programs, loads each program into Linux, prints a line a program and powers off.
 * A line: v <number> 0, or v <number> <errno> <slot or -> <what the verifier said last>. Layout of the file: file.ts. */
#include "../../bench/peers/linux.h"

constexpr uint32_t FILE_BYTES = 1 << 26;
constexpr uint32_t LOG_BYTES = 1 << 16;
constexpr uint32_t MAX_OBJECTS = 8192;
constexpr uint32_t MAX_SLOTS = 1 << 15;
enum { RLIMIT_NOFILE = 7, SIGALRM = 14, EAGAIN = 11, LD_IMM64 = 0x18, PSEUDO_MAP = 1, PSEUDO_MAP_VALUE = 2 };

struct file_header {
    uint32_t btfs, maps, programs;
};

struct map_record {
    uint32_t type, key_size, value_size, max_entries, flags;
    uint32_t inner; /* 1 + the map that it holds maps like, or 0 */
    uint32_t btf;   /* 1 + the types of its value, or 0 */
    uint32_t key_type, value_type, content_bytes;
};

struct program_record {
    uint32_t type, attach, flags, attach_type, slots, maps, functions, btf;
};

static alignas(16) uint8_t file[FILE_BYTES];
static char log_text[LOG_BYTES];
static int64_t btf_of[MAX_OBJECTS], map_of[MAX_OBJECTS];
static uint64_t code[MAX_SLOTS];

/* Compilers call this for what they fill. */
void *memset(void *to, int value, unsigned long size) {
    for (unsigned long i = 0; i < size; i++) { ((volatile uint8_t *)to)[i] = (uint8_t)value; }
    return to;
}

static const uint8_t *at = file;

static const void *take(uint32_t bytes) {
    const uint8_t *taken = at;
    at += (bytes + 7) & ~7u;
    return taken;
}

static void print_status(const char *what, uint32_t number, int64_t status) {
    print_number(what, number);
    print_number(" ", status < 0 ? (uint64_t)-status : 0);
}

/* ---- maps ---- */

static int64_t load_btf(void) {
    uint32_t bytes = *(const uint32_t *)take(4);
    struct bpf_btf_load load = {.btf = (uint64_t)take(bytes), .bytes = bytes, .log = (uint64_t)log_text, .log_bytes = LOG_BYTES, .log_level = 1};
    return bpf(BPF_BTF_LOAD, &load, sizeof(load));
}

/* What nobody writes any more. */
static int64_t fill(int64_t map, const void *contents) {
    uint32_t key = 0;
    struct bpf_map_element element = {.map = (uint32_t)map, .key = (uint64_t)&key, .value = (uint64_t)contents};
    int64_t status = bpf(BPF_MAP_UPDATE, &element, sizeof(element));
    if (status < 0) { return status; }
    uint32_t frozen = (uint32_t)map;
    status = bpf(BPF_MAP_FREEZE, &frozen, sizeof(frozen));
    return status < 0 ? status : map;
}

static int64_t make_map(const struct map_record *r) {
    const void *contents = take(r->content_bytes);
    struct bpf_map_create create = {
        .type = r->type,
        .key_size = r->key_size,
        .value_size = r->value_size,
        .max_entries = r->max_entries,
        .flags = r->flags,
        .inner = r->inner == 0 ? 0 : (uint32_t)map_of[r->inner - 1],
        .btf = r->btf == 0 ? 0 : (uint32_t)btf_of[r->btf - 1],
        .key_type = r->key_type,
        .value_type = r->value_type,
    };
    int64_t map = bpf(BPF_MAP_CREATE, &create, sizeof(create));
    return map < 0 || r->content_bytes == 0 ? map : fill(map, contents);
}

/* ---- the log ---- */

static bool starts_with(const char *text, const char *start) {
    while (*start != 0 && *text == *start) { text++, start++; }
    return *start == 0;
}

/* Says nothing of why. */
static bool is_noise(const char *line) {
    static const char *const noise[] = {"processed ", "verification time", "stack depth", "mark_precise", "old state:", "cur state:", "\n"};
    for (uint32_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
        if (starts_with(line, noise[i])) { return true; }
    }
    return *line == 0;
}

static uint32_t line_before(uint32_t start) {
    if (start == 0) { return 0; }
    start--;
    while (start > 0 && log_text[start - 1] != '\n') { start--; }
    return start;
}

/* A line that shows an instruction begins with its slot. */
static bool shows_slot(const char *line) {
    if (*line < '0' || *line > '9') { return false; }
    while (*line >= '0' && *line <= '9') { line++; }
    return starts_with(line, ": (");
}

static void print_line(const char *line) {
    uint32_t size = 0;
    while (line[size] != 0 && line[size] != '\n' && size < 200) { size++; }
    system_call(SYS_WRITE, STDOUT, (uint64_t)line, size, 0);
}

static void print_slot(const char *line) {
    uint32_t size = 0;
    while (line[size] != ':') { size++; }
    system_call(SYS_WRITE, STDOUT, (uint64_t)line, size, 0);
}

static void print_reason(void) {
    uint32_t line = 0;
    while (log_text[line] != 0) { line++; }
    while (line > 0 && is_noise(log_text + line)) { line = line_before(line); }
    uint32_t slot = line;
    while (slot > 0 && !shows_slot(log_text + slot)) { slot = line_before(slot); }
    print(" ");
    if (shows_slot(log_text + slot)) { print_slot(log_text + slot); } else { print("-"); }
    print(" ");
    print_line(log_text + line);
}

/* ---- time ---- */

/* A signal ends what Linux's verifier is at, with EAGAIN. */
constexpr uint64_t LONGEST_S = 2;

static void on_alarm(int signal) { (void)signal; }

static void catch_alarms(void) {
    struct { void (*handler)(int); uint64_t flags, restorer, mask; } action = {.handler = on_alarm};
    system_call(SYS_ACTION, SIGALRM, (uint64_t)&action, 0, sizeof(action.mask));
}

static int64_t load_program(struct bpf_load *load) {
    struct { uint64_t interval_s, interval_us, s, us; } timer = {.s = LONGEST_S};
    system_call(SYS_TIMER, 0, (uint64_t)&timer, 0, 0);
    int64_t program = bpf(BPF_PROG_LOAD, load, sizeof(*load));
    timer.s = 0;
    system_call(SYS_TIMER, 0, (uint64_t)&timer, 0, 0);
    if (program >= 0) { system_call(SYS_CLOSE, (uint64_t)program, 0, 0, 0); }
    return program;
}

/* ---- programs ---- */

static bool fill_in_maps(const struct program_record *r, const uint32_t *maps, const uint64_t *program) {
    for (uint32_t i = 0; i < r->slots; i++) {
        uint64_t insn = program[i];
        uint32_t source = insn >> 12 & 15;
        uint64_t index = insn >> 32;
        code[i] = insn;
        if ((insn & 0xff) != LD_IMM64) { continue; }
        if (source == PSEUDO_MAP || source == PSEUDO_MAP_VALUE) {
            int64_t map = index < r->maps ? map_of[maps[index]] : 0x7fffffff;
            if (map < 0) { return false; }
            code[i] = (insn & 0xffffffff) | (uint64_t)map << 32;
        }
        if (++i < r->slots) { code[i] = program[i]; }
    }
    return true;
}

static void judge(uint32_t number, const struct program_record *r) {
    const uint32_t *maps = take(4 * r->maps);
    const struct bpf_function *functions = take((uint32_t)sizeof(*functions) * r->functions);
    const uint64_t *program = take(8 * r->slots);
    struct bpf_load load = {
        .type = r->type,
        .slots = r->slots,
        .code = (uint64_t)code,
        .license = (uint64_t)"GPL",
        .flags = r->flags,
        .attach = r->attach,
        .attach_type = r->attach_type,
        .btf = r->btf == 0 ? 0 : (uint32_t)btf_of[r->btf - 1],
        .function_bytes = r->functions == 0 ? 0 : sizeof(*functions),
        .functions = (uint64_t)functions,
        .function_count = r->functions,
    };
    if (r->slots > MAX_SLOTS || !fill_in_maps(r, maps, program)) { return; }
    int64_t status = load_program(&load);
    print_status("v ", number, status);
    if (status < 0 && status != -EAGAIN) {
        load.log_level = 1;
        load.log = (uint64_t)log_text;
        load.log_bytes = LOG_BYTES;
        log_text[0] = 0;
        load_program(&load);
        print_reason();
    }
    print("\n");
}

static void judge_all(void) {
    const struct file_header *header = take(sizeof(*header));
    if (header->btfs > MAX_OBJECTS || header->maps > MAX_OBJECTS) { return; }
    for (uint32_t i = 0; i < header->btfs; i++) {
        btf_of[i] = load_btf();
        if (btf_of[i] >= 0) { continue; }
        print_status("b ", i, btf_of[i]);
        print_reason();
        print("\n");
    }
    for (uint32_t i = 0; i < header->maps; i++) {
        map_of[i] = make_map(take(sizeof(struct map_record)));
        if (map_of[i] >= 0) { continue; }
        print_status("m ", i, map_of[i]);
        print("\n");
    }
    for (uint32_t i = 0; i < header->programs; i++) { judge(i, take(sizeof(struct program_record))); }
}

/* The stack is aligned at entry (System V ABI for AArch64). */
[[noreturn]] void _start(void) {
    uint64_t files[2] = {1 << 16, 1 << 16};
    system_call(SYS_PRLIMIT, 0, RLIMIT_NOFILE, (uint64_t)files, 0);
    catch_alarms();
    read_file("/programs", file, FILE_BYTES);
    print("\nverdicts begin\n");
    judge_all();
    print("verdicts end\n");
    power_off();
}
