#pragma once
/* Virtio network device over MMIO (Virtual I/O Device 1.2, §4.2 and §5.1), where the device tree has one. */

#include "gen/abi_status.h"
#include <stdint.h>

/* Called on core 0 with interrupts enabled or in interrupt context; the frame is the driver's and may be changed in place. */
typedef void (*net_receive)(uint8_t *frame, uint32_t size);

#define NET_FRAME_MAX_BYTES 1514u

[[nodiscard]] bool net_present(void);

/* Who gets received frames from now on; null drops them. */
void net_on_receive(net_receive receive);

/* Copies the frame and hands it to the device. STATUS_NOT_SUPPORTED: there is no device. STATUS_BUSY: its queue is full.
 * STATUS_INVALID_ARGUMENT: shorter than 14 bytes or longer than NET_FRAME_MAX_BYTES. Core 0. */
[[nodiscard]] enum status net_send(const uint8_t *frame, uint32_t size);
