#include "link/link.h"
#include "drivers/board.h"
#include "drivers/clock.h"
#include "drivers/console.h"
#include "link/receive.h"
#include "link/reset.h"
#include "update/update.h"

/* Time for the transmitter to send what is in its FIFO: 64 characters of 10 bits at 115200 baud are 5.6 ms. */
constexpr uint64_t FIFO_DRAIN_NS = 10'000'000;

enum status link_init(void) { return STATUS_OK; }

static void reset_after_reply(void) {
    const uint64_t start = clock_ns();
    while (clock_ns() - start < FIFO_DRAIN_NS) {}
    if (!update_reset()) { board_reset(); }
}

bool link_poll(void) {
    uint8_t byte = 0;
    bool worked = false;
    while (console_get(&byte)) {
        worked = true;
        if (receive_byte(byte, console_put)) { break; }
    }
    if (reset_take()) { reset_after_reply(); }
    return worked;
}
