#include "link/receive.h"
#include "drivers/clock.h"
#include "lib/crc16.h"
#include "link/line.h"
#include "link/packet.h"
#include "link/shell.h"
#include "link/smp.h"
#include "telemetry/line.h"

/* What one request is recognised by. The host sends it again, under the same sequence number, when the reply got lost;
 * a write must not be done twice for that. */
struct identity {
    struct smp_header header;
    uint16_t crc;
    bool valid;
};

static struct line line;
static struct packet packet;
static struct link_counters counters;
static uint8_t reply[SMP_BUFFER_BYTES];
static uint32_t reply_size;
static struct identity answered; /* the request that `reply` belongs to */

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
    return answered.valid && request->valid && b->op == SMP_WRITE && a->op == b->op && a->version == b->version &&
           a->group == b->group && a->command == b->command && a->sequence == b->sequence && a->length == b->length &&
           answered.crc == request->crc;
}

static void take_message(struct span message, receive_put put) {
    struct identity request = {.crc = crc16(0, message)};
    request.valid = smp_header_load(&request.header, message);
    counters.messages++;
    if (is_repetition(&request)) {
        counters.repeats++;
    } else {
        enum status status = STATUS_OK;
        reply_size = smp_answer(message, reply, &status);
        counters.errors += status != STATUS_OK;
        answered = request;
    }
    send((struct span){reply, reply_size}, put);
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
