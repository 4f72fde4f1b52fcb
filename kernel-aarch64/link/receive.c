#include "link/receive.h"
#include "drivers/clock.h"
#include "lib/crc16.h"
#include "link/line.h"
#include "link/packet.h"
#include "link/shell.h"
#include "link/smp.h"
#include "telemetry/line.h"

/* What a write is recognised by. The host sends it again, under the same sequence number, when the reply got lost; it must not
 * be done twice for that, whatever another host asked meanwhile. */
struct identity {
    struct smp_header header;
    uint16_t crc;
    bool valid;
};

static struct line line;
static struct packet packet;
static struct link_counters counters;
static uint8_t replies[2][SMP_BUFFER_BYTES]; /* of the latest message that is no write, and of the latest write */
static struct identity answered;             /* that write */
static uint32_t answered_bytes;
static uint32_t since; /* messages after it */
#define REMEMBERED 128u /* half of what a sequence number tells apart */

void receive_counters(struct link_counters *out) { *out = counters; }

static void send(struct span message, receive_put put) {
    if (message.size == 0) { return; }
    counters.replies++;
    const uint64_t from_ns = clock_ns();
    const uint32_t bytes = packet_send(message, put);
    const uint64_t took_ns = clock_ns() - from_ns;
    line_sent(bytes, took_ns);
    counters.sent_bytes += bytes;
    counters.sent_ns += took_ns;
}

static bool is_repetition(const struct identity *request) {
    const struct smp_header *a = &answered.header, *b = &request->header;
    return answered.valid && since < REMEMBERED && request->valid && a->op == b->op && a->version == b->version &&
           a->group == b->group && a->command == b->command && a->sequence == b->sequence && a->length == b->length &&
           answered.crc == request->crc;
}

static void take_message(struct span message, receive_put put) {
    struct identity request = {.crc = crc16(0, message)};
    request.valid = smp_header_load(&request.header, message);
    counters.messages++;
    const bool writes = request.valid && request.header.op == SMP_WRITE;
    uint8_t *reply = replies[writes];
    uint32_t size = answered_bytes;
    if (is_repetition(&request)) {
        counters.repeats++;
    } else {
        enum status status = STATUS_OK;
        size = smp_answer(message, reply, &status);
        counters.errors += status != STATUS_OK;
        since++;
    }
    if (writes) {
        answered = request;
        answered_bytes = size;
        since = 0;
    }
    send((struct span){reply, size}, put);
}

static void refuse_oversize(struct span beginning, receive_put put) {
    uint8_t refusal[SMP_ERROR_BYTES];
    const uint32_t size = smp_refuse_oversize(beginning, packet.announced, refusal);
    counters.errors += size > 0;
    send((struct span){refusal, size}, put);
}

/* Damage is counted and not answered: whose message it was is part of what may be damaged. */
static bool take_frame(bool first, struct span text, receive_put put) {
    struct span body;
    if (first) { counters.cut += packet_drop(&packet); }
    switch (packet_take(&packet, first, text, &body)) {
    case PACKET_MORE:
        counters.lines++;
        return false;
    case PACKET_READY:
        counters.lines++;
        take_message(body, put);
        return true;
    case PACKET_OVERSIZE:
        counters.oversize++;
        refuse_oversize(body, put);
        return true;
    case PACKET_BAD_LINE:
        counters.lines_bad++;
        return false;
    case PACKET_LOST:
        counters.lines_lost++;
        return false;
    case PACKET_BAD_CRC:
        counters.crc_bad++;
        return false;
    }
    return false;
}

bool receive_byte(uint8_t byte, receive_put put) {
    struct span text;
    switch (line_take(&line, byte, &text)) {
    case LINE_PENDING:
        return false;
    case LINE_FIRST:
        return take_frame(true, text, put);
    case LINE_NEXT:
        return take_frame(false, text, put);
    case LINE_TEXT:
        counters.commands += shell_run(text);
        return true;
    case LINE_NOISE:
        counters.noise++;
        return false;
    case LINE_CUT:
        counters.cut++;
        (void)packet_drop(&packet);
        return false;
    }
    return false;
}
