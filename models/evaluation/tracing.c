/* Programs in the style of public tracing tools (latency histograms, counters by key, rates, samplers), on timers that read records from maps. */
#include "network.h"

struct event {
    uint32_t pid;
    uint32_t tgid;
    uint32_t cpu;
    int32_t ret;
    uint64_t ts;
    uint64_t delta;
    uint64_t bytes;
    uint32_t major;
    uint32_t minor;
    uint8_t comm[16];
};
MAP(input, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct event);

static __always_inline struct event *next_event(void) {
    uint32_t zero = 0;
    return bpf_map_lookup_elem(&input, &zero);
}

static __always_inline uint64_t log2_u32(uint32_t v) {
    uint32_t r, shift;
    r = (v > 0xffff) << 4;
    v >>= r;
    shift = (v > 0xff) << 3;
    v >>= shift;
    r |= shift;
    shift = (v > 0xf) << 2;
    v >>= shift;
    r |= shift;
    shift = (v > 0x3) << 1;
    v >>= shift;
    r |= shift;
    r |= (v >> 1);
    return r;
}

static __always_inline uint64_t log2l(uint64_t v) {
    uint32_t hi = v >> 32;
    return hi ? log2_u32(hi) + 32 : log2_u32((uint32_t)v);
}

struct hist {
    uint32_t slots[32];
};
MAP(hists, BPF_MAP_TYPE_ARRAY, 4, uint32_t, struct hist);

SEC("timer/biolatency")
uint64_t biolatency(struct timer_context *ctx) {
    struct event *e = next_event();
    if (!e) { return 0; }
    int64_t delta = (int64_t)(ctx->time_ns - e->ts);
    if (delta < 0) { return 0; }
    uint32_t key = e->cpu & 3;
    struct hist *h = bpf_map_lookup_elem(&hists, &key);
    if (!h) { return 0; }
    delta /= 1000U;
    uint64_t slot = log2l(delta);
    if (slot >= 32) { slot = 31; }
    __sync_fetch_and_add(&h->slots[slot], 1);
    return slot;
}

SEC("timer/runqlat")
uint64_t runqlat(struct timer_context *ctx) {
    struct event *e = next_event();
    if (!e || e->pid == 0) { return 0; }
    if (e->tgid != 7 && e->cpu > 2) { return 0; }
    uint32_t key = 0;
    struct hist *h = bpf_map_lookup_elem(&hists, &key);
    if (!h) { return 0; }
    uint64_t slot = log2l(e->delta / 1000000U);
    if (slot >= 32) { slot = 31; }
    h->slots[slot] += 1;
    return 0;
}

struct start_key {
    uint32_t pid;
    uint32_t tgid;
};
MAP(starts, BPF_MAP_TYPE_HASH, 1024, struct start_key, uint64_t);

SEC("timer/syscall_enter")
uint64_t syscall_enter(struct timer_context *ctx) {
    struct event *e = next_event();
    if (!e) { return 0; }
    struct start_key key = {.pid = e->pid, .tgid = e->tgid};
    uint64_t ts = bpf_ktime_get_ns();
    bpf_map_update_elem(&starts, &key, &ts, BPF_ANY);
    return 0;
}

struct latency {
    uint64_t count;
    uint64_t total;
    uint64_t min;
    uint64_t max;
};
MAP(latencies, BPF_MAP_TYPE_HASH, 256, uint32_t, struct latency);

SEC("timer/syscall_exit")
uint64_t syscall_exit(struct timer_context *ctx) {
    struct event *e = next_event();
    if (!e) { return 0; }
    struct start_key key = {.pid = e->pid, .tgid = e->tgid};
    uint64_t *start = bpf_map_lookup_elem(&starts, &key);
    if (!start) { return 0; }
    uint64_t delta = bpf_ktime_get_ns() - *start;
    uint32_t tgid = e->tgid;
    struct latency *l = bpf_map_lookup_elem(&latencies, &tgid);
    if (l) {
        l->count++;
        l->total += delta;
        if (delta < l->min) { l->min = delta; }
        if (delta > l->max) { l->max = delta; }
    } else {
        struct latency first = {.count = 1, .total = delta, .min = delta, .max = delta};
        bpf_map_update_elem(&latencies, &tgid, &first, BPF_ANY);
    }
    bpf_map_delete_elem(&starts, &key);
    return delta;
}

