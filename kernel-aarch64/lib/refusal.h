#pragma once
/* Why something was refused: particulars of a status other than STATUS_OK, which travel beside it to the host. */

#include "lib/print.h"

struct refusal {
    bool has_insn;
    uint32_t insn;     /* eBPF instruction slot that was refused */
    char message[128]; /* NUL-terminated; empty when the status says it all */
};

/* Evaluates to the status, so that refusing is one return statement. */
#define REFUSE(refusal, status, ...) (format((refusal)->message, sizeof((refusal)->message), __VA_ARGS__), (status))

/* The first four bytes of an id or a hash, for %08x. */
[[nodiscard]] static inline uint32_t first_bytes(const uint8_t *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}
