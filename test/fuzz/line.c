/* Bytes of a line: every message that comes out has the size and the CRC that it announced. */
#include "lib/crc16.h"
#include "link/line.h"
#include "link/packet.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct line *line = calloc(1, sizeof(struct line));
    struct packet *packet = calloc(1, sizeof(struct packet));
    for (size_t i = 0; i < size; i++) {
        struct span text;
        struct span body;
        const enum line_kind kind = line_take(line, data[i], &text);
        if (kind == LINE_CUT) { (void)packet_drop(packet); }
        if (kind != LINE_FIRST && kind != LINE_NEXT) { continue; }
        MUST(text.size <= LINE_BYTES);
        const enum packet_event event = packet_take(packet, kind == LINE_FIRST, text, &body);
        MUST(packet->size <= sizeof(packet->bytes));
        if (event != PACKET_READY) { continue; }
        MUST(body.size <= SMP_BUFFER_BYTES && body.size == packet->announced);
        const uint8_t *crc = body.data + body.size;
        MUST(crc16(0, body) == (uint16_t)(crc[0] << 8 | crc[1]));
    }
    free(line);
    free(packet);
    return 0;
}
