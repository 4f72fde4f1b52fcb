#include "bpf/helpers/trace.h"

constexpr int64_t INVALID = -22; /* -EINVAL */

struct text {
    char *out;
    uint32_t size;
    uint32_t length; /* of the whole text, also what was cut */
};

static void put(struct text *text, char c) {
    if (text->length + 1 < text->size) { text->out[text->length] = c; }
    text->length += 1;
}

static void put_number(struct text *text, uint64_t value, uint32_t base) {
    char digits[20]; /* 2^64 has 20 decimal digits */
    uint32_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (count > 0) { put(text, digits[--count]); }
}

static void put_signed(struct text *text, int64_t value) {
    if (value < 0) { put(text, '-'); }
    put_number(text, value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
}

/* One directive after its `%` and `l`s; false when it is not supported. */
static bool put_argument(struct text *text, char directive, bool wide, uint64_t value) {
    switch (directive) {
    case 'd': put_signed(text, wide ? (int64_t)value : (int32_t)value); return true;
    case 'u': put_number(text, wide ? value : (uint32_t)value, 10); return true;
    case 'x': put_number(text, wide ? value : (uint32_t)value, 16); return true;
    default: return false;
    }
}

int64_t trace_format(char *out, uint32_t size, const char *fmt, uint32_t fmt_size, const uint64_t args[3]) {
    struct text text = {.out = out, .size = size};
    uint32_t used = 0;
    for (uint32_t i = 0; i < fmt_size && fmt[i] != '\0'; i++) {
        if (fmt[i] != '%') {
            put(&text, fmt[i]);
            continue;
        }
        i++;
        if (i < fmt_size && fmt[i] == '%') {
            put(&text, '%');
            continue;
        }
        uint32_t longs = 0;
        for (; i < fmt_size && fmt[i] == 'l' && longs < 2; i++) { longs++; }
        if (i >= fmt_size || used == 3) { return INVALID; }
        if (!put_argument(&text, fmt[i], longs > 0, args[used])) { return INVALID; }
        used++;
    }
    out[text.length < size ? text.length : size - 1] = '\0';
    return text.length;
}
