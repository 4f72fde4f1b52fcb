/* Control loops, device protocols and small codecs, as board firmware has them. */
#include "velocity.h"

#define MAP(name_, type_, entries, key_type, value_type) \
    struct { \
        __uint(type, type_); \
        __uint(max_entries, entries); \
        __type(key, key_type); \
        __type(value, value_type); \
    } name_ SEC(".maps")

struct pid {
    int32_t setpoint;
    int32_t measured;
    int32_t integral;
    int32_t last;
    int32_t kp;
    int32_t ki;
    int32_t kd;
    int32_t output;
};
MAP(pids, BPF_MAP_TYPE_ARRAY, 4, uint32_t, struct pid);

static __always_inline int32_t limit(int64_t v, int32_t low, int32_t high) {
    return (int32_t)(v < low ? low : v > high ? high : v);
}

SEC("timer/pid_step")
uint64_t pid_step(struct timer_context *ctx) {
    uint32_t key = 0;
    struct pid *p = bpf_map_lookup_elem(&pids, &key);
    if (!p) { return 0; }
    int32_t error = p->setpoint - p->measured;
    p->integral = limit((int64_t)p->integral + error, -100000, 100000);
    int64_t out = (int64_t)p->kp * error + (int64_t)p->ki * p->integral + (int64_t)p->kd * (error - p->last);
    p->last = error;
    p->output = limit(out >> 10, -2047, 2047);
    return (uint32_t)p->output;
}

struct thermostat {
    int32_t temperature;
    int32_t low;
    int32_t high;
    uint32_t on;
    uint32_t changes;
};
MAP(thermostats, BPF_MAP_TYPE_ARRAY, 4, uint32_t, struct thermostat);

SEC("timer/hysteresis")
uint64_t hysteresis(struct timer_context *ctx) {
    uint32_t key = ctx->core & 3;
    struct thermostat *t = bpf_map_lookup_elem(&thermostats, &key);
    if (!t) { return 0; }
    uint32_t on = t->on;
    if (t->temperature < t->low) { on = 1; }
    if (t->temperature > t->high) { on = 0; }
    if (on != t->on) {
        t->on = on;
        t->changes++;
    }
    return on;
}

struct frame {
    uint8_t raw[32];
    uint16_t id;
    uint16_t flags;
    int32_t values[4];
    uint32_t errors;
    uint32_t good;
};
MAP(frames, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct frame);

static __always_inline struct frame *frame(void) {
    uint32_t zero = 0;
    return bpf_map_lookup_elem(&frames, &zero);
}

/* A CAN-like frame: little-endian signals packed over byte borders. */
SEC("timer/can_decode")
uint64_t can_decode(struct timer_context *ctx) {
    struct frame *f = frame();
    if (!f) { return 0; }
    uint16_t id = f->raw[0] | f->raw[1] << 8;
    if (id != f->id) { return 0; }
    uint32_t speed = (f->raw[2] | (uint32_t)f->raw[3] << 8) & 0xfff;
    uint32_t torque = (f->raw[3] >> 4 | (uint32_t)f->raw[4] << 4) & 0xfff;
    int16_t angle = (int16_t)(f->raw[5] | f->raw[6] << 8);
    f->values[0] = (speed * 5) >> 3;
    f->values[1] = (int32_t)torque - 2048;
    f->values[2] = angle;
    return speed;
}

/* An MPU-style register dump: big-endian 16-bit axes. */
SEC("timer/imu_decode")
uint64_t imu_decode(struct timer_context *ctx) {
    struct frame *f = frame();
    if (!f) { return 0; }
    int16_t x = (int16_t)(f->raw[0] << 8 | f->raw[1]);
    int16_t y = (int16_t)(f->raw[2] << 8 | f->raw[3]);
    int16_t z = (int16_t)(f->raw[4] << 8 | f->raw[5]);
    int16_t t = (int16_t)(f->raw[6] << 8 | f->raw[7]);
    f->values[0] = x;
    f->values[1] = y;
    f->values[2] = z;
    f->values[3] = ((t * 301) >> 10) + 3653;
    return (uint64_t)((int64_t)x * x + (int64_t)y * y + (int64_t)z * z);
}

/* Bosch-style compensation of a raw temperature. */
struct calibration {
    uint16_t t1;
    int16_t t2;
    int16_t t3;
    uint16_t pad;
    int32_t raw;
    int32_t fine;
};
MAP(calibrations, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct calibration);

SEC("timer/compensate")
uint64_t compensate(struct timer_context *ctx) {
    uint32_t zero = 0;
    struct calibration *c = bpf_map_lookup_elem(&calibrations, &zero);
    if (!c) { return 0; }
    int32_t adc = c->raw >> 4;
    int32_t var1 = (((adc >> 3) - ((int32_t)c->t1 << 1)) * (int32_t)c->t2) >> 11;
    int32_t d = (adc >> 4) - (int32_t)c->t1;
    int32_t var2 = (((d * d) >> 12) * (int32_t)c->t3) >> 14;
    c->fine = var1 + var2;
    return (uint32_t)((c->fine * 5 + 128) >> 8);
}

