/* Verifies programs given as lines on stdin and answers a JSON line each; built natively with sanitizers by the tests. With any argument it infers no certificates.
 *
 * A line: <platform> <hook> <memory_size> <step_budget> <workspace_kib> <maps> <code>
 *   platform: velocity, linux, or linux.s for programs that may sleep, +slot:bits for notes (enum bpf_note), and
 *             @slot,takes.bytes,... for functions that are judged by themselves (struct bpf_global)
 *   code: hex, "-" when empty
 *   maps: "-" or type,key_size,value_size,max_entries,flags,inner,contents joined by ';'; inner is 1 + the map that it holds, or 0;
 *         contents is hex, empty when they are not known */

#include "bpf/checker/checker.h"
#include "bpf/verifier/verifier.h"
#include "ebpf/wasm/platform.h"
#include "infer.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool certifies = true;

static const char *status_name(enum status status) {
    switch ((int)status) {
#define NAME(name, code, sentence) \
    case code: return #name;
        STATUS_TABLE(NAME)
    }
    return "unlisted";
}

static uint8_t *parse_hex(const char *hex, size_t bytes) {
    uint8_t *out = malloc(bytes + 1);
    for (size_t i = 0; i < bytes; i++) {
        unsigned value;
        if (sscanf(hex + 2 * i, "%2x", &value) != 1) { exit(2); }
        out[i] = (uint8_t)value;
    }
    return out;
}

static uint32_t parse_maps(char *text, struct bpf_map_shape *maps, const uint8_t **contents) {
    uint32_t count = 0;
    if (strcmp(text, "-") == 0) { return 0; }
    for (char *map = strtok(text, ";"); map != nullptr && count < MAX_MAPS_PER_PROGRAM; map = strtok(nullptr, ";")) {
        struct bpf_map_shape *m = &maps[count++];
        int at = 0;
        if (sscanf(map, "%u,%u,%u,%u,%u,%u,%n", &m->type, &m->key_size, &m->value_size, &m->max_entries, &m->flags, &m->inner, &at) != 6 || at == 0) { exit(2); }
        contents[count - 1] = map[at] == '\0' ? nullptr : parse_hex(map + at, m->value_size);
    }
    return count;
}

static uint32_t parse_code(const char *hex, struct bpf_insn **insns) {
    size_t bytes = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;
    *insns = (struct bpf_insn *)parse_hex(hex, bytes);
    return (uint32_t)(bytes / 8);
}

/* By slot. */
static uint8_t *parse_notes(const char *platform, uint32_t count) {
    uint8_t *notes = calloc(count + 1, 1);
    for (const char *at = strchr(platform, '+'); at != nullptr; at = strchr(at + 1, '+')) {
        unsigned slot, bits;
        if (sscanf(at, "+%u:%u", &slot, &bits) != 2 || slot >= count) { exit(2); }
        notes[slot] = (uint8_t)bits;
    }
    return notes;
}

enum { GLOBALS = 8 };

static uint32_t parse_globals(const char *platform, struct bpf_global *globals) {
    uint32_t count = 0;
    for (const char *at = strchr(platform, '@'); at != nullptr; at = strchr(at + 1, '@')) {
        struct bpf_global *g = &globals[count++];
        *g = (struct bpf_global){};
        if (count > GLOBALS || sscanf(at, "@%u", &g->start) != 1) { exit(2); }
        for (at += strcspn(at, ",+^"); *at == ','; at += 1 + strcspn(at + 1, ",+@^")) {
            unsigned takes, bytes;
            if (g->argument_count == 5 || sscanf(at, ",%u.%u", &takes, &bytes) != 2) { exit(2); }
            g->arguments[g->argument_count].takes = takes;
            g->arguments[g->argument_count++].bytes = bytes;
        }
        at--;
    }
    return count;
}

static void parse_handed(const char *platform, enum bpf_handed *handed) {
    for (const char *at = strchr(platform, '^'); at != nullptr; at = strchr(at + 1, '^')) {
        unsigned word, what;
        if (sscanf(at, "^%u:%u", &word, &what) != 2 || word >= HANDED_WORDS) { exit(2); }
        handed[word] = (enum bpf_handed)what;
    }
}

