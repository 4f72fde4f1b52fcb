/* The disk as an SD card behind an SD Host Controller, driven by drivers/sdhci.c: the controller's registers (SD Host
 * Controller Simplified Specification 3.00, §2.2) and the card's states (SD Physical Layer Simplified Specification 6.00,
 * §4.8), as far as one block at a time needs them. A block is on the disk when the card has programmed it, which takes a
 * while after its last word; a card without power answers nothing. */
#include "drivers/sdhci.h"
#include "lib/mem.h"
#include "lib/mmio.h"
#include "lib/sysreg.h"
#include "mm/map.h"
#include "update_board.h"
#include <string.h>

#define BASE 0x1000u
#define WORDS (SECTOR_BYTES / 4)
#define PROGRAM_TICKS 300u /* of 1 µs; a wait of the driver sees at least one of them pass at each look */
#define BUSY_STARTS 3u     /* answers of a card that still starts */

#define EVENT_DONE (1u << 0)
#define EVENT_DATA_DONE (1u << 1)
#define EVENT_WRITE_READY (1u << 4)
#define EVENT_READ_READY (1u << 5)
#define EVENT_ERROR (1u << 15 | 1u << 16) /* the command timed out */
#define R1_READY (1u << 8)
#define R1_APPLICATION (1u << 5)
#define R1_ERROR (1u << 19)
#define RELATIVE_ADDRESS 0x12340000u

enum card_state : uint32_t { IDLE, READY, IDENTIFIED, STANDBY, TRANSFER, SENDING, RECEIVING, PROGRAMMING };

static struct {
    enum card_state state;
    uint32_t starts;
    bool application; /* the next command is one of ACMD */
    bool refused;     /* the last block: said with the next status */
    uint64_t sector;
    uint64_t programmed_at;
    uint32_t at; /* next word of the block */
    uint32_t block[WORDS];
} card;

static uint32_t registers[0x40 / 4];
#define REGISTER(offset) registers[(offset) / 4]
#define ARGUMENT REGISTER(0x08)
#define RESPONSE REGISTER(0x10)
#define EVENTS REGISTER(0x30)

static uint64_t now;
uint64_t model_cntvct_el0(void) { return now += dead ? 10'000 : 1; } /* nobody waits for what does not come */
uint64_t model_cntfrq_el0(void) { return 1'000'000; }

/* What time does to the card. */
static void proceed(void) {
    if (dead || card.state != PROGRAMMING || now < card.programmed_at) { return; }
    card.refused = disk_put(card.sector, (const uint8_t *)card.block) != STATUS_OK;
    card.state = TRANSFER;
    if (!dead) { EVENTS |= EVENT_DATA_DONE; }
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

static bool transfer(bool writing) {
    if (card.state != TRANSFER || ARGUMENT >= DISK_BYTES / SECTOR_BYTES) { return false; }
    card.sector = ARGUMENT;
    card.at = 0;
    card.state = writing ? RECEIVING : SENDING;
    if (!writing) { memcpy(card.block, disk + card.sector * SECTOR_BYTES, SECTOR_BYTES); }
    EVENTS |= writing ? EVENT_WRITE_READY : EVENT_READ_READY;
    return answer_status();
}

static bool start_up(void) {
    const bool asked = card.state == IDLE && card.application;
    card.application = false;
    if (!asked) { return false; }
    if (card.starts++ < BUSY_STARTS) { return answer(0x00ff8000); }
    return enter(IDLE, READY, 0xc0ff8000); /* ready, high capacity */
}

/* False: the card does not answer. */
static bool obey(uint32_t index) {
    switch (index) {
    case 0: card.state = IDLE; return true;
    case 2: return enter(READY, IDENTIFIED, 0);
    case 3: return enter(IDENTIFIED, STANDBY, RELATIVE_ADDRESS);
    case 7: return ARGUMENT == RELATIVE_ADDRESS && enter(STANDBY, TRANSFER, R1_READY);
    case 8: return card.state == IDLE && answer(ARGUMENT);
    case 13: return ARGUMENT == RELATIVE_ADDRESS && card.state >= STANDBY && answer_status();
    case 16: return card.state == TRANSFER && answer_status();
    case 17: return transfer(false);
    case 24: return transfer(true);
    case 41: return start_up();
    case 55: card.application = true; return answer_status();
    default: return false;
    }
}

static void data_done(void) {
    if (card.at < WORDS) { return; }
    if (card.state == SENDING) { EVENTS |= EVENT_DATA_DONE; }
    card.programmed_at = now + PROGRAM_TICKS;
    card.state = card.state == RECEIVING ? PROGRAMMING : TRANSFER;
}

uint32_t mmio_read(uint64_t addr) {
    const uint32_t offset = (uint32_t)(addr - BASE);
    proceed();
    if (dead) { return 0; }
    switch (offset) {
    case 0x20:
        CHECK(card.state == SENDING);
        const uint32_t word = card.block[card.at++];
        data_done();
        return word;
    case 0x24: return card.state >= SENDING ? 2 : 0; /* data line in use */
    case 0x2c: return REGISTER(offset) | (REGISTER(offset) & 1) << 1; /* the clock is stable */
    default: return REGISTER(offset);
    }
}

void mmio_write(uint64_t addr, uint32_t value) {
    const uint32_t offset = (uint32_t)(addr - BASE);
    proceed();
    if (dead) { return; }
    switch (offset) {
    case 0x0c:
        CHECK(card.state < SENDING); /* never while the card is at a block */
        EVENTS |= obey(value >> 24 & 0x3f) ? EVENT_DONE : EVENT_ERROR;
        break;
    case 0x20:
        CHECK(card.state == RECEIVING);
        card.block[card.at++] = value;
        data_done();
        break;
    case 0x2c: REGISTER(offset) = value & ~(7u << 24); break; /* resets are over at once */
    case 0x30: EVENTS &= ~value; break;
    default: REGISTER(offset) = value; break;
    }
}

/* What sdhci_probe() asks the tree and the memory. */
bool fdt_compatible(const struct fdt_node *, const char *with) { return strcmp(with, "brcm,bcm2835-sdhci") == 0; }
enum status map_device(uint64_t, uint64_t) { return STATUS_OK; }
enum status fdt_reg(const struct fdt_node *, uint32_t, uint64_t *addr, uint64_t *size_bytes) {
    *addr = BASE;
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
    const bool kept = variant == LOST || memcmp(disk + sector * SECTOR_BYTES, in, count * SECTOR_BYTES) == 0;
    CHECK(status != STATUS_OK || (card.state == TRANSFER && kept));
    return status;
}

const struct block_device *medium_open(void) {
    static const struct block_device device = {.read = read, .write = write};
    memset(&card, 0, sizeof(card));
    memset(registers, 0, sizeof(registers));
    sdhci_probe(nullptr);
    driver = sdhci_open();
    return driver ? &device : nullptr;
}
