/* Power cuts in what a board really wrote: `replay_host POLICY DISK WRITES A B` takes a policy block, the first bytes of a
 * medium, what was written to it since, as pairs of a sector number of 64 bits and the sector, and two update files. A was
 * installed, tried and kept; then B, tried and thrown out. At every single write it leaves the sector as it was, half written
 * and destroyed, starts the board, and checks that it starts A or B, whole, or what came with the board while A was not kept
 * yet, and that it ends with the one that was kept. Prints for each write what the board starts when it is half written: `-`
 * for what came with it, `a` or `b`. */
#include "update_board.h"
#include "lib/mem.h"

#define RECORDS_BYTES 8192u /* from the start of the partition on: what a start may write */
#define STARTS_MORE (TEST_STARTS + 1)

struct write {
    uint64_t sector;
    uint8_t bytes[SECTOR_BYTES];
};

static uint8_t before[DISK_BYTES];
static bool kept; /* A, by what was written so far */

static char started(void) {
    const enum status status = start();
    CHECK(status == STATUS_NO_ENTRY || (status == STATUS_OK && (runs(0) || runs(1))));
    if (status == STATUS_NO_ENTRY) { return '-'; }
    return runs(0) ? 'a' : 'b';
}

/* Starts until no test is left, and puts back what that changed. */
static char start_and_end(char *ended) {
    const char first = started();
    for (uint32_t i = 0; i < STARTS_MORE; i++) { *ended = started(); }
    CHECK(*ended == 'a' || (*ended == '-' && !kept));
    const uint64_t at = store.first * SECTOR_BYTES;
    memcpy(disk + at, before + at, RECORDS_BYTES);
    return first;
}

static void cut_at(const struct write *write) {
    static const enum tear tears[] = {NOTHING, GARBAGE, HALF};
    char ended, first = 0;
    uint8_t *at = disk + write->sector * SECTOR_BYTES;
    uint8_t *was = before + write->sector * SECTOR_BYTES;
    CHECK(write->sector < DISK_BYTES / SECTOR_BYTES);
    for (uint32_t i = 0; i < sizeof(tears) / sizeof(tears[0]); i++) {
        variant = tears[i];
        disk_tear(write->sector, write->bytes, variant);
        first = start_and_end(&ended);
        memcpy(at, was, SECTOR_BYTES);
        if (variant == NOTHING) { kept = kept || ended == 'a'; }
    }
    printf("%u %lu %c\n", tried, (unsigned long)write->sector, first);
    memcpy(at, write->bytes, SECTOR_BYTES);
    memcpy(was, write->bytes, SECTOR_BYTES);
}

int main(int argc, char **argv) {
    if (argc != 6) { return 2; }
    read_policy(argv[1]);
    memcpy(disk, read_file(argv[2]).data, DISK_BYTES);
    memcpy(before, disk, DISK_BYTES);
    const struct file recorded = read_file(argv[3]);
    const struct write *all = (const struct write *)(const void *)recorded.data;
    images[0] = read_file(argv[4]);
    images[1] = read_file(argv[5]);
    const uint32_t count = recorded.size / sizeof(*all);
    for (tried = 0; tried < count; tried++) { cut_at(&all[tried]); }
    CHECK(started() == 'a' && kept);
    return 0;
}
