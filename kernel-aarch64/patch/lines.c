#include "patch/lines.h"
#include "bpf/maps/map.h"
#include "drivers/gpio.h"
#include "gen/abi_patch.h"

static uint64_t *inputs, *outputs; /* the only value of each map: maps that somebody holds stay where they are */

static enum status make(struct span name, uint64_t **value) {
    const struct map_definition definition = {
        .name = name,
        .shape = {.type = MAP_TYPE_ARRAY, .key_size = sizeof(uint32_t), .value_size = sizeof(uint64_t), .max_entries = 1},
    };
    struct bpf_map *map;
    const enum status status = map_acquire(&definition, &map);
    if (status == STATUS_OK) { *value = (uint64_t *)map->values; }
    return status;
}

enum status lines_init(void) {
    enum status status = make(SPAN(LINE_MAP_GPIO_IN), &inputs);
    if (status == STATUS_OK) { status = make(SPAN(LINE_MAP_GPIO_OUT), &outputs); }
    if (status == STATUS_OK) { *outputs = gpio_led(); }
    return status;
}

void lines_sample(void) { __atomic_store_n(inputs, gpio_read(), __ATOMIC_RELAXED); }

void lines_apply(void) { gpio_write(__atomic_load_n(outputs, __ATOMIC_RELAXED)); }
