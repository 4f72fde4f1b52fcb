#include "link/packet.h"
#include "lib/base64.h"
#include "lib/crc16.h"

constexpr uint32_t LENGTH_BYTES = 2;
constexpr uint32_t CRC_BYTES = 2;
constexpr uint32_t LINE_DATA_BYTES = (FRAME_BYTES - 3) / 4 * 3; /* 93: what fits between marker and newline */

bool packet_drop(struct packet *packet) {
    const bool open = packet->size > 0;
    packet->size = 0;
    return open;
}

/* Looks at what has been collected. */
static enum packet_event judge(struct packet *packet, struct span *body) {
    if (packet->size < LENGTH_BYTES) { return PACKET_BAD_CRC; } /* every sender puts it whole into the first line */
    const uint32_t length = (uint32_t)packet->bytes[0] << 8 | packet->bytes[1];
    const struct span rest = {packet->bytes + LENGTH_BYTES, packet->size - LENGTH_BYTES};
    if (length <= CRC_BYTES) { return PACKET_BAD_CRC; }
    packet->announced = length - CRC_BYTES;
    if (packet->announced > SMP_BUFFER_BYTES) {
        *body = rest;
        return PACKET_OVERSIZE;
    }
    if (rest.size < length) { return PACKET_MORE; }
    if (rest.size > length || crc16(0, rest) != 0) { return PACKET_BAD_CRC; }
    *body = (struct span){rest.data, packet->announced};
    return PACKET_READY;
}

enum packet_event packet_take(struct packet *packet, bool first, struct span text, struct span *body) {
    *body = (struct span){};
    if (first) {
        packet->size = 0;
    } else if (packet->size == 0) {
        return PACKET_LOST;
    }
    uint32_t added = 0;
    const uint32_t room = sizeof packet->bytes - packet->size;
    const enum status status = base64_decode(text, packet->bytes + packet->size, room, &added);
    if (status != STATUS_OK || added == 0) {
        packet->size = 0;
        return PACKET_BAD_LINE;
    }
    packet->size += added;
    const enum packet_event event = judge(packet, body);
    if (event != PACKET_MORE) { packet->size = 0; }
    return event;
}

/* The packet as one run of bytes, without being one in memory. */
static uint8_t packet_byte(struct span body, uint16_t crc, uint32_t i) {
    const uint32_t length = body.size + CRC_BYTES;
    if (i < LENGTH_BYTES) { return (uint8_t)(i == 0 ? length >> 8 : length); }
    if (i < LENGTH_BYTES + body.size) { return body.data[i - LENGTH_BYTES]; }
    return (uint8_t)(i == LENGTH_BYTES + body.size ? crc >> 8 : crc);
}

uint32_t packet_send(struct span body, void (*put)(const void *line, uint32_t size)) {
    const uint16_t crc = crc16(0, body);
    const uint32_t total = body.size + PACKET_OVERHEAD;
    uint32_t sent = 0;
    for (uint32_t at = 0; at < total; at += LINE_DATA_BYTES) {
        uint8_t data[LINE_DATA_BYTES];
        uint8_t line[FRAME_BYTES];
        const uint32_t count = total - at < LINE_DATA_BYTES ? total - at : LINE_DATA_BYTES;
        for (uint32_t i = 0; i < count; i++) { data[i] = packet_byte(body, crc, at + i); }
        line[0] = at == 0 ? 0x06 : 0x04;
        line[1] = at == 0 ? 0x09 : 0x14;
        const uint32_t characters = base64_encode((struct span){data, count}, line + 2);
        line[2 + characters] = '\n';
        put(line, 2 + characters + 1);
        sent += 2 + characters + 1;
    }
    return sent;
}