enum { INFER_BYTES = 64 * 1024 * 1024, INFER_STEPS = 20'000'000, CHECK_STEPS = 1'000'000 };

/* Infers a certificate and checks it. */
static void certify(const struct bpf_program *program) {
    static struct bpf_facts facts;
    static alignas(16) uint8_t checker_memory[CHECKER_WORKSPACE_BYTES];
    static void *infer_memory;
    if (infer_memory == nullptr) { infer_memory = aligned_alloc(16, INFER_BYTES); }
    struct verifier_workspace workspace = {infer_memory, INFER_BYTES, INFER_STEPS};
    struct verifier_workspace small = {checker_memory, sizeof(checker_memory), CHECK_STEPS};
    struct verifier_result inferred, checked = {0};
    struct certificate certificate;
    enum status status = bpf_infer(program, &workspace, &facts, &inferred, &certificate, nullptr);
    printf(",\"certificate\":{\"infer\":\"%s\",\"insn\":%u,\"message\":\"%s\",\"steps\":%" PRIu64, status_name(status), inferred.insn, inferred.message, inferred.steps);
    if (status == STATUS_OK) {
        status = bpf_check(program, (struct span){certificate.bytes, certificate.size_bytes}, &small, &facts, &checked, nullptr);
        printf(",\"check\":\"%s\",\"check_insn\":%u,\"check_message\":\"%s\",\"bytes\":%u,\"bound\":%" PRIu64 ",\"check_steps\":%" PRIu64, status_name(status), checked.insn,
               checked.message, certificate.size_bytes, checked.bound, checked.steps);
    }
    printf("}");
}

static void answer(const struct bpf_program *program, const struct verifier_result *r, const struct bpf_facts *facts) {
    printf("{\"code\":\"%s\",\"insn\":%u,\"message\":\"%s\",\"bound\":%" PRIu64 ",\"steps\":%" PRIu64 ",\"states\":%u", status_name(r->status),
           r->insn, r->message, r->bound, r->steps, r->states);
    if (r->status == STATUS_OK) {
        printf(",\"stack_bytes\":%u,\"facts\":[", facts->stack_bytes);
        for (uint32_t i = 0; i < program->count; i++) { printf("%s%u", i == 0 ? "" : ",", facts->flags[i]); }
        printf("]");
    }
    if (certifies) { certify(program); }
    printf("}\n");
}

static void verify_line(char *line) {
    struct bpf_map_shape maps[MAX_MAPS_PER_PROGRAM];
    char *maps_text = malloc(strlen(line) + 1), *hex = malloc(strlen(line) + 1);
    const uint8_t *contents[MAX_MAPS_PER_PROGRAM] = {};
    struct bpf_program program = {.maps = maps, .contents = contents};
    unsigned hook, kib;
    char platform[256];
    uint64_t budget;
    if (sscanf(line, "%255s %u %u %" SCNu64 " %u %s %s", platform, &hook, &program.memory_size, &budget, &kib, maps_text, hex) != 7) { exit(2); }
    if (strncmp(platform, "linux", 5) == 0) { program.platform = &platform_linux; }
    program.may_sleep = strncmp(platform, "linux.s", 7) == 0;
    program.hook = hook;
    program.map_count = parse_maps(maps_text, maps, contents);
    struct bpf_insn *insns;
    program.count = parse_code(hex, &insns);
    program.insns = insns;
    uint8_t *notes = parse_notes(platform, program.count);
    program.notes = notes;
    struct bpf_global globals[GLOBALS];
    program.globals = globals;
    program.global_count = parse_globals(platform, globals);
    parse_handed(platform, program.handed);
    struct verifier_workspace workspace = {aligned_alloc(16, kib * 1024), kib * 1024, budget};
    struct bpf_facts *facts = malloc(sizeof(*facts));
    struct verifier_result result;
    bpf_verify(&program, &workspace, facts, &result);
    answer(&program, &result, facts);
    for (uint32_t i = 0; i < program.map_count; i++) { free((void *)contents[i]); }
    free(workspace.memory);
    free(facts);
    free(insns);
    free(notes);
    free(maps_text);
    free(hex);
}

int main(int argc, char **) {
    certifies = argc == 1;
    char *line = nullptr;
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) > 0) {
        verify_line(line);
        fflush(stdout);
    }
    free(line);
    return 0;
}