struct io_key {
    uint32_t pid;
    uint32_t dev;
    uint8_t comm[16];
};
MAP(io_counts, BPF_MAP_TYPE_HASH, 256, struct io_key, struct latency);

SEC("timer/biotop")
uint64_t biotop(struct timer_context *ctx) {
    struct event *e = next_event();
    if (!e) { return 0; }
    struct io_key key = {};
    key.pid = e->pid;
    key.dev = e->major << 20 | (e->minor & 0xfffff);
    __builtin_memcpy(key.comm, e->comm, sizeof(key.comm));
    struct latency *l = bpf_map_lookup_elem(&io_counts, &key);
    if (!l) {
        struct latency zero = {};
        bpf_map_update_elem(&io_counts, &key, &zero, BPF_NOEXIST);
        return 1;
    }
    l->count += 1;
    l->total += e->bytes;
    return 0;
}

MAP(errors, BPF_MAP_TYPE_ARRAY, 256, uint32_t, uint64_t);

SEC("timer/errno_counts")
uint64_t errno_counts(struct timer_context *ctx) {
    struct event *e = next_event();
    if (!e || e->ret >= 0) { return 0; }
    uint32_t error = (uint32_t)-e->ret;
    if (error > 255) { error = 255; }
    uint64_t *c = bpf_map_lookup_elem(&errors, &error);
    if (c) { *c += 1; }
    return error;
}

struct rate {
    uint64_t window;
    uint32_t count;
    uint32_t peak;
};
MAP(rates, BPF_MAP_TYPE_ARRAY, 4, uint32_t, struct rate);

SEC("timer/event_rate")
uint64_t event_rate(struct timer_context *ctx) {
    uint32_t key = ctx->core & 3;
    struct rate *r = bpf_map_lookup_elem(&rates, &key);
    if (!r) { return 0; }
    uint64_t window = ctx->time_ns / 1000000000ull;
    if (window != r->window) {
        if (r->count > r->peak) { r->peak = r->count; }
        r->count = 0;
        r->window = window;
    }
    r->count++;
    return r->peak;
}

/* Exponentially weighted moving average of period jitter. */
struct jitter {
    uint64_t last;
    int64_t average;
    uint64_t worst;
};
MAP(jitters, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct jitter);

SEC("timer/jitter_ewma")
uint64_t jitter_ewma(struct timer_context *ctx) {
    uint32_t zero = 0;
    struct jitter *j = bpf_map_lookup_elem(&jitters, &zero);
    if (!j) { return 0; }
    int64_t d = (int64_t)(ctx->time_ns - j->last - ctx->period_ns);
    if (d < 0) { d = -d; }
    j->average += (d - j->average) >> 4;
    if ((uint64_t)d > j->worst) { j->worst = d; }
    j->last = ctx->time_ns;
    return (uint64_t)j->average;
}

/* A ring of the newest events. */
struct ring {
    uint32_t head;
    uint32_t lost;
    uint64_t times[32];
};
MAP(rings, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct ring);

SEC("timer/event_ring")
uint64_t event_ring(struct timer_context *ctx) {
    uint32_t zero = 0;
    struct ring *r = bpf_map_lookup_elem(&rings, &zero);
    if (!r) { return 0; }
    uint32_t head = r->head;
    r->times[head & 31] = ctx->time_ns;
    r->head = head + 1;
    r->lost += ctx->missed;
    return head;
}

/* FNV-1a over a task's name. */
static __always_inline uint32_t fnv(const uint8_t *bytes, int size) {
    uint32_t h = 0x811c9dc5;
    for (int i = 0; i < size; i++) {
        h ^= bytes[i];
        h *= 0x01000193;
    }
    return h;
}
MAP(names, BPF_MAP_TYPE_HASH, 256, uint32_t, uint64_t);

SEC("timer/comm_hash")
uint64_t comm_hash(struct timer_context *ctx) {
    struct event *e = next_event();
    if (!e) { return 0; }
    uint32_t h = fnv(e->comm, 16);
    uint64_t *c = bpf_map_lookup_elem(&names, &h);
    uint64_t one = 1;
    if (c) {
        *c += 1;
    } else {
        bpf_map_update_elem(&names, &h, &one, BPF_ANY);
    }
    return h;
}

