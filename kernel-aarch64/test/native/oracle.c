/* Answers questions about lib/ and trust/cose, one a line on standard input, so that a test can compare them with
 * another implementation: `sha256 DATA`, `sha512 DATA`, `crc16 DATA`, `base64 DATA`, `unbase64 TEXT`,
 * `cbor GETTER ITEM`, `field BYTES`, `point BYTES`, `ed25519 KEY SIGNATURE PART...`, `cose KEY MESSAGE`. Data are hex, `-` for none. */
#include "cbor_getters.h"
#include "lib/base64.h"
#include "lib/crc16.h"
#include "lib/ed25519.h"
#include "lib/ed25519_point.h"
#include "lib/sha2.h"
#include "trust/cose.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ARGUMENTS = 16 };

/* Each argument gets its own allocation of its exact size, so that the sanitizer sees a read past its end. */
static struct span from_hex(const char *hex) {
    const uint32_t size = hex[0] == '-' ? 0 : (uint32_t)(strlen(hex) / 2);
    uint8_t *data = malloc(size);
    for (uint32_t i = 0; i < size; i++) {
        unsigned byte = 0;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) { exit(2); }
        data[i] = (uint8_t)byte;
    }
    return (struct span){data, size};
}

static void print_hex(const uint8_t *data, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) { printf("%02x", data[i]); }
    if (size == 0) { printf("-"); }
    printf("\n");
}

static void answer_sha512(const struct span *args, uint32_t count) {
    struct sha512 hash;
    uint8_t digest[SHA512_BYTES];
    sha512_start(&hash);
    for (uint32_t i = 0; i < count; i++) { sha512_add(&hash, args[i]); }
    sha512_end(&hash, digest);
    print_hex(digest, sizeof digest);
}

static void answer_sha256(const struct span *args, uint32_t count) {
    struct sha256 hash;
    uint8_t digest[SHA256_BYTES];
    sha256_start(&hash);
    for (uint32_t i = 0; i < count; i++) { sha256_add(&hash, args[i]); }
    sha256_end(&hash, digest);
    print_hex(digest, sizeof digest);
}

static void answer_base64(struct span data) {
    uint8_t *text = malloc(base64_size(data.size));
    print_hex(text, base64_encode(data, text));
    free(text);
}

static void answer_unbase64(struct span text) {
    uint32_t size = 0;
    uint8_t *data = malloc(text.size / 4 * 3);
    const enum status status = base64_decode(text, data, text.size / 4 * 3, &size);
    if (status == STATUS_OK) {
        print_hex(data, size);
    } else {
        printf("status %u\n", status);
    }
    free(data);
}

/* What it is and where the reader stands then; or where it stands that refuses. The last getter asks for the only encoding. */
static void answer_cbor(uint32_t getter, struct span item) {
    struct cbor_reader in = {item.data, item.size, 0};
    struct cbor_taken taken = {};
    const bool took = getter < CBOR_GETTERS ? cbor_get_any(&in, getter, &taken) == STATUS_OK : cbor_is_deterministic(item, &in.pos);
    if (took) { printf("%lu ", taken.number + taken.count + taken.flag + taken.span.size); }
    printf("%s %u\n", took ? "up to" : "refused at", in.pos);
}

static void answer_cose(const struct span *args) {
    struct span payload = {};
    const enum status status = cose_verify(args[1], args[0].data, &payload);
    printf("%u ", status);
    print_hex(payload.data, payload.size);
}

/* The one encoding of a number below 2^255, and whether it is zero, and odd. */
static void answer_field(const uint8_t *bytes) {
    struct field number;
    uint8_t stored[32];
    field_load(&number, bytes);
    field_store(stored, &number);
    printf("%d %d ", field_is_zero(&number), field_is_odd(&number));
    print_hex(stored, sizeof stored);
}

static void answer(const char *what, const struct span *args, uint32_t count) {
    if (strcmp(what, "sha256") == 0) {
        answer_sha256(args, count);
    } else if (strcmp(what, "sha512") == 0) {
        answer_sha512(args, count);
    } else if (strcmp(what, "crc16") == 0) {
        printf("%04x\n", crc16(0, args[0]));
    } else if (strcmp(what, "base64") == 0) {
        answer_base64(args[0]);
    } else if (strcmp(what, "unbase64") == 0) {
        answer_unbase64(args[0]);
    } else if (strcmp(what, "cbor") == 0) {
        answer_cbor(args[0].data[0], args[1]);
    } else if (strcmp(what, "field") == 0) {
        answer_field(args[0].data);
    } else if (strcmp(what, "point") == 0) {
        printf("%d\n", point_load(&(struct point){}, args[0].data));
    } else if (strcmp(what, "ed25519") == 0) {
        printf("%d\n", ed25519_verify(args[0].data, args[1].data, args + 2, count - 2));
    } else if (strcmp(what, "cose") == 0) {
        answer_cose(args);
    } else {
        printf("unknown question: %s\n", what);
    }
}

int main(void) {
    char *line = nullptr;
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) > 0) {
        struct span args[MAX_ARGUMENTS];
        uint32_t count = 0;
        const char *what = strtok(line, " \n");
        for (const char *hex; count < MAX_ARGUMENTS && (hex = strtok(nullptr, " \n")); count++) { args[count] = from_hex(hex); }
        if (what) { answer(what, args, count); }
        for (uint32_t i = 0; i < count; i++) { free((void *)args[i].data); }
    }
    free(line);
    return 0;
}
