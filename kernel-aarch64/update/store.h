#pragma once
/* What a boot medium remembers: two records, written alternately, so that one that was cut leaves the other. Pure. */

#include "drivers/block.h"
#include "gen/abi_image.h"
#include "trust/keys.h"

#define SLOTS 2u
#define SLOT_NONE 2u
#define RECORD_SECTORS 4u

struct slot {
    uint32_t state;      /* SLOT_STATE_... */
    uint32_t starts;     /* left, of one that is to be tested */
    uint32_t size_bytes; /* of the update file in it */
    uint32_t reserved;
    uint64_t sequence; /* of its manifest */
    uint8_t sha[32];   /* of the update file */
    char version[32];  /* release, NUL-padded */
};

struct slot_record {
    uint64_t magic;
    uint64_t generation; /* the higher one counts */
    uint32_t active;     /* slot that is started when none is to be tested; SLOT_NONE: the image that the firmware starts */
    uint32_t reserved;
    struct slot slots[SLOTS];
    struct key_record keys[KEY_RECORDS];
    uint8_t unused[948];
    uint32_t crc; /* CRC-32 (IEEE 802.3) of all bytes before it */
};
static_assert(sizeof(struct slot_record) == RECORD_SECTORS * SECTOR_BYTES);

struct store {
    const struct block_device *device; /* null: there is none */
    uint64_t first;                    /* sector that the partition begins at */
    uint64_t oldest;                   /* images below this sequence number are refused, whatever was confirmed */
    struct slot_record record;
};

/* Finds the partition and the newest whole record; an empty one when none is whole. One that cannot be read is not whole: a
 * card that lost its power while it wrote may keep such a sector until it is written again. STATUS_NO_STORAGE: there is no
 * such partition, or neither record can be read. */
[[nodiscard]] enum status store_open(struct store *store, const struct block_device *device);

/* Writes `next`, a record of the caller's own, as the newest. When it fails, the store holds what it held. */
[[nodiscard]] enum status store_write(struct store *store, struct slot_record *next);

/* Bytes of a slot from a sector boundary on. */
[[nodiscard]] enum status slot_read(const struct store *store, uint32_t slot, uint32_t offset, void *out, uint32_t size_bytes);
[[nodiscard]] enum status slot_write(const struct store *store, uint32_t slot, uint32_t offset, const void *in,
                                     uint32_t size_bytes);
