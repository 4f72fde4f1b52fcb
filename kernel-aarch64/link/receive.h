#pragma once
/* From received bytes to replies. The only state of the link; core 0. Knows no hardware: the output is passed in. */

#include "link/counters.h"
#include "lib/span.h"
#include <stdint.h>

typedef void (*receive_put)(const void *data, uint32_t size);

/* Takes one byte. Sends a reply through `put` when a message is complete; then, and for a line that a person typed,
 * returns true. */
bool receive_byte(uint8_t byte, receive_put put);

void receive_counters(struct link_counters *out);
