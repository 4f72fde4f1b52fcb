/* The disk as an SD card behind an SD Host Controller, driven by drivers/sdhci.c: the controller's registers (SD Host
 * Controller Simplified Specification 3.00, §2.2) and the card's states (SD Physical Layer Simplified Specification 6.00,
 * §4.8), as far as one block at a time needs them. A block is on the disk when the card has programmed it, which takes a
 * while after its last word; a card without power answers nothing. A controller without a card stands before it. */
#include "medium_card.h"
#include "drivers/sdhci.h"
#include "lib/mem.h"
#include "lib/mmio.h"
#include "lib/sysreg.h"
#include "mm/map.h"
#include "update_board.h"
#include <string.h>

#define BASE 0x1000u
#define BASE_EMPTY 0x2000u
#define BASE_PINS 0x3000u
#define WORDS (SECTOR_BYTES / 4)
#define WRITE_GAP_US 13u   /* two clocks of the card at its slowest */
#define PROGRAM_TICKS 300u /* of 1 µs; a wait of the driver sees at least one of them pass at each look */
#define BUSY_STARTS 3u     /* answers of a card that still starts */
#define CLOCK_MAX_MHZ 250u /* of what the controller divides */
#define FOUND_KHZ 400u     /* at most, until the card has its address */
#define SETTLE_TICKS 100u  /* of the clock, and of a card that was chosen */

#define EVENT_DONE (1u << 0)
#define EVENT_DATA_DONE (1u << 1)
#define EVENT_WRITE_READY (1u << 4)
#define EVENT_READ_READY (1u << 5)
#define EVENT_ERROR (1u << 15 | 1u << 16)      /* the command timed out */
#define EVENT_DATA_ERROR (1u << 15 | 1u << 21) /* its data were wrong */
#define R1_READY (1u << 8)
#define R1_APPLICATION (1u << 5)
#define R1_ERROR (1u << 19)
#define R1_OUT_OF_RANGE (1u << 31)
#define CLOCK_TO_CARD 4u
#define RESET_ALL (1u << 24)
#define RESET_DATA (1u << 26)
#define WITH_DATA (1u << 21)
#define LINE_BUSY 2u
#define RELATIVE_ADDRESS 0x12340000u

enum card_state : uint32_t { IDLE, READY, IDENTIFIED, STANDBY, TRANSFER, SENDING, RECEIVING, PROGRAMMING };

static struct {
    enum card_state state;
    uint32_t starts;
    bool application; /* the next command is one of ACMD */
    bool refused;     /* the last block: said with the next status */
    bool line_busy;   /* a command with data is not over, or was not given up (SD Host Controller, §2.2.9) */
    uint32_t block_bytes;
    uint64_t sector;
    uint64_t programmed_at;
    uint64_t selected_at; /* is busy for a while then */
    uint32_t at; /* next word of the block */
    uint32_t block[WORDS];
} card;

struct card_kind card_kind;
enum card_fault card_fault;
uint32_t card_pins[3];

static uint32_t registers[0x40 / 4];
#define REGISTER(offset) registers[(offset) / 4]
#define ARGUMENT REGISTER(0x08)
#define RESPONSE REGISTER(0x10)
#define EVENTS REGISTER(0x30)

static uint64_t now = 1000, written_at, clocked_at;
static bool is_reset; /* the controller, since it was found */

