#include "lib/base64.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr uint32_t NOT_BASE64 = 0xffffffff;

uint32_t base64_encode(struct span data, uint8_t *out) {
    uint32_t written = 0;
    for (uint32_t i = 0; i < data.size; i += 3) {
        const uint32_t left = data.size - i;
        const uint32_t bits = (uint32_t)data.data[i] << 16 | (left > 1 ? (uint32_t)data.data[i + 1] << 8 : 0) |
                              (left > 2 ? data.data[i + 2] : 0);
        out[written++] = (uint8_t)ALPHABET[bits >> 18];
        out[written++] = (uint8_t)ALPHABET[bits >> 12 & 63u];
        out[written++] = left > 1 ? (uint8_t)ALPHABET[bits >> 6 & 63u] : '=';
        out[written++] = left > 2 ? (uint8_t)ALPHABET[bits & 63u] : '=';
    }
    return written;
}

static uint32_t digit(uint8_t c) {
    if (c >= 'A' && c <= 'Z') { return c - 'A'; }
    if (c >= 'a' && c <= 'z') { return c - 'a' + 26u; }
    if (c >= '0' && c <= '9') { return c - '0' + 52u; }
    if (c == '+') { return 62; }
    if (c == '/') { return 63; }
    return NOT_BASE64;
}

/* Decodes four characters to `bytes` (1 to 3) bytes; the others are padding. */
static enum status decode_quad(const uint8_t *text, uint32_t bytes, uint8_t *out) {
    uint32_t bits = 0;
    for (uint32_t i = 0; i < 4; i++) {
        const uint32_t value = i <= bytes ? digit(text[i]) : 0;
        if (value == NOT_BASE64) { return STATUS_CORRUPT; }
        bits = bits << 6 | value;
    }
    const uint32_t unused = 8 * (3 - bytes);
    if ((bits & ((1u << unused) - 1u)) != 0) { return STATUS_CORRUPT; }
    for (uint32_t i = 0; i < bytes; i++) { out[i] = (uint8_t)(bits >> (16 - 8 * i)); }
    return STATUS_OK;
}

enum status base64_decode(struct span text, uint8_t *out, uint32_t capacity, uint32_t *size) {
    *size = 0;
    if (text.size % 4 != 0) { return STATUS_CORRUPT; }
    for (uint32_t i = 0; i < text.size; i += 4) {
        const uint8_t *quad = text.data + i;
        const bool last = i + 4 == text.size;
        const uint32_t padding = !last || quad[3] != '=' ? 0 : quad[2] != '=' ? 1 : 2;
        const uint32_t bytes = 3 - padding;
        if (bytes > capacity - *size) { return STATUS_TOO_LONG; }
        if (decode_quad(quad, bytes, out + *size) != STATUS_OK) { return STATUS_CORRUPT; }
        *size += bytes;
    }
    return STATUS_OK;
}
