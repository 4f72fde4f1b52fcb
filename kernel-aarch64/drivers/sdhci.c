/* Registers: SD Host Controller Simplified Specification 3.00, §2.2, in words: the Broadcom ones take no narrower access.
 * Commands and answers: SD Physical Layer Simplified Specification 6.00, §4.7 and §4.9. The card stays at 3.3 V, one data
 * line and default speed: an image is 260 KB, and whatever the firmware left is then good enough. A Pi 4 has its card at the
 * EMMC2, QEMU's at the Arasan. Tried in emulation only. */
#include "drivers/sdhci.h"
#include "lib/deadline.h"
#include "lib/mmio.h"
#include "mm/map.h"

#define SECTOR_BYTES 512u

#define BLOCK 0x04u /* size 11..0, count 31..16 */
#define ARGUMENT 0x08u
#define COMMAND 0x0cu /* transfer mode 15..0, command 31..16 */
#define RESPONSE 0x10u
#define DATA 0x20u
#define PRESENT 0x24u
#define HOST 0x28u  /* host control 7..0, power 15..8 */
#define CLOCK 0x2cu /* clock 15..0, timeout 23..16, reset 31..24 */
#define EVENTS 0x30u
#define EVENTS_SHOWN 0x34u

#define MODE_READ (1u << 4)
#define ANSWER_136 (1u << 16)
#define ANSWER_48 (2u << 16)
#define ANSWER_48_BUSY (3u << 16)
#define CHECKED (3u << 19) /* CRC and index of the answer */
#define WITH_DATA (1u << 21)
#define PRESENT_BUSY 3u    /* command or data line in use */
#define POWER_3V3 (0xfu << 8)
#define CLOCK_INTERNAL 1u
#define CLOCK_STABLE 2u
#define CLOCK_TO_CARD 4u
#define TIMEOUT_LONGEST (0xeu << 16)
#define RESET_ALL (1u << 24)
#define RESET_LINES (3u << 25) /* command and data circuits */
#define EVENT_DONE (1u << 0)
#define EVENT_DATA_DONE (1u << 1)
#define EVENT_WRITE_READY (1u << 4)
#define EVENT_READ_READY (1u << 5)
#define EVENT_ERROR (1u << 15)

/* The base clock is the firmware's secret and at most 250 MHz: divided by 2 n (§2.2.14) it is at most 400 kHz while the card
 * is found (§4.2.1) and at most 25 MHz then. */
#define DIVISOR(n) (((n) & 0xff) << 8 | ((n) >> 8 & 3) << 6)
#define DIVISOR_SLOW DIVISOR(313u)
#define DIVISOR_FAST DIVISOR(5u)
/* The Arasan may lose a write that follows another within two card clocks, here of at least 160 kHz (100 MHz base). */
#define WRITE_GAP_US 13u
#define CARD_US 1'000'000u /* of any wait: power-up at most 1 s (§4.2.3), a block written at most 500 ms (§4.6.2.2) */

#define ANSWER_R1 (ANSWER_48 | CHECKED)
#define GO_IDLE (0u << 24)
#define ALL_SEND_CID (2u << 24 | ANSWER_136)
#define SEND_RELATIVE_ADDRESS (3u << 24 | ANSWER_R1)
#define SELECT_CARD (7u << 24 | ANSWER_48_BUSY | CHECKED)
#define SEND_IF_COND (8u << 24 | ANSWER_R1)
#define SEND_STATUS (13u << 24 | ANSWER_R1)
#define SET_BLOCK_LENGTH (16u << 24 | ANSWER_R1)
#define READ_BLOCK (17u << 24 | ANSWER_R1 | WITH_DATA | MODE_READ)
#define WRITE_BLOCK (24u << 24 | ANSWER_R1 | WITH_DATA)
#define APPLICATION (55u << 24 | ANSWER_R1)
#define SEND_OP_COND (41u << 24 | ANSWER_48)

#define VOLTAGE_3V3_CHECK 0x1aau /* 2.7 to 3.6 V, pattern aa */
#define OCR_WANTED 0x40ff8000u   /* high capacity, 2.7 to 3.6 V */
#define OCR_READY (1u << 31)
#define OCR_HIGH_CAPACITY (1u << 30)
#define R1_BEYOND (3u << 30)     /* OUT_OF_RANGE, ADDRESS_ERROR */
#define R1_ERRORS 0xfdf98008u    /* §4.10.1 */

