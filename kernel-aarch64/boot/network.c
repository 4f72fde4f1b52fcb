#include "boot/network.h"
#include "drivers/virtio_net.h"
#include "drivers/virtio_net_start.h"
#include "gen/abi_hooks.h"
#include "patch/slots.h"

#define PORT_FIRST_DEVICE 1u

/* Nothing above the hook takes VERDICT_PASS. A frame that finds the send queue full is lost, as on any wire. */
static void on_frame(uint8_t *frame, uint32_t size) {
    if (frame_dispatch(HOOK_PACKET, frame, size, size, PORT_FIRST_DEVICE) == VERDICT_TRANSMIT) { (void)!net_send(frame, size); }
}

enum status network_init(void) {
    net_on_receive(on_frame);
    return net_init();
}
