#include "smp/crash.h"
#include "lib/barrier.h"
#include "lib/crc32.h"
#include "lib/deadline.h"
#include "lib/mem.h"
#include "mm/layout.h"
#include "mm/map.h"
#include "smp/core.h"
#include "smp/crash_write.h"
#include <stddef.h>

/* Three lines of text at 9600 baud, and a transmitter that takes nothing is given up after 100 ms. */
#define TELL_US 1'000'000u

static inline struct crash_record *place(void) { return (struct crash_record *)(void *)(__image_start + CRASH_RECORD_OFFSET); }

static bool found;

static uint32_t record_crc(const struct crash_record *record) {
    return crc32(record, offsetof(struct crash_record, crc));
}

static void text_copy(char *to, uint32_t size, const char *from) {
    uint32_t i = 0;
    for (; i + 1 < size && from[i] != '\0'; i++) { to[i] = from[i]; }
    to[i] = '\0';
}

void crash_init(void) {
    struct crash_record *record = place();
    found = record->magic == CRASH_MAGIC && record->crc == record_crc(record);
    if (!found) { return; }
    record->boots++;
    record->crc = record_crc(record);
    cache_clean(record, sizeof *record); /* whole: a reset drops what the caches hold */
}

bool crash_read(struct crash_record *out) {
    if (found) { *out = *place(); }
    return found;
}

bool crash_claim(void) {
    static uint32_t claimed; /* by core + 1 */
    const uint32_t self = core_id() + 1;
    uint32_t first = 0;
    if (__atomic_compare_exchange_n(&claimed, &first, self, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) { return true; }
    const uint64_t deadline = deadline_in_us(TELL_US);
    while (first != self && !is_past(deadline)) { cpu_relax(); }
    return false;
}

void crash_write(const char *reason, const char *build, uint32_t core, const struct fault *fault, const struct crash_story *story) {
    struct crash_record *record = place();
    memset(record, 0, sizeof *record);
    record->magic = CRASH_MAGIC;
    text_copy(record->reason, sizeof record->reason, reason);
    text_copy(record->build, sizeof record->build, build);
    record->core = core;
    record->esr = fault->esr;
    record->far = fault->far;
    record->elr_rel = fault->elr - (uintptr_t)__image_start;
    record->spsr = fault->spsr;
    memcpy(record->x, fault->x, sizeof record->x);
    if (story != nullptr) { record->story = *story; }
    record->crc = record_crc(record);
    cache_clean(record, sizeof *record);
}
