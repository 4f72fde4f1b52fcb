#include "link/line.h"

/* Frame markers (smp_transport.rst): 06 09 begins a message, 04 14 continues one. Neither first byte occurs in base64
 * or in text, so it also tells where a line begins whose predecessor lost its newline. */
constexpr uint8_t FIRST_MARKER[2] = {0x06, 0x09};
constexpr uint8_t NEXT_MARKER[2] = {0x04, 0x14};
constexpr uint32_t MARKER_BYTES = 2;
constexpr uint8_t BACKSPACE = 0x08;
constexpr uint8_t DELETE = 0x7f;

static bool starts_frame(uint8_t byte) { return byte == FIRST_MARKER[0] || byte == NEXT_MARKER[0]; }

static bool has_marker(const struct line *line, const uint8_t marker[2]) {
    return line->size >= MARKER_BYTES && line->bytes[0] == marker[0] && line->bytes[1] == marker[1];
}

static bool is_text(const struct line *line) {
    for (uint32_t i = 0; i < line->size; i++) {
        if (line->bytes[i] < ' ' || line->bytes[i] > '~') { return false; }
    }
    return line->size > 0;
}

static enum line_kind end_line(struct line *line, struct span *text) {
    const bool overflow = line->overflow;
    const bool first = has_marker(line, FIRST_MARKER), next = has_marker(line, NEXT_MARKER);
    const uint32_t skip = first || next ? MARKER_BYTES : 0;
    *text = (struct span){line->bytes + skip, line->size - skip};
    const bool empty = line->size == 0, printable = is_text(line);
    line->size = 0;
    line->overflow = false;
    if (overflow) { return LINE_NOISE; }
    if (first) { return LINE_FIRST; }
    if (next) { return LINE_NEXT; }
    return printable ? LINE_TEXT : empty ? LINE_PENDING : LINE_NOISE;
}

enum line_kind line_take(struct line *line, uint8_t byte, struct span *text) {
    *text = (struct span){};
    if (byte == '\n' || byte == '\r') { return end_line(line, text); }
    if (starts_frame(byte)) {
        const bool cut = has_marker(line, FIRST_MARKER) || has_marker(line, NEXT_MARKER);
        line->bytes[0] = byte;
        line->size = 1;
        line->overflow = false;
        return cut ? LINE_CUT : LINE_PENDING;
    }
    if (byte == BACKSPACE || byte == DELETE) {
        if (line->size > 0) { line->size--; }
        return LINE_PENDING;
    }
    if (line->size == LINE_BYTES) {
        line->overflow = true;
        return LINE_PENDING;
    }
    line->bytes[line->size++] = byte;
    return LINE_PENDING;
}
