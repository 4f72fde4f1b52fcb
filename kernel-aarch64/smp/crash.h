#pragma once
/* The crash record: what a fatal exception leaves in memory that start-up does not clear, for the host to read after
 * the reset. Fixed place (CRASH_RECORD_OFFSET from the image base), fixed size, checked by magic and CRC. */

#include <stdint.h>

#define CRASH_MAGIC 0x32485352434c4556ull /* "VELCRSH2" */
#define CRASH_RECORD_OFFSET 0x3ff000u     /* kernel.ld places section .crash there */
#define CRASH_FRAMES 16u
#define CRASH_LOG_BYTES 256u

/* What surrounded the crash. */
struct crash_story {
    uint64_t frames_rel[CRASH_FRAMES]; /* x30, then return addresses, innermost first; from the image base; 0: no more */
    char module[32];                   /* that the core ran last; NUL-terminated */
    uint32_t module_version;
    uint32_t reserved;
    char log[CRASH_LOG_BYTES]; /* the latest events, a line each, newest first; NUL-terminated */
};

struct crash_record {
    uint64_t magic;
    char reason[32]; /* NUL-terminated */
    char build[48];  /* build id of the image that crashed, 40 hex digits, NUL-terminated */
    uint32_t core;
    uint32_t boots; /* start-ups that have seen this record */
    uint64_t esr;
    uint64_t far;
    uint64_t elr_rel; /* ELR_EL1 minus the image base */
    uint64_t spsr;
    uint64_t x[31];
    struct crash_story story;
    uint32_t reserved;
    uint32_t crc; /* CRC-32 (IEEE 802.3) of all bytes before it */
};
static_assert(sizeof(struct crash_record) == 808);

/* Copies the record that an earlier run left; false when there is none. Core 0. */
[[nodiscard]] bool crash_read(struct crash_record *out);
