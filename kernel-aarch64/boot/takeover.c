#include "boot/takeover.h"
#include "boot/cores.h"
#include "drivers/console.h"
#include "drivers/disk.h"
#include "drivers/virtio_net_start.h"
#include "drivers/watchdog.h"
#include "lib/mem.h"
#include "lib/sysreg.h"
#include "mm/map.h"
#include "update/update.h"

extern const uint8_t parking[], parking_end[]; /* boot/handover.S */

void takeover_poll(void) {
    uint8_t *place = update_take_over();
    if (place == nullptr) { return; }
    const uint64_t size_bytes = (uint64_t)(parking_end - parking);
    memcpy(place + PARKING_OFFSET, parking, size_bytes);
    cache_clean(place + PARKING_OFFSET, size_bytes);
    const enum status status = cores_park(place + PARKING_OFFSET);
    if (status != STATUS_OK) {
        console_print("the image in memory is not started: status %u\n", status);
        return;
    }
    WRITE_SYSREG(daif, 0xfull << 6);
    net_close();
    disk_close();
    watchdog_feed();
    loader_enter(place);
}
