#pragma once
/* A board whose kernel is updated, on this machine: what lies between two losses of power, on a medium that can lose it at
 * every single sector that is written. */

#include "update/slots.h"
#include "update/upload.h"
#include <stdio.h>
#include <stdlib.h>

#define DISK_BYTES 0x800000u /* the first bytes of a medium, up to the end of its slots */

/* What is left of the sector write that does not succeed. */
enum tear : uint32_t {
    NOTHING,
    HALF,
    GARBAGE,
    WHOLE,
    REFUSED, /* nothing, and the power stays: the medium says that it failed */
    LOST,    /* nothing, and the medium says that it did it; in a slot only */
    UNREADABLE, /* the medium answers no read of it until it is written again; in a record only */
    TEARS
};

extern uint8_t disk[DISK_BYTES];
extern uint32_t cut;    /* the sector write that does not succeed, from 1; 0: none */
extern uint32_t writes; /* so far */
extern enum tear variant;
extern bool cut_a_record; /* the last one did */
extern bool dead;

/* Ends the program, with what is being tried in `tried` and `variant`. */
extern uint32_t tried;
#define CHECK(condition)                                                                                                \
    ((condition) ? (void)0                                                                                              \
                 : (printf("%s:%d: not so: %s (write %u, variant %u)\n", __FILE__, __LINE__, #condition, tried, variant), exit(1)))

/* What of the sector is left on the disk when its write ends as `how` says. */
void disk_tear(uint64_t sector, const uint8_t *in, enum tear how);

/* Writes a sector, or what is left of it. STATUS_TIMEOUT: the power is gone; STATUS_CORRUPT: refused. */
[[nodiscard]] enum status disk_put(uint64_t sector, const uint8_t *in);

/* False: an unreadable one. */
[[nodiscard]] bool disk_get(uint64_t sector, void *out);

void power_up(void);

/* The board's way to its disk, after power-up; null when it does not answer. One of medium_memory.c and medium_card.c. */
[[nodiscard]] const struct block_device *medium_open(void);

struct file {
    uint8_t *data;
    uint32_t size;
};
extern struct file images[2]; /* update files */

[[nodiscard]] struct file read_file(const char *path);
void read_policy(const char *path); /* a policy block: which keys the board knows */

extern struct store store;
extern uint32_t running;

/* STATUS_OK: an image runs from the slot `running`; STATUS_NO_ENTRY: the one that came with the board. */
[[nodiscard]] enum status start(void);

/* What the record says that a slot holds, the slot holds. */
[[nodiscard]] bool slots_are_whole(void);

/* What was started last is this image, whole. */
[[nodiscard]] bool runs(uint32_t i);

/* The whole update: upload, test start, confirmation. The power may go at any write. */
[[nodiscard]] enum status update_to(uint32_t i);

/* What update_rules.c holds an upload, a record and a medium to. */
void check_rules(void);
