/* The driver of SD cards against the card of medium_card.c, which sees to it that each command is sent as it should be. Prints
 * "ok NAME" or "FAILED NAME" for each check. */
#include "medium_card.h"
#include "update_board.h"
#include <string.h>

#define LAST (DISK_BYTES / SECTOR_BYTES - 1)
#define SECOND_US 1'000'000u

uint8_t disk[DISK_BYTES];
uint32_t cut, writes, tried;
enum tear variant;
bool dead;
static bool refuses;
uint64_t model_cntvct_el0(void);

enum status disk_put(uint64_t sector, const uint8_t *in) {
    if (refuses) { return STATUS_CORRUPT; }
    memcpy(disk + sector * SECTOR_BYTES, in, SECTOR_BYTES);
    return STATUS_OK;
}

bool disk_get(uint64_t sector, void *out) {
    memcpy(out, disk + sector * SECTOR_BYTES, SECTOR_BYTES);
    return true;
}

static const struct block_device *card;
static uint32_t memory[3 * SECTOR_BYTES / 4];

static enum status read(uint64_t sector, uint32_t count) {
    memset(memory, 0, sizeof memory);
    return card->read(card->cookie, sector, count, memory);
}

static enum status write(uint64_t sector, uint32_t count) {
    for (uint32_t i = 0; i < sizeof memory; i++) { ((uint8_t *)memory)[i] = (uint8_t)(i * 7 + sector); }
    return card->write(card->cookie, sector, count, memory);
}

static bool holds(uint64_t sector, uint32_t count) { return memcmp(disk + sector * SECTOR_BYTES, memory, count * SECTOR_BYTES) == 0; }

static bool works(void) { return write(5, 2) == STATUS_OK && holds(5, 2) && read(5, 2) == STATUS_OK && holds(5, 2); }

static bool opens(bool standard) {
    card_kind.standard = standard;
    card = medium_open();
    return card != nullptr && works();
}

static bool a_card_is_found_behind_an_empty_slot(void) { return opens(false); }

static bool a_card_of_standard_capacity_is_addressed_in_bytes(void) {
    const bool good = opens(true) && write(LAST, 1) == STATUS_OK && holds(LAST, 1) && read(LAST - 1, 2) == STATUS_OK && holds(LAST - 1, 2);
    /* 2^32 bytes are 2^23 sectors. */
    const bool refused = read(1 << 23, 1) == STATUS_INVALID_ARGUMENT && write(1ull << 32, 1) == STATUS_INVALID_ARGUMENT;
    return good && refused && works();
}

static bool what_lies_beyond_the_end_is_refused_and_the_card_stays(void) {
    bool good = opens(false) && write(LAST, 1) == STATUS_OK && holds(LAST, 1);
    good = good && read(LAST + 1, 1) == STATUS_INVALID_ARGUMENT && works();
    good = good && write(LAST, 2) == STATUS_INVALID_ARGUMENT && works();
    return good && read(1ull << 32, 1) == STATUS_INVALID_ARGUMENT && works();
}

static bool a_fault_is_told_of_and_the_next_blocks_are_moved(void) {
    bool good = opens(false);
    for (enum card_fault fault = FAULT_SILENT; fault < FAULTS; fault++) {
        const enum status expected = fault == FAULT_STUCK ? STATUS_TIMEOUT : STATUS_CORRUPT;
        card_fault = fault;
        good = good && read(7, 1) == expected && card_fault == FAULT_NONE && works();
        card_fault = fault;
        good = good && write(7, 1) == expected && card_fault == FAULT_NONE && works();
    }
    return good;
}

static bool a_block_that_the_card_did_not_keep_is_told_of(void) {
    refuses = true;
    const bool told = write(5, 1) == STATUS_CORRUPT;
    refuses = false;
    return told && works();
}

static bool a_wait_for_what_does_not_come_ends_after_a_second(void) {
    card_fault = FAULT_STUCK;
    const uint64_t start = model_cntvct_el0();
    const bool told = read(7, 1) == STATUS_TIMEOUT;
    const uint64_t took = model_cntvct_el0() - start;
    return told && took > SECOND_US && took < SECOND_US + SECOND_US / 10;
}

static bool no_card_is_opened_without_power(void) {
    dead = true;
    const bool none = medium_open() == nullptr;
    dead = false;
    return none && opens(false);
}

/* Functions of pins 30 to 39, 40 to 49 and 50 to 59, three bits each: 34 to 39 are inputs, 48 to 53 have the fourth alternate
 * function, which is 7, and others stay (BCM2835 ARM Peripherals, §6.1 and §6.2). */
static bool the_card_gets_its_pins_and_others_stay(void) {
    card_pins[0] = card_pins[1] = card_pins[2] = 0x36db6db6; /* 6 each */
    const bool good = opens(false);
    return good && card_pins[0] == 0x00000db6 && card_pins[1] == 0x3fdb6db6 && card_pins[2] == 0x36db6fff;
}

/* As on a CM3, whose users have the pins of the radio. The driver keeps what it found: this comes first. */
static bool pins_stay_where_the_tree_names_no_controller_for_them(void) {
    card_pins[0] = card_pins[1] = card_pins[2] = 0x36db6db6;
    card_kind.no_controller = true;
    const bool none = medium_open() == nullptr;
    card_kind.no_controller = false;
    return none && card_pins[0] == 0x36db6db6 && card_pins[1] == 0x36db6db6 && card_pins[2] == 0x36db6db6;
}

#define TELL(name) printf("%s " #name "\n", name() ? "ok" : "FAILED")

int main(void) {
    TELL(pins_stay_where_the_tree_names_no_controller_for_them);
    TELL(a_card_is_found_behind_an_empty_slot);
    TELL(a_card_of_standard_capacity_is_addressed_in_bytes);
    TELL(what_lies_beyond_the_end_is_refused_and_the_card_stays);
    TELL(a_fault_is_told_of_and_the_next_blocks_are_moved);
    TELL(a_block_that_the_card_did_not_keep_is_told_of);
    TELL(a_wait_for_what_does_not_come_ends_after_a_second);
    TELL(no_card_is_opened_without_power);
    TELL(the_card_gets_its_pins_and_others_stay);
    return 0;
}
