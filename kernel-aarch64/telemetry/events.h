#pragma once
/* What happened, in order: a ring that the host reads by sequence number. Any core, any context. */

#include "gen/abi_status.h"
#include <stdint.h>

#define EVENT_NAME_BYTES 32u
#define EVENT_TEXT_BYTES 64u
#define EVENT_RING_SIZE 256u
/* Places that log lines leave to other events: a chatty module cannot push a rollback out. */
#define EVENT_LOG_RESERVE 64u

enum event_kind : uint8_t {
    EVENT_INSTALLED,
    EVENT_PROMOTED,
    EVENT_ROLLED_BACK,
    EVENT_REFUSED,
    EVENT_REMOVED,
    EVENT_FAULT,
    EVENT_LOG,
};

struct event {
    uint64_t seq; /* from 1, given by event_add() */
    uint64_t time_ns;
    uint64_t before; /* cycles per call of the predecessor, where it applies */
    uint64_t after;  /* cycles per call of the version concerned, where it applies */
    uint32_t version;
    enum status reason;
    enum event_kind kind;
    char name[EVENT_NAME_BYTES]; /* NUL-terminated */
    char text[EVENT_TEXT_BYTES]; /* NUL-terminated */
};

/* "installed", "promoted", ... */
const char *event_kind_name(enum event_kind kind);

/* Puts an event into the ring; the oldest one is overwritten, and counted as lost unless it was read. */
void event_add(const struct event *event);

/* The same for a log line, which is dropped and counted as lost when the ring holds too many unread events. */
[[nodiscard]] bool event_log(const struct event *event);

/* The first event with a number above `since`, which says that the host has all up to `since`. */
[[nodiscard]] bool event_read(uint64_t since, struct event *out);

/* The `back`-th event before the newest; false when there is none any more. Takes no lock: for a board that has crashed. */
[[nodiscard]] bool event_latest(uint64_t back, struct event *out);

uint64_t events_lost(void);
/* Number of the newest event; 0 before the first. */
uint64_t events_newest(void);
