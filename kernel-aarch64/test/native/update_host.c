/* Power cuts in an update: `update_host POLICY A B` takes a policy block and two update files. It installs A, then has every
 * single sector write of the update to B fail, and of one back to A over the first, leaves that sector in each of the states
 * of `enum tear`, starts again, and checks that what is started is A or B, whole; that an update from there on succeeds; and
 * that a revoked key has stayed so. Prints what it counted. */
#include "update_board.h"
#include "lib/mem.h"

#define FIRST_SECTOR 8u
#define USED_BYTES (FIRST_SECTOR * SECTOR_BYTES + SLOT_PARTITION_BYTES)

static uint8_t one[USED_BYTES], both[USED_BYTES]; /* images in slots: A; A and B, of which B is started */
static struct refusal refusal;

static void check_after(uint32_t from, uint32_t to) {
    struct key_state key;
    CHECK(start() == STATUS_OK);
    CHECK(runs(from) || runs(to));
    CHECK(slots_are_whole());
    CHECK(keys_at(1, &key) && key.record->revoked == 1);
    /* A test start that nobody confirms ends in the image that was confirmed. */
    for (uint32_t i = 0; i <= TEST_STARTS; i++) { CHECK(start() == STATUS_OK); }
    for (uint32_t i = 0; i < SLOTS; i++) { CHECK(store.record.slots[i].state != SLOT_STATE_TEST); }
    CHECK(store.record.slots[running].state == SLOT_STATE_CONFIRMED);
    if (runs(from)) { CHECK(update_to(to) == STATUS_OK); }
    CHECK(start() == STATUS_OK && runs(to) && store.record.active == running);
}

/* A write that fails without a loss of power changes nothing of what the board believes. */
static void check_belief(void) {
    static struct store fresh;
    if (variant != REFUSED) { return; }
    CHECK(store_open(&fresh, store.device) == STATUS_OK);
    CHECK(memcmp(&fresh.record, &store.record, sizeof(store.record)) == 0);
}

/* Where the medium is empty, the image that came with the board is what is left. */
static void check_first_install(const uint8_t *empty, uint32_t total) {
    for (uint32_t at = 1; at <= total; at++) {
        for (variant = 0; variant < (cut_a_record ? TEARS : UNREADABLE); variant++) {
            memcpy(disk, empty, USED_BYTES);
            power_up();
            (void)start();
            cut = tried = at;
            (void)update_to(0);
            power_up();
            const enum status status = start();
            CHECK((status == STATUS_OK && runs(0)) || status == STATUS_NO_ENTRY);
            for (uint32_t i = 0; i <= TEST_STARTS; i++) { (void)start(); }
            if (running == SLOT_NONE) { CHECK(update_to(0) == STATUS_OK); }
            CHECK(start() == STATUS_OK && runs(0));
        }
    }
}

static void check_update(const uint8_t *installed, uint32_t from, uint32_t to, uint32_t total) {
    for (uint32_t at = 1; at <= total; at++) {
        for (variant = 0; variant < (cut_a_record ? TEARS : UNREADABLE); variant++) {
            memcpy(disk, installed, USED_BYTES);
            power_up();
            CHECK(start() == STATUS_OK && runs(from));
            cut = tried = at;
            const enum status status = update_to(to);
            CHECK(status != STATUS_OK || variant == LOST);
            check_belief();
            power_up();
            check_after(from, to);
        }
    }
}

static void damage(uint32_t slot) {
    const uint32_t slots[] = SLOT_OFFSETS;
    disk[store.first * SECTOR_BYTES + slots[slot] + 2 * IMAGE_PAGE_BYTES] ^= 1;
}

/* Of two that were kept, the other one is started when one is damaged, and what came with the board when both are. */
static void check_damage(void) {
    memcpy(disk, both, USED_BYTES);
    power_up();
    CHECK(start() == STATUS_OK && runs(1));
    damage(store.record.active);
    CHECK(start() == STATUS_OK && runs(0));
    damage(running);
    CHECK(start() == STATUS_NO_ENTRY);
}

/* What runs because the active one is damaged is confirmed once more; then an update goes to the damaged one. */
static void check_repair(void) {
    static struct upload upload;
    const struct span hash = {images[0].data, SHA256_BYTES};
    uint32_t slot;
    memcpy(disk, both, USED_BYTES);
    power_up();
    CHECK(start() == STATUS_OK && runs(1));
    CHECK(slots_confirm(&store, running) == STATUS_BAD_STATE && slots_confirm(&store, SLOT_NONE) == STATUS_BAD_STATE);
    damage(running);
    CHECK(start() == STATUS_OK && runs(0));
    CHECK(slots_target(&store, running, &slot) == STATUS_BAD_STATE);
    CHECK(upload_begin(&upload, &store, running, SLOT_BYTES, hash, &refusal) == STATUS_BAD_STATE && !upload.open);
    CHECK(slots_confirm(&store, running) == STATUS_OK && store.record.active == running);
    CHECK(update_to(1) == STATUS_OK && runs(1));
}

/* The image that was kept before can be tried again, and kept. */
static void check_way_back(void) {
    memcpy(disk, both, USED_BYTES);
    power_up();
    CHECK(start() == STATUS_OK && runs(1));
    const uint32_t other = 1 - running;
    CHECK(slots_set_test(&store, other) == STATUS_OK && start() == STATUS_OK && running == other && runs(0));
    CHECK(slots_confirm(&store, running) == STATUS_OK && store.record.active == other);
    CHECK(start() == STATUS_OK && runs(0));
}

static void partition(void) {
    uint8_t *entry = disk + 446 + 16; /* the second of the four */
    const uint32_t fields[] = {FIRST_SECTOR, SLOT_PARTITION_BYTES / SECTOR_BYTES};
    entry[4] = SLOT_PARTITION_TYPE;
    memcpy(entry + 8, fields, sizeof fields);
    disk[510] = 0x55;
    disk[511] = 0xaa;
}

int main(int argc, char **argv) {
    static uint8_t empty[USED_BYTES];
    struct key_state key;
    if (argc != 4) { return 2; }
    read_policy(argv[1]);
    images[0] = read_file(argv[2]);
    images[1] = read_file(argv[3]);
    partition();
    memcpy(empty, disk, USED_BYTES);
    CHECK(start() == STATUS_NO_ENTRY && running == SLOT_NONE);
    CHECK(update_to(0) == STATUS_OK && runs(0));
    const uint32_t first = writes;
    CHECK(keys_at(1, &key) && keys_revoke((struct span){key.id, KEY_ID_BYTES}, nullptr, &refusal) == STATUS_OK);
    memcpy(one, disk, USED_BYTES);
    power_up();
    CHECK(start() == STATUS_OK && runs(0));
    CHECK(update_to(1) == STATUS_OK && runs(1));
    const uint32_t second = writes;
    memcpy(both, disk, USED_BYTES);
    power_up();
    CHECK(start() == STATUS_OK && runs(1));
    CHECK(update_to(0) == STATUS_OK && runs(0));
    const uint32_t third = writes;
    memcpy(disk, empty, USED_BYTES);
    check_rules();
    check_first_install(empty, first);
    check_update(one, 0, 1, second);
    check_update(both, 1, 0, third);
    check_damage();
    check_repair();
    check_way_back();
    printf("%u failed writes of a first install, %u of an update, %u of one over an older image, each in %u ways, records in %u, survived\n",
           first, second, third, UNREADABLE, TEARS);
    return 0;
}
