#include "given.h"

#include "run.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct header {
    uint32_t count, memory_size;
};

static const uint8_t **programs; /* where each begins; null: none were given */
static uint64_t program_count;

[[noreturn]] static void refuse(const char *path, const char *why) {
    fprintf(stderr, "%s: %s\n", path, why);
    exit(2);
}

static uint8_t *contents(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == nullptr || fseek(file, 0, SEEK_END) != 0) { refuse(path, "can't be read"); }
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size + 1);
    if (bytes == nullptr || fread(bytes, 1, *size, file) != *size) { refuse(path, "can't be read"); }
    fclose(file);
    return bytes;
}

static struct header header_at(const uint8_t *at) {
    struct header header;
    memcpy(&header, at, sizeof(header));
    return header;
}

void given_open(const char *path) {
    size_t size;
    const uint8_t *at = contents(path, &size), *end = at + size;
    programs = calloc(size / sizeof(struct header) + 1, sizeof(*programs));
    while (at != end) {
        struct header header = {};
        if ((size_t)(end - at) >= sizeof(header)) { header = header_at(at); }
        bool fits = header.count != 0 && header.count <= PROGRAM_MAX && header.memory_size <= RUN_MEMORY_MAX;
        if (!fits || (size_t)(end - at) < sizeof(header) + header.count * BPF_INSN_BYTES) { refuse(path, "holds no such programs"); }
        programs[program_count++] = at;
        at += sizeof(header) + header.count * BPF_INSN_BYTES;
    }
    if (program_count == 0) { refuse(path, "holds no program"); }
}

void program_of(uint64_t seed, struct generated *out) {
    if (programs == nullptr) { return generate(seed, out); }
    const uint8_t *at = programs[seed / 4 % program_count];
    struct header header = header_at(at);
    begin_program(out, HOOK_RUN, header.memory_size);
    memcpy(out->insns, at + sizeof(header), header.count * BPF_INSN_BYTES);
    out->program.count = header.count;
}
