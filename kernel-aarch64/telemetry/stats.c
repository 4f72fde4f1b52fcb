#include "telemetry/stats.h"

static uint64_t values[STAT_COUNT];

static const char *const names[STAT_COUNT] = {
#define STAT_NAME(name) #name,
    STAT_TABLE(STAT_NAME)
#undef STAT_NAME
};

void stat_add(enum stat stat, uint64_t amount) { __atomic_fetch_add(&values[stat], amount, __ATOMIC_RELAXED); }

uint32_t stats_count(void) { return STAT_COUNT; }

bool stats_read(uint32_t i, const char **name, uint64_t *value) {
    if (i >= STAT_COUNT) { return false; }
    *name = names[i];
    *value = __atomic_load_n(&values[i], __ATOMIC_RELAXED);
    return true;
}
