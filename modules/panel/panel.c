/* A panel of switches on the console. `on 3` and `off 3` switch an output line, `io` shows the levels of all of them, in hexadecimal:
 * velocity console, or any serial terminal. */
#include "velocity.h"

GPIO_LINES(gpio_in);
GPIO_LINES(gpio_out);

static __always_inline uint8_t *put(uint8_t *at, const char *text) {
    while (*text) { *at++ = (uint8_t)*text++; }
    return at;
}

static __always_inline uint8_t *put_levels(uint8_t *at, uint64_t levels) {
    for (int shift = 28; shift >= 0; shift -= 4) {
        uint64_t digit = levels >> shift & 15;
        *at++ = (uint8_t)(digit < 10 ? '0' + digit : 'a' + digit - 10);
    }
    return at;
}

static __always_inline int is_line(uint8_t digit) { return digit >= '0' && digit <= '9'; }

SEC("uart_line")
uint64_t panel(struct uart_line_context *ctx) {
    uint8_t *line = ctx->data;
    if (line + UART_LINE_BYTES > ctx->data_end) { return LINE_PASS; }
    uint64_t *in = gpio_lines(&gpio_in);
    uint64_t *out = gpio_lines(&gpio_out);
    if (!in || !out) { return LINE_PASS; }

    if (line[0] == 'o' && line[1] == 'n' && line[2] == ' ' && line[4] == 0) {
        if (!is_line(line[3])) { return LINE_PASS; }
        *out |= 1ull << (line[3] - '0');
    } else if (line[0] == 'o' && line[1] == 'f' && line[2] == 'f' && line[3] == ' ' && line[5] == 0) {
        if (!is_line(line[4])) { return LINE_PASS; }
        *out &= ~(1ull << (line[4] - '0'));
    } else if (line[0] != 'i' || line[1] != 'o' || line[2] != 0) {
        return LINE_PASS;
    }
    uint8_t *at = put_levels(put(line, "in "), *in);
    at = put_levels(put(at, " out "), *out);
    *at = 0;
    return LINE_ANSWER;
}
