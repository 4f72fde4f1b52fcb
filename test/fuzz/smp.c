/* SMP messages in front of the stand-ins of the link's test, which this file includes whole: every request gets one reply
 * that belongs to it and fits, and nothing else gets any. */
#include "check.h"
#define main link_host_main
#include "kernel-aarch64/test/native/link_host.c"
#undef main
#include "link/smp.h"

static void must_answer(struct span message, const uint8_t *reply, uint32_t size) {
    const uint8_t op = message.data[0] & 7;
    MUST(op == SMP_READ || op == SMP_WRITE);
    MUST(size >= SMP_HEADER_BYTES && size <= SMP_BUFFER_BYTES && (reply[0] & 7) == op + 1);
    MUST(memcmp(reply + 4, message.data + 4, 4) == 0); /* group, sequence, command */
    MUST((uint32_t)(reply[2] << 8 | reply[3]) == size - SMP_HEADER_BYTES);
    struct cbor_reader payload = {reply, size, SMP_HEADER_BYTES};
    MUST(cbor_skip(&payload) == STATUS_OK && payload.pos == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t reply[SMP_BUFFER_BYTES];
    const struct span message = {data, (uint32_t)size};
    enum status status;
    quiet = true;
    const uint32_t answered = smp_answer(message, reply, &status);
    if (answered > 0) {
        must_answer(message, reply, answered);
    } else {
        MUST(size < SMP_HEADER_BYTES || ((data[0] & 7) != SMP_READ && (data[0] & 7) != SMP_WRITE));
    }
    MUST(smp_refuse_oversize(message, SMP_BUFFER_BYTES + 1 + (uint32_t)size, reply) <= SMP_ERROR_BYTES);
    return 0;
}
