/* Start-up in named levels, then the loop of core 0. */
#include "boot/cores.h"
#include "boot/network.h"
#include "boot/takeover.h"
#include "bpf/jit/jit.h"
#include "drivers/board.h"
#include "drivers/board_start.h"
#include "drivers/console.h"
#include "drivers/console_start.h"
#include "drivers/disk.h"
#include "drivers/gpio.h"
#include "drivers/psci.h"
#include "drivers/timer.h"
#include "drivers/virtio_net_start.h"
#include "drivers/watchdog.h"
#include "irq/irq.h"
#include "lib/barrier.h"
#include "lib/sysreg.h"
#include "link/link.h"
#include "mm/layout.h"
#include "mm/map.h"
#include "patch/runaway.h"
#include "patch/slots.h"
#include "smp/crash_write.h"
#include "smp/start.h"
#include "telemetry/telemetry.h"
#include "update/update.h"

static_assert(BOARD_LSE == JIT_LSE && BOARD_DOTPROD == JIT_DOTPROD && BOARD_CRC32 == JIT_CRC32 && BOARD_BTI == JIT_BTI &&
              BOARD_IN_ORDER == JIT_IN_ORDER && BOARD_ERRATUM_835769 == JIT_ERRATUM_835769);
static_assert(STACKS_VA == 0x4000100000 && STACK_STRIDE_BYTES == 1 << 17, "repeated in boot/head.S");
static_assert(MAX_CORES == 8, "repeated in boot/head.S, boot/vectors.S, mm/map.c, irq/gic2.c and drivers/tick.c");

#define DAIF_MASKED (0xfull << 6)
#define DAIF_OPEN (0x9ull << 6) /* debug and FIQ stay masked; SError and IRQ come through */

static const void *tree_bytes;
static struct fdt tree;

static void probe(void *cookie, const struct fdt_node *node) {
    (void)cookie;
    if (node->disabled) { return; }
    board_probe(node);
    irq_probe(node, map_device);
    timer_probe(node);
    psci_probe(node);
    cores_probe(node);
    console_probe(node);
    watchdog_probe(node);
    gpio_probe(node);
    net_probe(node);
    memory_probe(node);
    disk_probe(node);
}

static enum status level_crash(void) {
    board_init();
    crash_init();
    return STATUS_OK;
}

static uint32_t tree_size(void) {
    return __builtin_bswap32(((const uint32_t *)tree_bytes)[1]); /* map_early() has bounded it */
}

static enum status level_tree(void) {
    if (!tree_bytes) { return STATUS_NO_ENTRY; }
    enum status status = fdt_open(tree_bytes, tree_size(), &tree);
    if (status == STATUS_OK) { status = fdt_walk(&tree, probe, nullptr); }
    gpio_init();
    return status;
}

/* An image that hangs before it can be watched costs one of its starts, and no more. */
static void leave(void) {
    disk_close();
    watchdog_feed();
}

/* Does not return when it starts the image of a slot: nothing else of the board has been touched yet. */
static enum status level_images(void) {
    update_start(disk_open(), tree_bytes, tree_size(), leave);
    update_report();
    return STATUS_OK;
}

static enum status level_interrupts(void) {
    const enum status status = irq_ready();
    if (status != STATUS_OK) { return status; }
    irq_core_init();
    return STATUS_OK;
}

static enum status level_console(void) { return console_init(&tree); }

static enum status level_time(void) {
    const enum status status = clock_init();
    if (status != STATUS_OK) { return status; }
    const enum status registered = tick_init(core_call);
    tick_core_init();
    WRITE_SYSREG(daif, DAIF_OPEN);
    return registered;
}

/* What each level makes work is said by its name; one that is needed and fails ends the start. */
static const struct level {
    const char *name;
    enum status (*start)(void);
    bool needed;
} levels[] = {
    {"crash record", level_crash, true},
    {"device tree", level_tree, true},
    {"image slots", level_images, true},
    {"interrupt controller", level_interrupts, true},
    {"start of the other cores", cores_start, false},
    {"console", level_console, true},
    {"time and tick", level_time, true},
    {"arrival of the other cores", cores_wait, false},
    {"telemetry", telemetry_init, true},
    {"slots", slots_init, true},
    {"network", network_init, false},
    {"watch over cores", runaway_init, false},
    {"link", link_init, true},
};

/* Told by the console if there is one yet, by the LED, and by the record after the next start. */
[[noreturn]] static void give_up(const struct level *level, enum status status) {
    const struct fault none = {.elr = (uintptr_t)__image_start, .esr = status};
    crash_write(level->name, build_id(), core_id(), &none, nullptr);
    console_print("\nstart-up failed at %s: status %u; halted\n", level->name, status);
    WRITE_SYSREG(daif, DAIF_MASKED);
    gpio_blink((uint32_t)(level - levels) + 1);
}

/* Sleeps unless an interrupt came since `sequence` was read: it may have left work for the polls. */
static void sleep_after(uint32_t sequence) {
    WRITE_SYSREG(daif, DAIF_MASKED);
    if (core_irq_sequence() == sequence && !console_is_polled()) { core_idle(); }
    WRITE_SYSREG(daif, DAIF_OPEN);
    barrier_isb();
}

[[noreturn]] static void main_loop(void) {
    for (;;) {
        const uint32_t sequence = core_irq_sequence();
        const bool link_worked = link_poll();
        const bool slots_worked = slots_poll();
        takeover_poll();
        update_poll();
        runaway_poll();
        quiescent_point();
        if (!link_worked && !slots_worked) { sleep_after(sequence); }
    }
}

[[noreturn]] void kernel_main(const void *tree_addr) {
    tree_bytes = tree_addr;
    for (uint32_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        console_print("%s%s", i == 0 ? "start: " : ", ", levels[i].name);
        const enum status status = levels[i].start();
        if (status == STATUS_OK) { continue; }
        if (levels[i].needed) { give_up(&levels[i], status); }
        console_print(" (status %u, going on without)", status);
    }
    board_ready();
    console_print("\nvelocity %s %s ready on %s\n", VELOCITY_VERSION, build_id(), board_model());
    main_loop();
}
