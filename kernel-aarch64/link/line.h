#pragma once
/* Bytes from the console, cut into lines: frames of SMP, and what a person typed. Pure. */

#include "lib/span.h"
#include <stdint.h>

/* Zephyr sends 127 bytes a line, other clients up to 128 and more; the transport document sets no limit for receivers. */
constexpr uint32_t LINE_BYTES = 512;

enum line_kind : uint8_t {
    LINE_PENDING, /* no line has ended yet */
    LINE_FIRST,   /* first frame of a message; text is its base64 */
    LINE_NEXT,    /* a further frame */
    LINE_TEXT,    /* printable ASCII, not empty */
    LINE_NOISE,   /* anything else, or too long; nothing to look at */
    LINE_CUT,     /* a marker came before the frame in front of it had ended; the new line goes on */
};

/* Zero-initialised at first. */
struct line {
    uint8_t bytes[LINE_BYTES];
    uint32_t size;
    bool overflow;
};

/* Takes one byte. For FIRST, NEXT and TEXT, `text` then points into `line` until the next call. */
enum line_kind line_take(struct line *line, uint8_t byte, struct span *text);
