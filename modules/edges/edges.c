/* Tells the host of every change of the input lines, in order and with its time: a logic analyser as slow as the tick.
 * velocity map consume edges --follow */
#include "velocity.h"

GPIO_LINES(gpio_in);

struct edge {
    uint64_t time_ns;
    uint64_t levels;  /* of all lines, after the change */
    uint64_t changed; /* a bit for each line that did */
};

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} edges SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, uint32_t);
    __type(value, uint64_t);
} edges_levels SEC(".maps");

SEC("timer")
uint64_t edges_tick(struct timer_context *ctx) {
    uint32_t first = 0;
    uint64_t *in = gpio_lines(&gpio_in);
    uint64_t *before = bpf_map_lookup_elem(&edges_levels, &first);
    if (!in || !before) { return 0; }

    uint64_t levels = *in;
    if (levels == *before) { return 0; }
    struct edge edge = {.time_ns = ctx->time_ns, .levels = levels, .changed = levels ^ *before};
    *before = levels;
    return bpf_ringbuf_output(&edges, &edge, sizeof(edge), 0) == 0;
}
