#pragma once
/* The link: MCUmgr SMP over the console UART, beside its human-readable text (Zephyr smp_protocol.rst, smp_transport.rst).
 *
 * A host may have one message in flight: there is no flow control on a UART, and the 16 KiB ring that reception fills
 * by interrupt holds two of the largest messages (4096 bytes are 45 lines, 5.6 KiB). A message that got lost, cut or
 * garbled costs its sender a timeout and nothing else; the next start marker begins anew. */

#include "gen/abi_status.h"

/* Start-up level after drivers, telemetry and slots. Cannot fail today. Core 0, once. */
[[nodiscard]] enum status link_init(void);

/* Takes received bytes until the ring is empty or one message was answered, so that other work gets its turn.
 * Returns true if it did something. Core 0, main loop only. */
bool link_poll(void);
