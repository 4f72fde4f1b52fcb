#pragma once
/* Frames put together to messages, and messages cut into frames (smp_transport.rst, serial_util.c). Pure.
 * A packet is `length u16be (body + 2) | body | crc16 u16be over the body`; each frame line is base64 of its own. */

#include "gen/abi_messages.h"
#include "lib/span.h"
#include <stdint.h>

constexpr uint32_t PACKET_OVERHEAD = 4; /* length and CRC */
constexpr uint32_t FRAME_BYTES = 127;   /* marker, 124 characters of base64, newline */

/* Zero-initialised at first. */
struct packet {
    uint8_t bytes[SMP_BUFFER_BYTES + PACKET_OVERHEAD];
    uint32_t size;      /* collected so far; 0 when no message is open */
    uint32_t announced; /* bytes of the body, by the message's own length */
};

enum packet_event : uint8_t {
    PACKET_MORE,     /* frame taken, more to come */
    PACKET_READY,    /* a message, its CRC right */
    PACKET_BAD_LINE, /* the frame is not base64; the message it belongs to is dropped */
    PACKET_LOST,     /* a continuation of nothing */
    PACKET_BAD_CRC,  /* all is there, but damaged, or longer than it says */
    PACKET_OVERSIZE, /* the length it announces is above the buffer; only the beginning is there */
};

/* Takes the base64 of one frame. `body` is the message for READY, its beginning for OVERSIZE, else empty; it points into
 * `packet` until the next call. */
enum packet_event packet_take(struct packet *packet, bool first, struct span text, struct span *body);

/* Forgets an open message; true if there was one. */
bool packet_drop(struct packet *packet);

/* Sends `body` as frames; `put` gets one line at a time. Returns how many bytes they are. */
uint32_t packet_send(struct span body, void (*put)(const void *line, uint32_t size));
