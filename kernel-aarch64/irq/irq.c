#include "irq/irq.h"

#define HANDLERS_MAX 16u

/* The root controller, and on the Pi 3 the legacy one that hangs on it; each with its phandle. On a Tegra, interrupts are those of
 * a controller that passes all of them on to the root under their own numbers. */
static const struct irq_controller *root;
static uint32_t root_phandle;
static const struct irq_controller *nested;
static uint32_t nested_phandle;
static uint32_t passing_phandle;
/* What the auxiliary peripherals of the BCM2835 interrupt by, all of them by one, in trees that have them as a controller. */
static struct {
    uint32_t phandle;
    uint32_t parent;
    struct span interrupts;
} auxiliary;

static struct {
    uint32_t irq;
    irq_handler handler;
    void *cookie;
} handlers[HANDLERS_MAX];
static uint32_t handler_count;
static void (*ipi_handler)(void);

static const struct irq_controller *const controllers[] = {&gic2_controller, &gic3_controller, &bcm2836_controller,
                                                           &armctrl_controller};

static bool answers_to(const struct irq_controller *controller, const struct fdt_node *node) {
    for (const char *const *name = controller->compatible; *name; name++) {
        if (fdt_compatible(node, *name)) { return true; }
    }
    return false;
}

void irq_probe(const struct fdt_node *node, irq_mapper map) {
    const uint32_t phandle = fdt_cell(node->property[FDT_PHANDLE], 0);
    for (uint32_t i = 0; i < sizeof controllers / sizeof controllers[0]; i++) {
        const struct irq_controller *found = controllers[i];
        if (!answers_to(found, node) || found->probe(node, map) != STATUS_OK) { continue; }
        if (found == &armctrl_controller) {
            nested = found;
            nested_phandle = phandle;
        } else if (!root || found != &bcm2836_controller) { /* the BCM2711 and BCM2712 have one beside their GIC, which nothing uses */
            root = found;
            root_phandle = phandle;
        }
    }
    if (fdt_compatible(node, "nvidia,tegra210-ictlr")) { passing_phandle = phandle; }
    if (fdt_compatible(node, "brcm,bcm2835-aux")) {
        auxiliary.phandle = phandle;
        auxiliary.parent = node->interrupt_parent;
        auxiliary.interrupts = node->property[FDT_INTERRUPTS];
    }
}

enum status irq_ready(void) { return root ? STATUS_OK : STATUS_NOT_SUPPORTED; }

uint32_t irq_number(uint32_t interrupt_parent, struct span interrupts, uint32_t i) {
    if (interrupt_parent == 0) { return IRQ_NONE; }
    if (interrupt_parent == auxiliary.phandle) {
        interrupt_parent = auxiliary.parent;
        interrupts = auxiliary.interrupts;
        i = 0;
    }
    if (interrupt_parent == root_phandle || interrupt_parent == passing_phandle) { return root->number(interrupts, i); }
    if (nested && interrupt_parent == nested_phandle) { return nested->number(interrupts, i); }
    return IRQ_NONE;
}

void irq_core_init(void) { root->core_init(); }

enum status irq_register(uint32_t irq, irq_handler handler, void *cookie) {
    if (irq == IRQ_NONE) { return STATUS_NO_ENTRY; }
    if (handler_count == HANDLERS_MAX) { return STATUS_NO_MEMORY; }
    handlers[handler_count].irq = irq;
    handlers[handler_count].handler = handler;
    handlers[handler_count].cookie = cookie;
    /* Cores that take interrupts already must see the row before they see the count. */
    __atomic_store_n(&handler_count, handler_count + 1, __ATOMIC_RELEASE);
    return STATUS_OK;
}

void irq_enable(uint32_t irq) {
    if (irq == IRQ_NONE) { return; }
    const bool legacy = root == &bcm2836_controller && irq >= 32;
    (legacy ? &armctrl_controller : root)->enable(irq);
}

void irq_on_ipi(void (*handler)(void)) { ipi_handler = handler; }

void irq_send_ipi(uint64_t affinity, uint32_t core) { root->send_ipi(affinity, core); }

void irq_handle(void) { root->handle(); }

void irq_deliver(uint32_t irq) {
    const uint32_t count = __atomic_load_n(&handler_count, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < count; i++) {
        if (handlers[i].irq == irq) { handlers[i].handler(handlers[i].cookie); }
    }
}

void irq_deliver_ipi(void) {
    if (ipi_handler) { ipi_handler(); }
}
