#include "telemetry/line.h"

constexpr uint32_t LONG_BYTES = 256; /* four times the deepest FIFO */

static uint32_t byte_ns;

void line_sent(uint32_t bytes, uint64_t took_ns) {
    if (bytes >= LONG_BYTES) { byte_ns = (uint32_t)(took_ns / bytes); }
}

uint32_t line_byte_ns(void) { return byte_ns; }
