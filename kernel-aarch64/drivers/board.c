#include "drivers/board.h"
#include "drivers/board_start.h"
#include "drivers/console.h"
#include "drivers/entropy_start.h"
#include "drivers/psci.h"
#include "drivers/watchdog.h"
#include "lib/barrier.h"
#include "lib/pmu.h"
#include "lib/sysreg.h"
#include "mm/layout.h"

#define NOTE_HEADER_BYTES 16u /* namesz, descsz, type, "GNU\0" */
#define BUILD_ID_BYTES 20u    /* SHA-1 */

static const char *model;
static char build[2 * BUILD_ID_BYTES + 1];
static uint64_t cycles_to_ready;

void board_probe(const struct fdt_node *node) {
    entropy_probe(node);
    if (node->depth != 0) { return; }
    struct span text = node->property[FDT_MODEL];
    if (text.size == 0) { text = node->property[FDT_COMPATIBLE]; }
    if (text.size > 0 && text.data[text.size - 1] == '\0') { model = (const char *)text.data; }
}

void board_init(void) {
    const uint8_t *id = __build_id_note + NOTE_HEADER_BYTES;
    for (uint32_t i = 0; i < 2 * BUILD_ID_BYTES; i++) {
        build[i] = "0123456789abcdef"[id[i / 2] >> (i % 2 ? 0 : 4) & 15];
    }
}

void board_ready(void) { cycles_to_ready = cycles() - console_wait_cycles(); }

const char *board_model(void) { return model ? model : "unknown board"; }
const char *build_id(void) { return build; }
uint32_t image_bytes(void) { return (uint32_t)(__file_end - __image_start); }
uint64_t boot_cycles(void) { return cycles_to_ready; }

/* MIDR_EL1, implementer 31..24 and part 15..4: which of Arm's cores it is, from Cortex-A32 on; large for those of others. */
static uint64_t arm_core(void) {
    const uint64_t midr = READ_SYSREG(midr_el1);
    return midr >> 24 == 0x41 ? (midr >> 4 & 0xfff) - 0xd01 : UINT64_MAX;
}
#define CORTEX_A53 2
#define CORTEX_A55 4

/* ID_AA64ISAR0_EL1: Atomic 23..20, DP 47..44, CRC32 19..16; ID_AA64PFR1_EL1: BT 3..0 (Arm ARM D19.2). */
uint32_t board_features(void) {
    const uint64_t isar0 = READ_SYSREG(id_aa64isar0_el1);
    const uint64_t pfr1 = READ_SYSREG(id_aa64pfr1_el1);
    uint32_t features = 0;
    if ((isar0 >> 20 & 15) >= 2) { features |= BOARD_LSE; }
    if ((isar0 >> 44 & 15) >= 1) { features |= BOARD_DOTPROD; }
    if ((isar0 >> 16 & 15) >= 1) { features |= BOARD_CRC32; }
    if ((pfr1 & 15) >= 1) { features |= BOARD_BTI; }
    /* Cortex-A32, A34, A53, A35 and A55: Arm's list of cores that speculation leads astray does not name them. */
    if (arm_core() <= CORTEX_A55) { features |= BOARD_IN_ORDER; }
    if (arm_core() == CORTEX_A53) { features |= BOARD_ERRATUM_835769; }
    return features;
}

void board_reset(void) {
    psci_system_reset();
    for (;;) {
        __asm__ volatile("msr daifset, #0xf");
        watchdog_reset();
        wait_for_interrupt();
    }
}
