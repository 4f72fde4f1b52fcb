/*
 * Eight modules of a machine that runs all night, as their authors left them: loops rolled, bytes put together by hand. What each
 * call costs depends on what the sensors send: the recorded night changes that, one module after the other.
 */
#include "velocity.h"

#define ROLLED _Pragma("clang loop unroll(disable)")
#define SAMPLES 32u

struct feed {
    uint8_t data[2 * SAMPLES];
    uint32_t result;
    uint32_t alarms;
};

#define FEED(name) \
    struct { \
        __uint(type, BPF_MAP_TYPE_ARRAY); \
        __uint(max_entries, 1); \
        __type(key, uint32_t); \
        __type(value, struct feed); \
    } name##_feed SEC(".maps"); \
    static __always_inline struct feed *name##_get(void) { \
        uint32_t zero = 0; \
        return bpf_map_lookup_elem(&name##_feed, &zero); \
    }

static __always_inline uint32_t word(const struct feed *f, uint32_t i) {
    return (uint32_t)f->data[2 * i] << 8 | f->data[2 * i + 1];
}

FEED(vibration)
SEC("timer/vibration")
uint64_t vibration(struct timer_context *ctx) {
    struct feed *f = vibration_get();
    if (!f) { return 0; }
    uint32_t energy = 0;
    ROLLED for (uint32_t i = 0; i < SAMPLES; i++) {
        uint32_t v = word(f, i);
        if (v > 0x7fff) {
            energy += ((v - 0x8000) * (v - 0x8000)) >> 8;
            f->alarms = f->alarms + 1;
        }
    }
    f->result = energy;
    return energy;
}

FEED(flow)
SEC("timer/flow")
uint64_t flow(struct timer_context *ctx) {
    struct feed *f = flow_get();
    if (!f) { return 0; }
    uint32_t total = 0;
    ROLLED for (uint32_t i = 0; i < SAMPLES; i++) {
        if (f->data[i] & 0x80) {
            total += (f->data[i] & 0x7f) * 8;
            total += total >> 4;
        }
    }
    f->result = total;
    return total;
}

FEED(pressure)
SEC("timer/pressure")
uint64_t pressure(struct timer_context *ctx) {
    struct feed *f = pressure_get();
    if (!f) { return 0; }
    uint32_t highest = 0;
    ROLLED for (uint32_t i = 0; i < SAMPLES; i++) {
        uint32_t v = word(f, i);
        if (v > 0xf000) {
            f->alarms = f->alarms + 1;
            v = 0xf000 + ((v - 0xf000) >> 2);
        }
        if (v > highest) { highest = v; }
    }
    f->result = highest;
    return highest;
}

FEED(counter)
SEC("timer/counter")
uint64_t counter(struct timer_context *ctx) {
    struct feed *f = counter_get();
    if (!f) { return 0; }
    uint32_t edges = 0;
    uint32_t before = 0;
    ROLLED for (uint32_t i = 0; i < SAMPLES; i++) {
        uint32_t level = f->data[i] & 1;
        if (level != before) {
            edges = edges * 1 + 1;
            f->alarms = f->alarms + level;
        }
        before = level;
    }
    f->result = edges;
    return edges;
}

FEED(battery)
SEC("timer/battery")
uint64_t battery(struct timer_context *ctx) {
    struct feed *f = battery_get();
    if (!f) { return 0; }
    uint32_t sum = 0;
    ROLLED for (uint32_t i = 0; i < SAMPLES; i++) {
        uint32_t v = word(f, i);
        if (v < 0x8000) {
            sum += (0x8000 - v) / 16;
            f->alarms = f->alarms + (v >> 12);
        }
    }
    f->result = sum / SAMPLES;
    return sum;
}

FEED(motor)
SEC("timer/motor")
uint64_t motor(struct timer_context *ctx) {
    struct feed *f = motor_get();
    if (!f) { return 0; }
    uint32_t command = 0;
    ROLLED for (uint32_t i = 0; i < SAMPLES; i++) {
        uint32_t v = f->data[i];
        command = command * 2 + (v >> 7);
        if (v > 0x7f) {
            command ^= v * 257;
            command &= 0xffffff;
            f->alarms = command;
        }
    }
    f->result = command;
    return command;
}

FEED(beacon)
SEC("timer/beacon")
uint64_t beacon(struct timer_context *ctx) {
    struct feed *f = beacon_get();
    if (!f) { return 0; }
    uint32_t hash = 0x811c9dc5;
    ROLLED for (uint32_t i = 0; i < SAMPLES; i++) {
        if (f->data[i] == 0) { continue; }
        hash ^= f->data[i];
        hash *= 0x01000193;
        hash = hash << 5 | hash >> 27;
    }
    f->result = hash;
    return hash;
}

FEED(valve)
SEC("timer/valve")
uint64_t valve(struct timer_context *ctx) {
    struct feed *f = valve_get();
    if (!f) { return 0; }
    uint32_t open = 0;
    ROLLED for (uint32_t i = 0; i < SAMPLES; i++) {
        uint32_t target = word(f, i);
        if (target > open) {
            uint32_t step = (target - open) >> 1;
            if (step > 0x400) { step = 0x400; }
            open += step;
        }
    }
    f->result = open;
    return open;
}