SEC("timer/comm_length")
uint64_t comm_length(struct timer_context *ctx) {
    struct event *e = next_event();
    if (!e) { return 0; }
    uint64_t n = 0;
#pragma clang loop unroll(disable)
    for (n = 0; n < 16; n++) {
        if (e->comm[n] == 0) { break; }
    }
    return n;
}

SEC("timer/comm_prefix")
uint64_t comm_prefix(struct timer_context *ctx) {
    struct event *e = next_event();
    if (!e) { return 0; }
    static const char wanted[] = "kworker";
    for (int i = 0; i < 7; i++) {
        if (e->comm[i] != (uint8_t)wanted[i]) { return 0; }
    }
    return 1;
}

/* CPU time by state. */
struct cpu_time {
    uint64_t user;
    uint64_t system;
    uint64_t idle;
    uint64_t irq;
};
MAP(cpu_times, BPF_MAP_TYPE_PERCPU_ARRAY, 1, uint32_t, struct cpu_time);

SEC("timer/cpu_usage")
uint64_t cpu_usage(struct timer_context *ctx) {
    uint32_t zero = 0;
    struct cpu_time *t = bpf_map_lookup_elem(&cpu_times, &zero);
    if (!t) { return 0; }
    uint64_t busy = t->user + t->system + t->irq;
    uint64_t total = busy + t->idle;
    if (total == 0) { return 0; }
    return busy * 1000 / total;
}

/* Page faults by kind and distance. */
MAP(fault_kinds, BPF_MAP_TYPE_ARRAY, 16, uint32_t, uint64_t);

SEC("timer/fault_kind")
uint64_t fault_kind(struct timer_context *ctx) {
    struct event *e = next_event();
    if (!e) { return 0; }
    uint32_t kind = 0;
    if (e->ret & 1) { kind |= 1; }
    if (e->ret & 2) { kind |= 2; }
    if (e->ret & 0x10) { kind |= 4; }
    if (e->bytes > 4096) { kind |= 8; }
    uint64_t *c = bpf_map_lookup_elem(&fault_kinds, &kind);
    if (!c) { return 0; }
    __sync_fetch_and_add(c, 1);
    return kind;
}

/* Slow operations only, with a threshold that can be set. */
struct config {
    uint64_t min_us;
    uint32_t target;
    uint8_t filter;
    uint8_t by_pid;
    uint8_t ms;
    uint8_t pad;
};
MAP(configs, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct config);

SEC("timer/fileslower")
uint64_t fileslower(struct timer_context *ctx) {
    uint32_t zero = 0;
    struct config *c = bpf_map_lookup_elem(&configs, &zero);
    struct event *e = next_event();
    if (!c || !e) { return 0; }
    if (c->filter && (c->by_pid ? e->pid : e->tgid) != c->target) { return 0; }
    uint64_t us = e->delta / 1000;
    if (us < c->min_us) { return 0; }
    bpf_printk("slow %d %llu us at %llu", e->pid, us, e->ts);
    return c->ms ? us / 1000 : us;
}

/* TCP states: time in each. */
struct state_key {
    uint32_t saddr;
    uint32_t daddr;
    uint16_t sport;
    uint16_t dport;
};
struct state_value {
    uint64_t since;
    uint64_t in_state[12];
};
MAP(states, BPF_MAP_TYPE_HASH, 128, struct state_key, struct state_value);

SEC("timer/tcp_states")
uint64_t tcp_states(struct timer_context *ctx) {
    struct event *e = next_event();
    if (!e) { return 0; }
    struct state_key key = {
        .saddr = e->major,
        .daddr = e->minor,
        .sport = (uint16_t)(e->tgid >> 16),
        .dport = (uint16_t)e->tgid,
    };
    struct state_value *v = bpf_map_lookup_elem(&states, &key);
    if (!v) { return 0; }
    uint32_t state = e->cpu;
    if (state >= 12) { return 0; }
    v->in_state[state] += ctx->time_ns - v->since;
    v->since = ctx->time_ns;
    return v->in_state[state];
}

/* Memory leaks: bytes outstanding. */
struct allocation {
    uint64_t size;
    uint64_t time;
};
MAP(allocations, BPF_MAP_TYPE_HASH, 1024, uint64_t, struct allocation);
struct outstanding {
    uint64_t bytes;
    uint64_t count;
};
MAP(totals, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct outstanding);

