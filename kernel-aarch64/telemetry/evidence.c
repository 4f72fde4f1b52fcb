#include "telemetry/evidence.h"
#include "telemetry/spinlock.h"
#include "telemetry/stats.h"

/* `lock` guards everything here. A record is free when it was never used or was acknowledged. */
static struct {
    struct spinlock lock;
    uint32_t last_id;
    struct record {
        bool waiting;
        struct evidence evidence; /* id 0: never used */
    } records[EVIDENCE_RECORDS];
} store;

/* The record to use next: never one that waits; of the others the oldest, so that the newest stay for a debugger. */
static struct record *free_record_locked(void) {
    struct record *best = nullptr;
    for (uint32_t i = 0; i < EVIDENCE_RECORDS; i++) {
        struct record *record = &store.records[i];
        if (record->waiting) { continue; }
        if (best == nullptr || record->evidence.id < best->evidence.id) { best = record; }
    }
    return best;
}

enum status evidence_add(const struct evidence *evidence) {
    const uint64_t flags = spin_lock(&store.lock);
    struct record *record = free_record_locked();
    if (record != nullptr) {
        record->evidence = *evidence;
        record->evidence.id = ++store.last_id;
        record->waiting = true;
    }
    spin_unlock(&store.lock, flags);
    stat_add(record != nullptr ? STAT_evidence_kept : STAT_evidence_dropped, 1);
    return record != nullptr ? STATUS_OK : STATUS_POOL_FULL;
}

/* The waiting record with the lowest number above `id`. */
static struct record *next_locked(uint32_t id) {
    struct record *best = nullptr;
    for (uint32_t i = 0; i < EVIDENCE_RECORDS; i++) {
        struct record *record = &store.records[i];
        if (!record->waiting || record->evidence.id <= id) { continue; }
        if (best == nullptr || record->evidence.id < best->evidence.id) { best = record; }
    }
    return best;
}

enum status evidence_read(uint32_t i, struct evidence *out) {
    const uint64_t flags = spin_lock(&store.lock);
    struct record *record = next_locked(0);
    for (uint32_t n = 0; n < i && record != nullptr; n++) { record = next_locked(record->evidence.id); }
    if (record != nullptr) { *out = record->evidence; }
    spin_unlock(&store.lock, flags);
    return record != nullptr ? STATUS_OK : STATUS_NO_ENTRY;
}

enum status evidence_acknowledge(uint32_t id) {
    enum status status = STATUS_NO_ENTRY;
    const uint64_t flags = spin_lock(&store.lock);
    for (uint32_t i = 0; i < EVIDENCE_RECORDS; i++) {
        struct record *record = &store.records[i];
        if (!record->waiting || record->evidence.id != id) { continue; }
        record->waiting = false;
        status = STATUS_OK;
    }
    spin_unlock(&store.lock, flags);
    return status;
}