/* Pins of the BCM2835 (BCM2835 ARM Peripherals, §6.1 and §6.2): firmware gives the card, on 48 to 53, to another controller
 * and the Arasan to the radio, on 34 to 39. */
#define GPFSEL3 0x0cu
#define GPFSEL4 0x10u
#define GPFSEL5 0x14u

enum { EMMC2, ARASAN, CONTROLLERS }; /* in the order in which they are asked for a card */

static uint64_t controllers[CONTROLLERS];
static uint64_t base; /* of the one with a card; 0: there is none */
static uint64_t pins;
static uint32_t shift; /* from sectors to the card's addresses */
static uint32_t card;  /* its relative address, as an argument has it */

static uint64_t registers_of(const struct fdt_node *node) {
    uint64_t addr, size_bytes;
    const bool mapped = fdt_reg(node, 0, &addr, &size_bytes) == STATUS_OK && map_device(addr, size_bytes) == STATUS_OK;
    return mapped ? addr : 0;
}

void sdhci_probe(const struct fdt_node *node) {
    if (fdt_compatible(node, "brcm,bcm2835-gpio")) { pins = registers_of(node); }
    if (fdt_compatible(node, "brcm,bcm2711-emmc2")) { controllers[EMMC2] = registers_of(node); }
    if (fdt_compatible(node, "brcm,bcm2835-sdhci")) { controllers[ARASAN] = registers_of(node); }
}

static void wait_us(uint32_t time_us) {
    const uint64_t deadline = deadline_in_us(time_us);
    while (!is_past(deadline)) {}
}

static void put(uint32_t offset, uint32_t value) {
    mmio_write(base + offset, value);
    wait_us(WRITE_GAP_US);
}

static enum status wait_for(uint32_t offset, uint32_t mask, uint32_t wanted) {
    const uint64_t deadline = deadline_in_us(CARD_US);
    while ((mmio_read(base + offset) & mask) != wanted) {
        if (is_past(deadline)) { return STATUS_TIMEOUT; }
    }
    return STATUS_OK;
}

static enum status reset(uint32_t what) {
    put(CLOCK, mmio_read(base + CLOCK) | what);
    return wait_for(CLOCK, what, 0);
}

/* After an error, or when nothing came, the controller forgets what it was at. */
static enum status wait_event(uint32_t event) {
    const uint64_t deadline = deadline_in_us(CARD_US);
    uint32_t seen;
    do {
        seen = mmio_read(base + EVENTS) & (event | EVENT_ERROR);
    } while (seen == 0 && !is_past(deadline));
    put(EVENTS, event);
    if (seen == event) { return STATUS_OK; }
    (void)reset(RESET_LINES);
    return seen == 0 ? STATUS_TIMEOUT : STATUS_CORRUPT;
}

static enum status command(uint32_t what, uint32_t argument, uint32_t *answer) {
    enum status status = wait_for(PRESENT, PRESENT_BUSY, 0);
    if (status != STATUS_OK) { return status; }
    put(EVENTS, ~0u);
    put(ARGUMENT, argument);
    put(COMMAND, what);
    status = wait_event(EVENT_DONE);
    *answer = mmio_read(base + RESPONSE);
    return status;
}

/* With an error the card sends and takes no data, which the controller would wait for, and let no command through. */
static enum status checked(uint32_t what, uint32_t argument, uint32_t *answer) {
    const enum status status = command(what, argument, answer);
    if (status != STATUS_OK || (*answer & R1_ERRORS) == 0) { return status; }
    (void)reset(RESET_LINES);
    return *answer & R1_BEYOND ? STATUS_INVALID_ARGUMENT : STATUS_CORRUPT;
}

/* The transfer is done when the card is busy no more (§2.2.18); only its status says whether it has it for good. */
static enum status settle(void) {
    uint32_t answer;
    const enum status status = wait_event(EVENT_DATA_DONE);
    return status == STATUS_OK ? checked(SEND_STATUS, card, &answer) : status;
}

static enum status move_block(bool writing, uint64_t sector, uint32_t *memory) {
    uint32_t answer;
    if (sector > UINT32_MAX >> shift) { return STATUS_INVALID_ARGUMENT; }
    enum status status = checked(writing ? WRITE_BLOCK : READ_BLOCK, (uint32_t)sector << shift, &answer);
    if (status == STATUS_OK) { status = wait_event(writing ? EVENT_WRITE_READY : EVENT_READ_READY); }
    if (status != STATUS_OK) { return status; }
    for (uint32_t i = 0; i < SECTOR_BYTES / 4; i++) {
        if (writing) {
            mmio_write(base + DATA, memory[i]);
        } else {
            memory[i] = mmio_read(base + DATA);
        }
    }
    return writing ? settle() : wait_event(EVENT_DATA_DONE);
}