uint64_t model_cntvct_el0(void) { return now += dead ? 10'000 : 1; } /* nobody waits for what does not come */
uint64_t model_cntfrq_el0(void) { return 1'000'000; }

/* An event is shown where it is to be (§2.2.19). */
static void raise(uint32_t events) { EVENTS |= events & REGISTER(0x34); }

static bool happens(enum card_fault fault) {
    if (card_fault != fault) { return false; }
    card_fault = FAULT_NONE;
    return true;
}

static void data_event(enum card_fault fault, uint32_t event) { raise(event | (happens(fault) ? EVENT_DATA_ERROR : 0)); }

/* What time does to the card. */
static void proceed(void) {
    if (dead || card.state != PROGRAMMING || now < card.programmed_at) { return; }
    card.refused = disk_put(card.sector, (const uint8_t *)card.block) != STATUS_OK;
    card.state = TRANSFER;
    if (dead) { return; }
    card.line_busy = false;
    data_event(FAULT_DATA_DONE, EVENT_DATA_DONE);
}

static bool answer(uint32_t response) {
    RESPONSE = response;
    return true;
}

static bool answer_status(void) {
    const uint32_t errors = card.refused ? R1_ERROR : 0;
    card.refused = false;
    return answer(R1_READY | (uint32_t)card.state << 9 | errors | (card.application ? R1_APPLICATION : 0));
}

static bool enter(enum card_state from, enum card_state to, uint32_t response) {
    if (card.state != from) { return false; }
    card.state = to;
    return answer(response);
}

static uint32_t clock_khz(void) {
    const uint32_t half = (REGISTER(0x2c) >> 8 & 0xff) | (REGISTER(0x2c) >> 6 & 3) << 8;
    CHECK(half > 0);
    return CLOCK_MAX_MHZ * 1000 / (2 * half);
}

static bool transfer(bool writing) {
    const uint32_t unit = card_kind.standard ? SECTOR_BYTES : 1;
    if (card.state != TRANSFER) { return false; }
    CHECK(ARGUMENT % unit == 0 && REGISTER(0x04) == (1u << 16 | SECTOR_BYTES) && card.block_bytes == SECTOR_BYTES);
    CHECK(clock_khz() > FOUND_KHZ);
    if (ARGUMENT / unit >= DISK_BYTES / SECTOR_BYTES) { return answer(R1_READY | card.state << 9 | R1_OUT_OF_RANGE); }
    if (happens(FAULT_ANSWER)) { return answer(R1_READY | card.state << 9 | R1_ERROR); }
    card.sector = ARGUMENT / unit;
    card.at = 0;
    card.state = writing ? RECEIVING : SENDING;
    if (!writing && !disk_get(card.sector, card.block)) { card_fault = FAULT_DATA_READY; }
    data_event(FAULT_DATA_READY, writing ? EVENT_WRITE_READY : EVENT_READ_READY);
    return answer_status();
}

static bool start_up(void) {
    const bool asked = card.state == IDLE && card.application;
    card.application = false;
    if (!asked) { return false; }
    if (card.starts++ < BUSY_STARTS) { return answer(0x00ff8000); }
    CHECK(ARGUMENT == 0x40ff8000);
    return enter(IDLE, READY, card_kind.standard ? 0x80ff8000 : 0xc0ff8000); /* ready; high capacity */
}

/* Kind of answer, checks of it and data, as each command has them (SD Host Controller, §2.2.6 and table 2-11). */
static bool is_sent_well(uint32_t word) {
    switch (word >> 24) {
    case 0: return (word & 0xffffff) == 0;
    case 2: return (word & 0xf7ffff) == 0x010000; /* its CRC may be checked */
    case 7: return (word & 0xffffff) == 0x1b0000;
    case 17: return (word & 0xffffff) == 0x3a0010;
    case 24: return (word & 0xffffff) == 0x3a0000;
    case 41: return (word & 0xffffff) == 0x020000;
    default: return (word & 0xffffff) == 0x1a0000;
    }
}

/* The card has power, and had it for a while before the first command, and a clock that it bears. */
static void check_supply(uint32_t index) {
    CHECK(is_reset && (REGISTER(0x28) & 0xf00) == 0xf00 && (REGISTER(0x2c) & 5) == 5 && REGISTER(0x2c) >> 16 == 0xe);
    CHECK(index != 0 || now - clocked_at >= 1000);
    CHECK(clock_khz() <= (card.state < STANDBY ? FOUND_KHZ : 25'000));
}

/* False: the card does not answer. */
static bool obey(uint32_t index) {
    switch (index) {
    case 0: card.state = IDLE; return true;
    case 2: return enter(READY, IDENTIFIED, 0);
    case 3: return enter(IDENTIFIED, STANDBY, RELATIVE_ADDRESS | R1_READY | IDENTIFIED << 9);
    case 7:
        card.selected_at = now;
        return ARGUMENT == RELATIVE_ADDRESS && enter(STANDBY, TRANSFER, R1_READY);
    case 8: return card.state == IDLE && (ARGUMENT & 0xf00) == 0x100 && answer(ARGUMENT);
    case 13: return ARGUMENT == RELATIVE_ADDRESS && card.state >= STANDBY && answer_status();
    case 16:
        card.block_bytes = ARGUMENT;
        return card.state == TRANSFER && answer_status();
    case 17: return transfer(false);
    case 24: return transfer(true);
    case 41: return start_up();
    case 55:
        CHECK(ARGUMENT == 0);
        card.application = true;
        return answer_status();
    default: return false;
    }
}

/* The card goes on: what it sends, nobody takes, and what it lacks does not come. */
static void give_up_data(void) {
    card.line_busy = false;
    if (card.state > TRANSFER) { card.state = TRANSFER; }
}

static void data_done(void) {
    if (card.at < WORDS) { return; }
    if (card.state == SENDING) {
        card.line_busy = false;
        data_event(FAULT_DATA_DONE, EVENT_DATA_DONE);
    }
    card.programmed_at = now + PROGRAM_TICKS;
    card.state = card.state == RECEIVING ? PROGRAMMING : TRANSFER;
}

static bool line_is_busy(void) { return card.line_busy || (card.state == TRANSFER && now < card.selected_at + SETTLE_TICKS); }
static bool clock_is_stable(void) { return (REGISTER(0x2c) & 1) && now >= clocked_at + SETTLE_TICKS; }

/* No card at all: only the first command, which asks for no answer, comes to an end. */
static uint32_t empty_registers[0x40 / 4];

static void write_empty(uint32_t offset, uint32_t value) {
    uint32_t *events = &empty_registers[0x30 / 4];
    switch (offset) {
    case 0x0c: *events |= value >> 24 == 0 ? EVENT_DONE : EVENT_ERROR; break;
    case 0x2c: empty_registers[offset / 4] = (value & ~(7u << 24)) | (value & 1) << 1; break;
    case 0x30: *events &= ~value; break;
    default: empty_registers[offset / 4] = value; break;
    }
}

uint32_t mmio_read(uint64_t addr) {
    const uint32_t offset = (uint32_t)(addr & 0xfff);
    proceed();
    if (addr >= BASE_PINS) { return card_pins[(offset - 0x0c) / 4]; }
    if (dead) { return 0; }
    if (addr >= BASE_EMPTY) { return empty_registers[offset / 4]; }
    switch (offset) {
    case 0x20:
        CHECK(card.state == SENDING);
        const uint32_t word = card.block[card.at++];
        data_done();
        return word;
    case 0x24: return line_is_busy() ? LINE_BUSY : 0;
    case 0x2c: return REGISTER(offset) | (clock_is_stable() ? 2 : 0);
    default: return REGISTER(offset);
    }
}

void mmio_write(uint64_t addr, uint32_t value) {
    const uint32_t offset = (uint32_t)(addr & 0xfff);
    proceed();
    if (addr >= BASE_PINS) {
        card_pins[(offset - 0x0c) / 4] = value;
        return;
    }
    if (offset != 0x20) { /* of data it loses none */
        CHECK(now - written_at >= WRITE_GAP_US);
        written_at = now;
    }
    if (dead) { return; }
    if (addr >= BASE_EMPTY) { return write_empty(offset, value); }
    switch (offset) {
    case 0x0c:
        CHECK(card.state < SENDING && !line_is_busy()); /* never while the card is at a block */
        CHECK(is_sent_well(value));
        check_supply(value >> 24);
        card.line_busy = value & WITH_DATA;
        if (!happens(FAULT_STUCK)) { raise(!happens(FAULT_SILENT) && obey(value >> 24) ? EVENT_DONE : EVENT_ERROR); }
        break;
    case 0x20:
        CHECK(card.state == RECEIVING);
        card.block[card.at++] = value;
        data_done();
        break;
    case 0x2c:
        CHECK(!(value & CLOCK_TO_CARD) || clock_is_stable());
        if (value & RESET_ALL) {
            memset(registers, 0, sizeof registers);
            is_reset = true;
        }
        if ((value & CLOCK_TO_CARD) == 0) { clocked_at = now; }
        REGISTER(offset) = value & ~(7u << 24); /* resets are over at once */
        if (value & RESET_DATA) { give_up_data(); }
        break;
    case 0x30: EVENTS &= ~value; break;
    default: REGISTER(offset) = value; break;
    }
}

/* What sdhci_probe() asks the tree and the memory. */
static uint64_t asked;
bool fdt_compatible(const struct fdt_node *, const char *with) {
    const bool sdhci = strcmp(with, "brcm,bcm2835-sdhci") == 0;
    asked = sdhci ? BASE : strcmp(with, "brcm,bcm2835-gpio") == 0 ? BASE_PINS : BASE_EMPTY;
    return !(sdhci && card_kind.no_controller);
}
enum status map_device(uint64_t, uint64_t) { return STATUS_OK; }
enum status fdt_reg(const struct fdt_node *, uint32_t, uint64_t *addr, uint64_t *size_bytes) {
    *addr = asked;
    *size_bytes = 0x100;
    return STATUS_OK;
}

static const struct block_device *driver;

static enum status read(void *cookie, uint64_t sector, uint32_t count, void *out) {
    return driver->read(cookie, sector, count, out);
}

/* What a write that returns has written outlives the loss of power (drivers/block.h). */
static enum status write(void *cookie, uint64_t sector, uint32_t count, const void *in) {
    const enum status status = driver->write(cookie, sector, count, in);
    if (status != STATUS_OK) { return status; }
    CHECK(variant == LOST || memcmp(disk + sector * SECTOR_BYTES, in, count * SECTOR_BYTES) == 0);
    CHECK(card.state == TRANSFER);
    return STATUS_OK;
}

const struct block_device *medium_open(void) {
    static const struct block_device device = {.read = read, .write = write};
    memset(&card, 0, sizeof(card));
    card.block_bytes = 2 * SECTOR_BYTES;
    memset(registers, 0x5a, sizeof(registers)); /* whatever was before */
    is_reset = false;
    sdhci_probe(nullptr);
    driver = sdhci_open();
    return driver ? &device : nullptr;
}
