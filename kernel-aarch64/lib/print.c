#include "lib/print.h"

struct sink {
    char *out;
    uint32_t size; /* room for characters, NUL not counted */
    uint32_t used;
};

struct directive {
    bool zero;
    bool wide; /* 64 bits */
    uint32_t width;
    uint32_t precision; /* UINT32_MAX when not given */
};

static void put(struct sink *sink, char c) {
    if (sink->used < sink->size) { sink->out[sink->used++] = c; }
}

static void put_padding(struct sink *sink, uint32_t width, uint32_t length, char c) {
    for (; length < width; length++) { put(sink, c); }
}

static void put_text(struct sink *sink, const char *text, const struct directive *d) {
    uint32_t length = 0;
    while (length < d->precision && text[length] != '\0') { length++; }
    put_padding(sink, d->width, length, ' ');
    for (uint32_t i = 0; i < length; i++) { put(sink, text[i]); }
}

static void put_number(struct sink *sink, uint64_t value, bool negative, uint32_t base, const struct directive *d) {
    char digits[20]; /* 2^64 - 1 has 20 decimal digits */
    uint32_t count = 0;
    do {
        const uint32_t digit = (uint32_t)(value % base);
        digits[count++] = (char)(digit < 10 ? '0' + digit : 'a' + digit - 10);
        value /= base;
    } while (value > 0);
    const uint32_t length = count + negative;
    if (!d->zero) { put_padding(sink, d->width, length, ' '); }
    if (negative) { put(sink, '-'); }
    if (d->zero) { put_padding(sink, d->width, length, '0'); }
    while (count > 0) { put(sink, digits[--count]); }
}

static uint32_t read_number(const char **fmt) {
    uint32_t value = 0;
    while (**fmt >= '0' && **fmt <= '9' && value < 1000) { value = value * 10 + (uint32_t)(*(*fmt)++ - '0'); }
    return value;
}

static struct directive read_directive(const char **fmt, va_list *args) {
    struct directive d = {.precision = UINT32_MAX};
    for (; **fmt == '0'; (*fmt)++) { d.zero = true; }
    d.width = read_number(fmt);
    if (**fmt == '.') {
        (*fmt)++;
        if (**fmt == '*') {
            (*fmt)++;
            const int32_t given = va_arg(*args, int32_t);
            d.precision = given < 0 ? UINT32_MAX : (uint32_t)given;
        } else {
            d.precision = read_number(fmt);
        }
    }
    for (; **fmt == 'l'; (*fmt)++) { d.wide = true; }
    return d;
}

static void put_signed(struct sink *sink, const struct directive *d, va_list *args) {
    const int64_t value = d->wide ? va_arg(*args, int64_t) : va_arg(*args, int32_t);
    put_number(sink, value < 0 ? -(uint64_t)value : (uint64_t)value, value < 0, 10, d);
}

static void put_unsigned(struct sink *sink, uint32_t base, const struct directive *d, va_list *args) {
    const uint64_t value = d->wide ? va_arg(*args, uint64_t) : va_arg(*args, uint32_t);
    put_number(sink, value, false, base, d);
}

/* One directive, after its `%`. Returns what follows it. */
static const char *put_directive(struct sink *sink, const char *fmt, va_list *args) {
    const char *start = fmt;
    const struct directive d = read_directive(&fmt, args);
    switch (*fmt) {
    case 'd': put_signed(sink, &d, args); return fmt + 1;
    case 'u': put_unsigned(sink, 10, &d, args); return fmt + 1;
    case 'x': put_unsigned(sink, 16, &d, args); return fmt + 1;
    case 'c': put(sink, (char)va_arg(*args, int)); return fmt + 1;
    case 's': {
        const char *text = va_arg(*args, const char *);
        put_text(sink, text ? text : "(null)", &d);
        return fmt + 1;
    }
    case '%': put(sink, '%'); return fmt + 1;
    default: put(sink, '%'); return start;
    }
}

uint32_t format_list(char *out, uint32_t size, const char *fmt, va_list list) {
    if (size == 0) { return 0; }
    struct sink sink = {.out = out, .size = size - 1, .used = 0};
    va_list args;
    va_copy(args, list);
    while (*fmt != '\0') {
        if (*fmt == '%') {
            fmt = put_directive(&sink, fmt + 1, &args);
        } else {
            put(&sink, *fmt++);
        }
    }
    va_end(args);
    out[sink.used] = '\0';
    return sink.used;
}

uint32_t format(char *out, uint32_t size, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    const uint32_t used = format_list(out, size, fmt, args);
    va_end(args);
    return used;
}