static enum status move(bool writing, uint64_t sector, uint32_t count, uint32_t *memory) {
    enum status status = STATUS_OK;
    for (; status == STATUS_OK && count > 0; count--, sector++, memory += SECTOR_BYTES / 4) {
        status = move_block(writing, sector, memory);
    }
    return status;
}

static enum status read(void *, uint64_t sector, uint32_t count, void *out) { return move(false, sector, count, out); }

static enum status write(void *, uint64_t sector, uint32_t count, const void *in) {
    return move(true, sector, count, (uint32_t *)(uintptr_t)in); /* reads it only */
}

static void take_pins(void) {
    if (pins == 0 || controllers[ARASAN] == 0) { return; }
    mmio_write(pins + GPFSEL3, mmio_read(pins + GPFSEL3) & ~0x3ffff000u); /* 34 to 39: inputs */
    mmio_write(pins + GPFSEL4, mmio_read(pins + GPFSEL4) | 0x3f000000);   /* 48 and 49: function 3 */
    mmio_write(pins + GPFSEL5, mmio_read(pins + GPFSEL5) | 0xfff);        /* 50 to 53 */
}

static enum status set_clock(uint32_t divisor) {
    put(CLOCK, TIMEOUT_LONGEST | divisor | CLOCK_INTERNAL);
    const enum status status = wait_for(CLOCK, CLOCK_STABLE, CLOCK_STABLE);
    put(CLOCK, TIMEOUT_LONGEST | divisor | CLOCK_INTERNAL | CLOCK_TO_CARD);
    return status;
}

static enum status start_controller(void) {
    enum status status = reset(RESET_ALL);
    if (status != STATUS_OK) { return status; }
    put(HOST, POWER_3V3);
    put(EVENTS_SHOWN, ~0u);
    status = set_clock(DIVISOR_SLOW);
    wait_us(1000); /* 74 clocks and more (§6.4.1) */
    return status;
}

/* Lets it start, which takes as long as it says it is busy. */
static enum status power_up(void) {
    const uint64_t deadline = deadline_in_us(CARD_US);
    uint32_t answer;
    do {
        enum status status = command(APPLICATION, 0, &answer);
        if (status == STATUS_OK) { status = command(SEND_OP_COND, OCR_WANTED, &answer); }
        if (status != STATUS_OK) { return status; }
        if (answer & OCR_READY) {
            shift = answer & OCR_HIGH_CAPACITY ? 0 : 9;
            return STATUS_OK;
        }
    } while (!is_past(deadline));
    return STATUS_TIMEOUT;
}

/* A card that does not take the voltage does not answer SEND_IF_COND. */
static enum status start_card(void) {
    uint32_t answer;
    enum status status = command(GO_IDLE, 0, &answer);
    if (status == STATUS_OK) { status = command(SEND_IF_COND, VOLTAGE_3V3_CHECK, &answer); }
    if (status == STATUS_OK) { status = power_up(); }
    if (status == STATUS_OK) { status = command(ALL_SEND_CID, 0, &answer); }
    if (status == STATUS_OK) { status = command(SEND_RELATIVE_ADDRESS, 0, &card); }
    card &= 0xffff0000;
    if (status == STATUS_OK) { status = command(SELECT_CARD, card, &answer); }
    if (status == STATUS_OK) { status = command(SET_BLOCK_LENGTH, SECTOR_BYTES, &answer); }
    return status;
}

static enum status start(void) {
    enum status status = start_controller();
    if (status == STATUS_OK) { status = start_card(); }
    if (status == STATUS_OK) { status = set_clock(DIVISOR_FAST); }
    put(BLOCK, 1u << 16 | SECTOR_BYTES);
    return status;
}

const struct block_device *sdhci_open(void) {
    static const struct block_device device = {.read = read, .write = write};
    take_pins();
    for (uint32_t i = 0; i < CONTROLLERS; i++) {
        base = controllers[i];
        if (base != 0 && start() == STATUS_OK) { return &device; }
    }
    base = 0;
    return nullptr;
}
