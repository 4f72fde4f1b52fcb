/* BCM2835 random number generator: not in the peripherals manual; registers as in Linux's binding brcm,bcm2835-rng and its
 * public uses. Tried in emulation only. The Pi 4 has another one (RNG200), which is not driven; its firmware leaves a seed. */
#include "drivers/entropy.h"
#include "drivers/clock.h"
#include "drivers/entropy_start.h"
#include "lib/mmio.h"
#include "lib/pmu.h"
#include "lib/sysreg.h"
#include "mm/map.h"

#define RNG_CTRL 0x0u
#define RNG_STATUS 0x4u
#define RNG_DATA 0x8u
#define CTRL_ENABLE 1u
#define STATUS_WORDS_SHIFT 24u       /* bits 31..24: words that are ready */
#define STATUS_WARM_UP 0x40000u      /* bits 19..0: to throw away after the start */
#define WORDS 8u                     /* 256 bits */
#define WORD_TIMEOUT_NS 1'000'000ull /* some 30 us a word at its slowest */

static struct span seed;
static uint64_t base;

static void start_generator(const struct fdt_node *node) {
    uint64_t addr;
    uint64_t size;
    if (fdt_reg(node, 0, &addr, &size) != STATUS_OK || map_device(addr, size) != STATUS_OK) { return; }
    base = addr;
    if ((mmio_read(base + RNG_CTRL) & CTRL_ENABLE) != 0) { return; } /* the firmware has started it */
    mmio_write(base + RNG_STATUS, STATUS_WARM_UP);
    mmio_write(base + RNG_CTRL, CTRL_ENABLE);
}

void entropy_probe(const struct fdt_node *node) {
    if (node->property[FDT_RNG_SEED].size != 0) { seed = node->property[FDT_RNG_SEED]; }
    if (fdt_compatible(node, "brcm,bcm2835-rng")) { start_generator(node); }
}

static bool word_ready(void) {
    const uint64_t start = clock_ns();
    while (mmio_read(base + RNG_STATUS) >> STATUS_WORDS_SHIFT == 0) {
        if (clock_ns() - start > WORD_TIMEOUT_NS) { return false; }
    }
    return true;
}

static bool add_generator(struct sha256 *hash) {
    if (base == 0) { return false; }
    for (uint32_t i = 0; i < WORDS; i++) {
        if (!word_ready()) { return false; }
        const uint32_t word = mmio_read(base + RNG_DATA);
        sha256_add(hash, (struct span){(const uint8_t *)&word, sizeof(word)});
    }
    return true;
}

uint32_t entropy_add(struct sha256 *hash) {
    uint32_t sources = 0;
    if (seed.size != 0) {
        sha256_add(hash, seed);
        sources |= ENTROPY_SEED;
    }
    if (add_generator(hash)) { sources |= ENTROPY_RNG; }
    const uint64_t counters[2] = {READ_SYSREG(cntvct_el0), cycles()};
    sha256_add(hash, (struct span){(const uint8_t *)counters, sizeof(counters)});
    return sources;
}