/* Modbus-like CRC and length check. */
SEC("timer/modbus_check")
uint64_t modbus_check(struct timer_context *ctx) {
    struct frame *f = frame();
    if (!f) { return 0; }
    uint16_t crc = 0xffff;
#pragma clang loop unroll(disable)
    for (uint32_t i = 0; i < 6; i++) {
        crc ^= f->raw[i];
#pragma clang loop unroll(disable)
        for (uint32_t bit = 0; bit < 8; bit++) { crc = crc & 1 ? (uint16_t)(crc >> 1 ^ 0xa001) : (uint16_t)(crc >> 1); }
    }
    uint16_t sent = f->raw[6] | f->raw[7] << 8;
    if (crc != sent) {
        f->errors++;
        return 0;
    }
    f->good++;
    return 1;
}

/* NMEA checksum: xor between $ and *. */
SEC("timer/nmea_xor")
uint64_t nmea_xor(struct timer_context *ctx) {
    struct frame *f = frame();
    if (!f) { return 0; }
    uint8_t sum = 0;
#pragma clang loop unroll(disable)
    for (uint32_t i = 1; i < 32; i++) {
        if (f->raw[i] == '*') { break; }
        sum ^= f->raw[i];
    }
    return sum;
}

/* Four digits of decimal text to a number. */
SEC("timer/parse_digits")
uint64_t parse_digits(struct timer_context *ctx) {
    struct frame *f = frame();
    if (!f) { return 0; }
    uint32_t value = 0;
    for (uint32_t i = 0; i < 4; i++) {
        uint8_t c = f->raw[i];
        if (c < '0' || c > '9') { return ~0ull; }
        value = value * 10 + (c - '0');
    }
    return value;
}

/* Number to hexadecimal text. */
SEC("timer/hex_text")
uint64_t hex_text(struct timer_context *ctx) {
    struct frame *f = frame();
    if (!f) { return 0; }
    uint32_t v = (uint32_t)ctx->tick;
    for (int i = 7; i >= 0; i--) {
        uint8_t digit = v & 15;
        f->raw[i] = digit < 10 ? '0' + digit : 'a' + digit - 10;
        v >>= 4;
    }
    return 0;
}

/* Quadrature decoder. */
struct encoder {
    uint32_t last;
    int32_t position;
    uint32_t errors;
    uint32_t pins;
};
MAP(encoders, BPF_MAP_TYPE_ARRAY, 2, uint32_t, struct encoder);

SEC("timer/quadrature")
uint64_t quadrature(struct timer_context *ctx) {
    static const int8_t steps[16] = {0, -1, 1, 2, 1, 0, 2, -1, -1, 2, 0, 1, 2, 1, -1, 0};
    uint32_t key = 0;
    struct encoder *e = bpf_map_lookup_elem(&encoders, &key);
    if (!e) { return 0; }
    uint32_t now = e->pins & 3;
    int32_t step = steps[(e->last & 3) << 2 | now];
    if (step == 2) {
        e->errors++;
    } else {
        e->position += step;
    }
    e->last = now;
    return (uint32_t)e->position;
}

/* Debounces eight buttons by vertical counters. */
struct buttons {
    uint8_t raw;
    uint8_t state;
    uint8_t c0;
    uint8_t c1;
    uint8_t pressed;
};
MAP(button_map, BPF_MAP_TYPE_ARRAY, 1, uint32_t, struct buttons);

SEC("timer/debounce")
uint64_t debounce(struct timer_context *ctx) {
    uint32_t key = 0;
    struct buttons *b = bpf_map_lookup_elem(&button_map, &key);
    if (!b) { return 0; }
    uint8_t delta = b->raw ^ b->state;
    b->c1 = (b->c1 ^ b->c0) & delta;
    b->c0 = ~b->c0 & delta;
    uint8_t toggle = delta & ~(b->c0 | b->c1);
    b->state ^= toggle;
    b->pressed = toggle & b->state;
    return b->pressed;
}

/* Soft start: PWM duty follows a target at a limited slope. */
struct pwm {
    uint32_t duty;
    uint32_t target;
    uint32_t slope;
    uint32_t period;
};
MAP(pwms, BPF_MAP_TYPE_ARRAY, 8, uint32_t, struct pwm);

SEC("timer/pwm_ramp")
uint64_t pwm_ramp(struct timer_context *ctx) {
    uint64_t total = 0;
#pragma clang loop unroll(disable)
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t key = i;
        struct pwm *p = bpf_map_lookup_elem(&pwms, &key);
        if (!p) { continue; }
        if (p->duty < p->target) {
            uint32_t left = p->target - p->duty;
            p->duty += left < p->slope ? left : p->slope;
        } else if (p->duty > p->target) {
            uint32_t left = p->duty - p->target;
            p->duty -= left < p->slope ? left : p->slope;
        }
        total += p->duty;
    }
    return total;
}

/* Watchdog of four tasks. */
struct task {
    uint64_t last_seen;
    uint32_t timeout_ms;
    uint32_t late;
};
MAP(tasks, BPF_MAP_TYPE_ARRAY, 4, uint32_t, struct task);