SEC("timer/memleak_alloc")
uint64_t memleak_alloc(struct timer_context *ctx) {
    struct event *e = next_event();
    if (!e || e->bytes < 16 || e->bytes > 1 << 20) { return 0; }
    uint64_t address = (uint64_t)e->pid << 32 | e->tgid;
    struct allocation a = {.size = e->bytes, .time = ctx->time_ns};
    bpf_map_update_elem(&allocations, &address, &a, BPF_ANY);
    uint32_t zero = 0;
    struct outstanding *t = bpf_map_lookup_elem(&totals, &zero);
    if (t) {
        t->bytes += e->bytes;
        t->count++;
    }
    return e->bytes;
}

SEC("timer/memleak_free")
uint64_t memleak_free(struct timer_context *ctx) {
    struct event *e = next_event();
    if (!e) { return 0; }
    uint64_t address = (uint64_t)e->pid << 32 | e->tgid;
    struct allocation *a = bpf_map_lookup_elem(&allocations, &address);
    if (!a) { return 0; }
    uint64_t size = a->size;
    bpf_map_delete_elem(&allocations, &address);
    uint32_t zero = 0;
    struct outstanding *t = bpf_map_lookup_elem(&totals, &zero);
    if (t) {
        t->bytes -= size;
        t->count--;
    }
    return size;
}

/* A count-min sketch with four rows. */
struct sketch {
    uint32_t rows[4][64];
};
MAP(sketches, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct sketch);

SEC("timer/count_min")
uint64_t count_min(struct timer_context *ctx) {
    struct event *e = next_event();
    uint32_t zero = 0;
    struct sketch *s = bpf_map_lookup_elem(&sketches, &zero);
    if (!e || !s) { return 0; }
    uint32_t least = ~0u;
    uint32_t h = e->pid * 2654435761u;
    for (int row = 0; row < 4; row++) {
        uint32_t at = (h >> (row * 6)) & 63;
        uint32_t n = ++s->rows[row][at];
        if (n < least) { least = n; }
    }
    return least;
}

/* Top of three by bytes. */
struct top {
    uint64_t bytes[4];
    uint32_t pid[4];
};
MAP(tops, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct top);

SEC("timer/top_insert")
uint64_t top_insert(struct timer_context *ctx) {
    struct event *e = next_event();
    uint32_t zero = 0;
    struct top *t = bpf_map_lookup_elem(&tops, &zero);
    if (!e || !t) { return 0; }
    uint64_t bytes = e->bytes;
    uint32_t pid = e->pid;
    for (int i = 0; i < 4; i++) {
        if (bytes > t->bytes[i]) {
            uint64_t b = t->bytes[i];
            uint32_t p = t->pid[i];
            t->bytes[i] = bytes;
            t->pid[i] = pid;
            bytes = b;
            pid = p;
        }
    }
    return t->bytes[0];
}

/* Bloom filter: two hashes. */
struct bloom {
    uint64_t bits[16];
};
MAP(blooms, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct bloom);

SEC("timer/bloom_add")
uint64_t bloom_add(struct timer_context *ctx) {
    struct event *e = next_event();
    uint32_t zero = 0;
    struct bloom *b = bpf_map_lookup_elem(&blooms, &zero);
    if (!e || !b) { return 0; }
    uint32_t h1 = e->pid * 0x9e3779b1u;
    uint32_t h2 = e->pid * 0x85ebca77u;
    uint32_t i1 = h1 >> 22;
    uint32_t i2 = h2 >> 22;
    int seen = (b->bits[i1 >> 6] >> (i1 & 63) & 1) && (b->bits[i2 >> 6] >> (i2 & 63) & 1);
    b->bits[i1 >> 6] |= 1ull << (i1 & 63);
    b->bits[i2 >> 6] |= 1ull << (i2 & 63);
    return seen;
}

/* Milliseconds, seconds and minutes of an uptime. */
struct clock {
    uint32_t hours;
    uint8_t minutes;
    uint8_t seconds;
    uint16_t milliseconds;
};
MAP(clocks, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct clock);

SEC("timer/uptime")
uint64_t uptime(struct timer_context *ctx) {
    uint32_t zero = 0;
    struct clock *c = bpf_map_lookup_elem(&clocks, &zero);
    if (!c) { return 0; }
    uint64_t ms = ctx->time_ns / 1000000;
    c->milliseconds = ms % 1000;
    c->seconds = ms / 1000 % 60;
    c->minutes = ms / 60000 % 60;
    c->hours = (uint32_t)(ms / 3600000);
    return ms;
}
