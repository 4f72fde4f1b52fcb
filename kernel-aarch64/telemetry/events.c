#include "telemetry/events.h"
#include "lib/printable.h"
#include "telemetry/spinlock.h"
#include "telemetry/stats.h"

/* `lock` guards everything here. Event n lies at ring[n % EVENT_RING_SIZE]; numbers start at 1. */
static struct {
    struct spinlock lock;
    uint64_t newest;
    uint64_t acknowledged; /* the host has read up to here */
    uint64_t lost;
    struct event ring[EVENT_RING_SIZE];
} events;

const char *event_kind_name(enum event_kind kind) {
    static const char *const names[] = {"installed", "promoted", "rolled_back", "refused", "removed", "fault", "log"};
    return names[kind];
}

static void count_lost_locked(void) {
    events.lost += 1;
    stat_add(STAT_events_lost, 1);
}

static void put_locked(const struct event *event) {
    const uint64_t seq = events.newest + 1;
    if (seq > EVENT_RING_SIZE && seq - EVENT_RING_SIZE > events.acknowledged) { count_lost_locked(); }
    struct event *place = &events.ring[seq % EVENT_RING_SIZE];
    *place = *event;
    place->seq = seq;
    events.newest = seq;
    stat_add(STAT_events, 1);
}

void event_add(const struct event *event) {
    const uint64_t flags = spin_lock(&events.lock);
    put_locked(event);
    spin_unlock(&events.lock, flags);
}

bool event_log(const struct event *event) {
    const uint64_t flags = spin_lock(&events.lock);
    const bool room = events.newest - events.acknowledged < EVENT_RING_SIZE - EVENT_LOG_RESERVE;
    if (room) {
        put_locked(event);
    } else {
        count_lost_locked();
    }
    spin_unlock(&events.lock, flags);
    return room;
}

static uint64_t oldest_locked(void) {
    return events.newest > EVENT_RING_SIZE ? events.newest - EVENT_RING_SIZE + 1 : 1;
}

bool event_read(uint64_t since, struct event *out) {
    const uint64_t flags = spin_lock(&events.lock);
    const uint64_t oldest = oldest_locked();
    /* A number from before a reset lies in the future of this ring: the host starts over. */
    const uint64_t known = since > events.newest ? 0 : since;
    if (known > events.acknowledged) { events.acknowledged = known; }
    const uint64_t seq = known + 1 < oldest ? oldest : known + 1;
    const bool found = seq <= events.newest;
    if (found) { *out = events.ring[seq % EVENT_RING_SIZE]; }
    spin_unlock(&events.lock, flags);
    if (found) { make_printable(out->text); } /* what a module logs, or what a refusal quotes */
    return found;
}

bool event_latest(uint64_t back, struct event *out) {
    if (back >= events.newest || back >= EVENT_RING_SIZE) { return false; }
    *out = events.ring[(events.newest - back) % EVENT_RING_SIZE];
    make_printable(out->text);
    return true;
}

uint64_t events_lost(void) { return __atomic_load_n(&events.lost, __ATOMIC_RELAXED); }
uint64_t events_newest(void) { return __atomic_load_n(&events.newest, __ATOMIC_RELAXED); }
