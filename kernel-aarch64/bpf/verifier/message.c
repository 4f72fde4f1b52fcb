/* Refusals with their particulars: a formatter for registers and 64-bit numbers, without a C library. */

#include "bpf/verifier/message.h"

#include "bpf/verifier/engine.h"
#include <stdarg.h>

struct text {
    char *at, *end; /* end leaves room for the NUL */
};

[[gnu::noinline]] static void put_char(struct text *t, char c) {
    if (t->at < t->end) { *t->at++ = c; }
}

static void put_string(struct text *t, const char *s) {
    while (*s != '\0') { put_char(t, *s++); }
}

static void put_unsigned(struct text *t, uint64_t x, uint32_t base) {
    char digits[20];
    uint32_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[x % base];
        x /= base;
    } while (x != 0);
    while (count != 0) { put_char(t, digits[--count]); }
}

static void put_signed(struct text *t, int64_t x) {
    if (x < 0) { put_char(t, '-'); }
    put_unsigned(t, x < 0 ? -(uint64_t)x : (uint64_t)x, 10);
}

static void put_range(struct text *t, const struct scalar *s) {
    if (scalar_is_const(s)) {
        put_signed(t, (int64_t)s->value);
    } else if (scalar_is_unknown(s)) {
        put_string(t, "any number");
    } else {
        put_char(t, '[');
        if (s->smin < 0 && s->smin != INT64_MIN) {
            put_signed(t, s->smin);
            put_char(t, ',');
            put_signed(t, s->smax);
        } else {
            put_unsigned(t, s->umin, 10);
            put_char(t, ',');
            put_unsigned(t, s->umax, 10);
        }
        put_char(t, ']');
    }
}

static const char *kind_name(uint8_t kind) {
    switch (kind) {
    case REG_UNINIT: return "not set";
    case REG_CONTEXT: return "context";
    case REG_STACK: return "stack";
    case REG_MAP_VALUE: return "map value";
    case REG_MAP_VALUE_OR_NULL: return "map value or null";
    case REG_PACKET: return "packet";
    case REG_PACKET_END: return "packet end";
    case REG_MEMORY: return "memory";
    case REG_MAP: return "map";
    case REG_MAP_OR_NULL: return "map or null";
    case REG_MEMORY_OR_NULL: return "memory or null";
    case REG_PACKET_META: return "packet metadata";
    case REG_OBJECT: return "object";
    case REG_OBJECT_OR_NULL: return "object or null";
    case REG_FUNCTION: return "function";
    case REG_ARENA: return "address in an arena";
    case REG_ITERATOR: return "iterator";
#if OTHER_PLATFORMS
    case REG_OWN: return "object of the program's own";
    case REG_OWN_OR_NULL: return "object of the program's own, or null";
    case REG_LENT: return "object that is lent";
    case REG_LENT_OR_NULL: return "object that is lent, or null";
    case REG_SHARED: return "shared object";
    case REG_SHARED_OR_NULL: return "shared object, or null";
#endif
    default: return "number";
    }
}

/* "map value+4+[0,127]", "17", "not set" */
static void put_reg(struct text *t, const struct reg *r) {
    if (r->kind == REG_SCALAR) {
        put_range(t, &r->var);
        return;
    }
    put_string(t, kind_name(r->kind));
    if (r->kind == REG_UNINIT || r->kind == REG_PACKET_END || r->kind == REG_MAP || r->kind == REG_FUNCTION || r->kind == REG_ARENA) { return; }
    bool fixed = scalar_is_const(&r->var);
    int64_t off = r->off + (fixed ? (int64_t)r->var.value : 0);
    if (off != 0) {
        if (off > 0) { put_char(t, '+'); }
        put_signed(t, off);
    }
    if (!fixed) {
        put_char(t, '+');
        put_range(t, &r->var);
    }
}

void reg_describe(const struct reg *r, char *out, uint32_t size_bytes) {
    struct text text = {out, out + size_bytes - 1};
    put_reg(&text, r);
    *text.at = '\0';
}

static void put_format(struct text *t, const char *format, va_list arguments) {
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            put_char(t, *format);
            continue;
        }
        switch (*++format) {
        case 'u': put_unsigned(t, va_arg(arguments, uint64_t), 10); break;
        case 'd': put_signed(t, va_arg(arguments, int64_t)); break;
        case 'x':
            put_string(t, "0x");
            put_unsigned(t, va_arg(arguments, uint64_t), 16);
            break;
        case 's': put_string(t, va_arg(arguments, const char *)); break;
        case 'r':
            put_char(t, 'r');
            put_unsigned(t, va_arg(arguments, uint32_t), 10);
            break;
        case 'R': put_reg(t, va_arg(arguments, const struct reg *)); break;
        default: return;
        }
    }
}

enum status refuse(struct verifier *v, enum status status, uint32_t insn, const char *format, ...) {
    struct verifier_result *result = v->result;
    struct text text = {result->message, result->message + sizeof(result->message) - 1};
    va_list arguments;
    va_start(arguments, format);
    put_format(&text, format, arguments);
    va_end(arguments);
    *text.at = '\0';
    result->status = status;
    result->insn = insn;
    return status;
}
