/* Blinks output 0, on most boards the activity LED: half a second on, half a second off, whatever the period of the tick. */
#include "velocity.h"

#define HALF_NS 500000000u

GPIO_LINES(gpio_out);

SEC("timer")
uint64_t blink_tick(struct timer_context *ctx) {
    uint64_t *out = gpio_lines(&gpio_out);
    if (!out) { return 0; }

    uint64_t on = ctx->time_ns / HALF_NS % 2;
    *out = (*out & ~1ull) | on;
    return on;
}
