/* A button that switches: each press of input 0 turns output 0 over. A contact bounces for some milliseconds, so a level
 * counts once it has stayed the same for ten. */
#include "velocity.h"

#define SETTLED_NS 10000000u

GPIO_LINES(gpio_in);
GPIO_LINES(gpio_out);

struct contact {
    uint64_t level;      /* last seen */
    uint64_t settled;    /* last that stayed */
    uint64_t changed_ns; /* when `level` came */
    uint64_t presses;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, uint32_t);
    __type(value, struct contact);
} button_contact SEC(".maps");

SEC("timer")
uint64_t button_tick(struct timer_context *ctx) {
    uint32_t first = 0;
    uint64_t *in = gpio_lines(&gpio_in);
    uint64_t *out = gpio_lines(&gpio_out);
    struct contact *c = bpf_map_lookup_elem(&button_contact, &first);
    if (!in || !out || !c) { return 0; }

    uint64_t level = *in & 1;
    if (level != c->level) {
        c->level = level;
        c->changed_ns = ctx->time_ns;
    }
    if (level != c->settled && ctx->time_ns - c->changed_ns >= SETTLED_NS) {
        c->settled = level;
        c->presses += level;
        *out ^= level;
    }
    return c->presses;
}
