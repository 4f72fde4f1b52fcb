#pragma once
/* What the line takes, for reports that leave most of it to others. Core 0, outside interrupts. */

#include <stdint.h>

/* `bytes` went to the transmitter in so much time. Few of them say nothing: they wait in its FIFO. */
void line_sent(uint32_t bytes, uint64_t took_ns);

/* Time for a byte, as of the latest message that was long enough; 0 before the first. */
uint32_t line_byte_ns(void);