SEC("timer/watchdog")
uint64_t watchdog(struct timer_context *ctx) {
    uint32_t late = 0;
#pragma unroll
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t key = i;
        struct task *t = bpf_map_lookup_elem(&tasks, &key);
        if (!t) { continue; }
        uint64_t silent = ctx->time_ns - t->last_seen;
        if (silent > (uint64_t)t->timeout_ms * 1000000) {
            t->late++;
            late |= 1u << i;
        }
    }
    return late;
}

/* Battery: percentage by a table with interpolation. */
SEC("timer/battery")
uint64_t battery(struct timer_context *ctx) {
    static const uint16_t millivolts[8] = {3300, 3500, 3600, 3700, 3800, 3900, 4050, 4200};
    struct frame *f = frame();
    if (!f) { return 0; }
    uint32_t mv = f->raw[0] | (uint32_t)f->raw[1] << 8;
    if (mv <= millivolts[0]) { return 0; }
#pragma clang loop unroll(disable)
    for (uint32_t i = 1; i < 8; i++) {
        if (mv < millivolts[i]) {
            uint32_t span = millivolts[i] - millivolts[i - 1];
            return (i - 1) * 100 / 7 + (mv - millivolts[i - 1]) * 100 / (7 * span);
        }
    }
    return 100;
}

/* Fixed-point square root. */
SEC("timer/integer_sqrt")
uint64_t integer_sqrt(struct timer_context *ctx) {
    uint64_t n = ctx->time_ns;
    uint64_t root = 0;
    uint64_t bit = 1ull << 62;
#pragma clang loop unroll(disable)
    for (int i = 0; i < 32; i++) {
        if (n >= root + bit) {
            n -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
        bit >>= 2;
    }
    return root;
}

/* Varint, seven bits a byte. */
SEC("timer/varint")
uint64_t varint(struct timer_context *ctx) {
    struct frame *f = frame();
    if (!f) { return 0; }
    uint64_t value = 0;
    for (uint32_t i = 0; i < 5; i++) {
        uint8_t byte = f->raw[i];
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) { return value; }
    }
    return ~0ull;
}

/* SipHash round over a counter, as a keyed tag. */
#define ROTL(x, b) ((x) << (b) | (x) >> (64 - (b)))
#define SIPROUND \
    v0 += v1; v1 = ROTL(v1, 13); v1 ^= v0; v0 = ROTL(v0, 32); \
    v2 += v3; v3 = ROTL(v3, 16); v3 ^= v2; \
    v0 += v3; v3 = ROTL(v3, 21); v3 ^= v0; \
    v2 += v1; v1 = ROTL(v1, 17); v1 ^= v2; v2 = ROTL(v2, 32)

SEC("timer/siphash")
uint64_t siphash(struct timer_context *ctx) {
    uint64_t k0 = 0x0706050403020100ull;
    uint64_t k1 = 0x0f0e0d0c0b0a0908ull;
    uint64_t v0 = k0 ^ 0x736f6d6570736575ull;
    uint64_t v1 = k1 ^ 0x646f72616e646f6dull;
    uint64_t v2 = k0 ^ 0x6c7967656e657261ull;
    uint64_t v3 = k1 ^ 0x7465646279746573ull;
    uint64_t m = ctx->tick;
    v3 ^= m;
    SIPROUND;
    SIPROUND;
    v0 ^= m;
    v2 ^= 0xff;
    SIPROUND;
    SIPROUND;
    SIPROUND;
    SIPROUND;
    return v0 ^ v1 ^ v2 ^ v3;
}

/* Bits of a status word to fields, and one combined alarm. */
SEC("timer/status_bits")
uint64_t status_bits(struct timer_context *ctx) {
    struct frame *f = frame();
    if (!f) { return 0; }
    uint32_t s = f->raw[0] | (uint32_t)f->raw[1] << 8 | (uint32_t)f->raw[2] << 16 | (uint32_t)f->raw[3] << 24;
    f->values[0] = s & 1;
    f->values[1] = s >> 1 & 7;
    f->values[2] = s >> 4 & 0xff;
    f->values[3] = s >> 12 & 0xfffff;
    int alarm = (s & 1) && ((s >> 1 & 7) > 4 || (s >> 4 & 0xff) == 0xff);
    if (alarm) { f->flags |= 1; }
    return alarm;
}

/* Timestamps: ticks of 90 kHz to nanoseconds. */
SEC("timer/rtp_time")
uint64_t rtp_time(struct timer_context *ctx) {
    uint64_t ticks = ctx->tick;
    uint64_t seconds = ticks / 90000;
    uint64_t rest = ticks % 90000;
    return seconds * 1000000000ull + rest * 1000000000ull / 90000;
}

/* Gray code both ways. */
SEC("timer/gray_code")
uint64_t gray_code(struct timer_context *ctx) {
    uint32_t n = (uint32_t)ctx->tick;
    uint32_t g = n ^ n >> 1;
    uint32_t back = g;
    back ^= back >> 16;
    back ^= back >> 8;
    back ^= back >> 4;
    back ^= back >> 2;
    back ^= back >> 1;
    return back == n ? g : ~0ull;
}
