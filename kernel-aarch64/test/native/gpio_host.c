/* GPIO lines of a device tree, with registers in memory that hold what was written last. */
#include "drivers/gpio.h"
#include "mm/map.h"
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define BCM 0x20000000ul /* as the tree has them */
#define PL061 0x20001000ul
#define REGISTER(addr) (*(volatile uint32_t *)(addr))

enum status map_device(uint64_t, uint64_t) { return STATUS_OK; }

static void probe(void *, const struct fdt_node *node) {
    if (!node->disabled) { gpio_probe(node); }
}

static bool read_tree(const char *path) {
    static uint32_t bytes[0x4000]; /* the lines point into it */
    FILE *file = fopen(path, "rb");
    if (!file) { return false; }
    const uint32_t size = (uint32_t)fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    struct fdt tree;
    return fdt_open(bytes, size, &tree) == STATUS_OK && fdt_walk(&tree, probe, nullptr) == STATUS_OK;
}

static void report(const char *name, bool good) { printf("%s %s\n", good ? "ok" : "FAILED", name); }

static void check_directions(void) {
    report("a_pin_of_an_input_is_one_and_others_stay", REGISTER(BCM) == (0xffffffffu & ~(7u << 12)));
    report("a_pin_of_an_output_is_one_and_others_stay", REGISTER(BCM + 4) == ((0xffffffffu & ~(7u << 21)) | 1u << 21));
    report("a_pl061_has_its_directions", REGISTER(PL061 + 0x400) == (0xf0 | 1u << 1));
}

static void check_inputs(void) {
    REGISTER(BCM + 0x34) = 1u << 4;
    REGISTER(BCM + 0x38) = 1u << 8;
    REGISTER(PL061 + (4u << 2)) = 1u << 2;
    report("an_input_is_active_as_the_tree_says", gpio_read() == 0b101);
    REGISTER(BCM + 0x34) = ~(1u << 4);
    REGISTER(BCM + 0x38) = ~(1u << 8);
    REGISTER(PL061 + (4u << 2)) = 0;
    report("an_input_of_the_other_level_is_not", gpio_read() == 0b010);
}

static void check_outputs(void) {
    REGISTER(BCM + 0x1c) = REGISTER(BCM + 0x28) = 0;
    gpio_write(0);
    report("an_output_that_stays_is_not_written", REGISTER(BCM + 0x1c) == 0 && REGISTER(BCM + 0x28) == 0);
    gpio_write(1);
    report("an_output_that_is_active_low_is_pulled_down", REGISTER(BCM + 0x28) == 1u << 17 && REGISTER(BCM + 0x1c) == 0);
    gpio_write(2);
    report("an_output_that_is_active_high_is_pulled_up", REGISTER(BCM + 0x1c) == 1u << 17 && REGISTER(PL061 + (4u << 1)) == 0xff);
    report("the_activity_led_is_found_by_its_name", gpio_led() == 2);
}

int main(int argc, char **argv) {
    void *registers = mmap((void *)BCM, 0x2000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (argc != 3 || registers != (void *)BCM) { return 1; }
    REGISTER(BCM) = REGISTER(BCM + 4) = 0xffffffff;
    REGISTER(PL061 + 0x400) = 0xf4;
    if (!read_tree(argv[2])) { return 1; }
    gpio_init();
    if (strcmp(argv[1], "check") == 0) {
        check_directions();
        check_inputs();
        check_outputs();
        return 0;
    }
    gpio_write(UINT64_MAX);
    printf("%lx\n", (unsigned long)gpio_read()); /* `read` */
    return 0;
}
