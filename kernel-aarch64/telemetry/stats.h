#pragma once
/* Named counters of the system, for the statistics group of SMP. They only grow; any core may add to them. */

#include <stdint.h>

/* Calls row(name) for each counter. */
#define STAT_TABLE(row) \
    row(installs) \
    row(refusals) \
    row(promotions) \
    row(rollbacks) \
    row(removals) \
    row(faults) \
    row(events) \
    row(events_lost) \
    row(evidence_kept) \
    row(evidence_dropped) \
    row(versions_made) \
    row(versions_freed) \
    row(frames) \
    row(runs)

enum stat : uint32_t {
#define STAT_ENUM(name) STAT_##name,
    STAT_TABLE(STAT_ENUM)
#undef STAT_ENUM
        STAT_COUNT
};

void stat_add(enum stat stat, uint64_t amount);

uint32_t stats_count(void);
/* The i-th counter; false when there is none. The name is static. */
bool stats_read(uint32_t i, const char **name, uint64_t *value);
