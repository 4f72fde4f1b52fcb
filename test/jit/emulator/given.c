#include "given.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct header {
    uint32_t count;
    uint16_t memory_size, hook;
};
static_assert(sizeof(struct header) == sizeof(struct bpf_insn));

static const struct bpf_insn **programs; /* where the header of each lies */
static uint32_t program_count;

[[noreturn]] static void refuse(const char *path, const char *why) {
    fprintf(stderr, "%s: %s\n", path, why);
    exit(2);
}

static struct bpf_insn *contents(const char *path, size_t *count) {
    FILE *file = fopen(path, "rb");
    if (file == nullptr || fseek(file, 0, SEEK_END) != 0) { refuse(path, "can't be read"); }
    size_t size = (size_t)ftell(file);
    *count = size / sizeof(struct bpf_insn);
    rewind(file);
    struct bpf_insn *all = malloc(size + 1);
    if (all == nullptr || fread(all, 1, size, file) != size) { refuse(path, "can't be read"); }
    fclose(file);
    return all;
}

static struct header header_at(const struct bpf_insn *at) {
    struct header header;
    memcpy(&header, at, sizeof(header));
    return header;
}

void given_open(const char *path, uint32_t most_slots, uint32_t most_memory) {
    size_t left;
    const struct bpf_insn *at = contents(path, &left);
    programs = calloc(left + 1, sizeof(*programs));
    while (left > 0) {
        struct header header = header_at(at);
        bool fits = header.count != 0 && header.count <= most_slots && header.memory_size <= most_memory;
        bool is_known = header.hook == HOOK_RUN || header.hook == HOOK_PACKET;
        if (!fits || !is_known || left - 1 < header.count) { refuse(path, "holds no such programs"); }
        programs[program_count++] = at;
        at += 1 + header.count;
        left -= 1 + header.count;
    }
    if (program_count == 0) { refuse(path, "holds no program"); }
}

uint32_t given_count(void) { return program_count; }

struct given given_at(uint32_t number) {
    const struct bpf_insn *at = programs[number];
    struct header header = header_at(at);
    return (struct given){at + 1, header.count, header.memory_size, (enum hook_id)header.hook};
}
