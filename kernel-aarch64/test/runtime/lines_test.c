/* GPIO lines around the modules of a tick. */
#include "bpf/maps/map.h"
#include "fakes.h"
#include "mm/pool.h"
#include "patch/lines.h"
#include "patch/modules.h"
#include "patch/slots.h"

static uint64_t *value_of(const char *name) {
    struct bpf_map *map = map_find(text(name));
    CHECK(map != nullptr && map->users == 1);
    return (uint64_t *)map->values;
}

/* Stands for a module that hands the inputs on. */
static uint64_t hands_on(uint64_t, uint64_t) {
    *value_of("gpio_out") = *value_of("gpio_in");
    return 0;
}

static void put(struct version *version) {
    void *memory = nullptr;
    CHECK(pool_alloc(sizeof(struct counters), 64, &memory) == STATUS_OK);
    version->counters[0] = version->counters[1] = memory;
    version->entry = hands_on;
    version->cores = 1;
    hook_slots[HOOK_TIMER].slot[0] = version;
    hook_slots[HOOK_TIMER].taken = 1;
}

int main(void) {
    CHECK(slots_init() == STATUS_OK);
    fake_tick(1, 0);
    CHECK(fake_outputs == 4); /* the activity LED lights with the first tick */

    *value_of("gpio_out") = 8;
    CHECK(fake_outputs == 4);
    fake_tick(2, 0);
    CHECK(fake_outputs == 8); /* without any module */

    static struct version version;
    put(&version);
    fake_inputs = 0x8000000000000001;
    fake_tick(3, 0);
    CHECK(fake_outputs == 0x8000000000000001); /* in the tick that took the inputs */

    fake_inputs = 0;
    version.cores = 2;
    fake_core = 1;
    fake_tick(4, 0);
    CHECK(*value_of("gpio_out") == 0x8000000000000001 && fake_outputs == 0x8000000000000001); /* core 0 takes them */
    fake_core = 0;
    fake_tick(5, 0);
    fake_core = 1;
    fake_tick(6, 0);
    CHECK(*value_of("gpio_out") == 0 && fake_outputs == 0x8000000000000001);
    fake_core = 0;
    fake_tick(7, 0);
    CHECK(fake_outputs == 0);

    fake_pool_left = 0;
    CHECK(slots_init() == STATUS_OK); /* the maps are there: two users more */
    return 0;
}
