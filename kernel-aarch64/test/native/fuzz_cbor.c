/* Random bytes, and random damage to well-formed ones, through every reader of lib/cbor.c and trust/cose.c:
 * `fuzz_cbor SEED ROUNDS`. Each input has its own allocation, so that the sanitizer sees a read beyond it. */
#include "cbor_getters.h"
#include "gen/abi_messages.h"
#include "lib/base64.h"
#include "trust/cose.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state;

static uint32_t random_below(uint32_t limit) {
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545f4914f6cdd1dull) >> 33) % limit;
}

/* One random item; returns how deep it nests. */
static uint32_t put_item(struct cbor_writer *out, uint32_t depth) {
    const uint64_t value = (uint64_t)random_below(1u << 31) << random_below(32) >> random_below(64);
    static const uint8_t bytes[300] = {};
    const struct span span = {bytes, random_below(8) ? random_below(30) : random_below(300)};
    uint32_t deepest = 0;
    switch (random_below(depth < 12 ? 6 : 4)) {
    case 0: cbor_put_uint(out, value); return 0;
    case 1: cbor_put_bool(out, value & 1); return 0;
    case 2: cbor_put_bytes(out, span); return 0;
    case 3: cbor_put_text(out, span); return 0;
    default: break;
    }
    const uint32_t count = random_below(4);
    const bool map = random_below(2);
    map ? cbor_put_map(out, count) : cbor_put_array(out, count);
    for (uint32_t i = 0; i < count << map; i++) {
        const uint32_t below = put_item(out, depth + 1);
        deepest = below > deepest ? below : deepest;
    }
    return count > 0 ? deepest + 1 : 0;
}

#define FAIL(...) (printf(__VA_ARGS__), exit(1))

/* Every getter either takes something and moves on, or refuses and stays. */
static void read_any(struct span input) {
    struct cbor_reader in = {input.data, input.size, 0};
    while (in.pos < in.size) {
        const uint32_t before = in.pos;
        struct cbor_taken taken;
        const enum status status = cbor_get_any(&in, random_below(CBOR_GETTERS), &taken);
        if ((status == STATUS_OK) != (in.pos > before) || in.pos > in.size) { FAIL("position %u of %u\n", in.pos, in.size); }
        if (status == STATUS_OK && taken.span.size > 0 && taken.span.data + taken.span.size != in.data + in.pos) { FAIL("span\n"); }
        if (status != STATUS_OK && cbor_skip(&in) != STATUS_OK) { in.pos++; }
    }
}

static void decode_any(struct span input) {
    struct cbor_reader in = {input.data, input.size, 0};
    struct msg_stage_request stage;
    struct msg_run_request run;
    if (decode_stage_request(&in, &stage) == STATUS_OK && stage.data.size > CHUNK_BYTES) { FAIL("chunk\n"); }
    in.pos = 0;
    (void)!decode_run_request(&in, &run);
    static const uint8_t key[32] = {1};
    struct span payload;
    if (cose_verify(input, key, &payload) == STATUS_OK) { FAIL("random bytes verified\n"); }
    uint8_t decoded[64];
    uint32_t size = 0;
    if (base64_decode(input, decoded, sizeof decoded, &size) == STATUS_OK && size > sizeof decoded) { FAIL("base64\n"); }
}

int main(int argc, char **argv) {
    if (argc != 3) { return 2; }
    state = strtoull(argv[1], nullptr, 0) | 1;
    for (uint32_t round = 0, rounds = (uint32_t)atoi(argv[2]); round < rounds; round++) {
        uint8_t buffer[2048];
        struct cbor_writer out = {buffer, random_below(4) ? sizeof buffer : random_below(64), 0, false};
        const uint32_t depth = put_item(&out, 0);
        if (out.size > out.capacity) { FAIL("overrun\n"); }
        uint8_t *input = malloc(out.size);
        memcpy(input, buffer, out.size);
        struct cbor_reader in = {input, out.size, 0};
        const bool skipped = cbor_skip(&in) == STATUS_OK && in.pos == in.size;
        if (skipped != (!out.overflow && depth <= 8)) { FAIL("skip: depth %u, overflow %d\n", depth, out.overflow); }
        for (uint32_t i = random_below(4); i > 0 && out.size > 0; i--) { input[random_below(out.size)] = (uint8_t)random_below(256); }
        read_any((struct span){input, out.size});
        decode_any((struct span){input, out.size});
        free(input);
    }
    return 0;
}
