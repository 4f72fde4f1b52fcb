/* SMP group 2, statistics (Zephyr smp_group_2.rst): lists the groups of counters, shows one by name. */
#include "link/counters.h"
#include "link/map.h"
#include "link/receive.h"
#include "link/smp.h"
#include "telemetry/stats.h"

enum : uint8_t { STAT_SHOW = 0, STAT_LIST = 1 };

static void put_named(struct cbor_writer *out, const char *name, uint64_t value) {
    uint32_t size = 0;
    while (name[size] != 0) { size++; }
    cbor_put_text(out, (struct span){(const uint8_t *)name, size});
    cbor_put_uint(out, value);
}

static void put_system(struct cbor_writer *out) {
    const uint32_t count = stats_count();
    cbor_put_map(out, count);
    for (uint32_t i = 0; i < count; i++) {
        const char *name = "?";
        uint64_t value = 0;
        (void)stats_read(i, &name, &value); /* below stats_count() it always succeeds */
        put_named(out, name, value);
    }
}

static void put_link(struct cbor_writer *out) {
    struct link_counters counters;
    receive_counters(&counters);
#define COUNT_ONE(name, sentence) +1u
    cbor_put_map(out, 0 LINK_COUNTERS(COUNT_ONE));
#undef COUNT_ONE
#define PUT_COUNTER(name, sentence) put_named(out, #name, counters.name);
    LINK_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
}

static const struct {
    struct span name;
    void (*put)(struct cbor_writer *out);
} STAT_GROUPS[] = {
    {{(const uint8_t *)"velocity", 8}, put_system},
    {{(const uint8_t *)"link", 4}, put_link},
};

constexpr uint32_t STAT_GROUP_COUNT = sizeof STAT_GROUPS / sizeof STAT_GROUPS[0];

static enum status show(struct cbor_reader *in, struct cbor_writer *out) {
    struct span name;
    if (map_text(in, SPAN("name"), &name) != STATUS_OK) { return STATUS_INVALID_ARGUMENT; }
    for (uint32_t i = 0; i < STAT_GROUP_COUNT; i++) {
        if (!span_equal(STAT_GROUPS[i].name, name)) { continue; }
        cbor_put_map(out, 2);
        cbor_put_text(out, SPAN("name"));
        cbor_put_text(out, name);
        cbor_put_text(out, SPAN("fields"));
        STAT_GROUPS[i].put(out);
        return STATUS_OK;
    }
    return STATUS_NO_ENTRY;
}

static enum status list(struct cbor_writer *out) {
    cbor_put_map(out, 1);
    cbor_put_text(out, SPAN("stat_list"));
    cbor_put_array(out, STAT_GROUP_COUNT);
    for (uint32_t i = 0; i < STAT_GROUP_COUNT; i++) { cbor_put_text(out, STAT_GROUPS[i].name); }
    return STATUS_OK;
}

enum status stat_group(const struct smp_header *header, struct cbor_reader *in, struct cbor_writer *out,
                       struct refusal *refusal) {
    (void)refusal;
    if (header->op != SMP_READ) { return STATUS_NOT_SUPPORTED; }
    if (header->command == STAT_SHOW) { return show(in, out); }
    if (header->command == STAT_LIST) { return list(out); }
    return STATUS_NOT_SUPPORTED;
}
