#pragma once
/* What happened on the link since start-up; statistics group "link". Written by core 0 only. */

#include <stdint.h>

/* Calls row(name, sentence) for each counter. */
#define LINK_COUNTERS(row) \
    row(messages, "messages that arrived whole") \
    row(replies, "replies sent") \
    row(sent_bytes, "bytes of replies on the line, frames included") \
    row(sent_ns, "time that the transmitter took for them") \
    row(repeats, "requests that the host sent again and that were answered from memory") \
    row(errors, "replies that carry a status other than ok") \
    row(lines, "frame lines taken") \
    row(lines_bad, "frame lines that are not base64") \
    row(lines_lost, "continuation lines without a beginning") \
    row(cut, "messages that a new start marker cut short") \
    row(crc_bad, "messages whose CRC or length is wrong") \
    row(oversize, "messages announced as larger than the buffer") \
    row(noise, "lines that are neither a frame nor text, or too long") \
    row(commands, "commands typed by people")

struct link_counters {
#define LINK_COUNTER_FIELD(name, sentence) uint64_t name;
    LINK_COUNTERS(LINK_COUNTER_FIELD)
#undef LINK_COUNTER_FIELD
};
