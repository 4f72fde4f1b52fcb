/* Handing over to an image in memory, on this machine: each line is a step of boot/takeover.c, in its order. With an argument, cores do
 * not park; with two, no image is to be started. */
#include "boot/cores.h"
#include "boot/takeover.h"
#include "drivers/console.h"
#include "drivers/disk.h"
#include "drivers/virtio_net_start.h"
#include "drivers/watchdog.h"
#include "lib/sysreg.h"
#include "mm/map.h"
#include "update/loader.h"
#include "update/update.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARKING_BYTES 48
const uint8_t parking[PARKING_BYTES] = "where a core waits for its next start";
__asm__(".globl parking_end\n.set parking_end, parking + 48");

static uint8_t *place;
static bool is_due = true;
static enum status parks = STATUS_OK;

uint8_t *update_take_over(void) { return is_due ? place : nullptr; }

void cache_clean(const volatile void *start, uint64_t size_bytes) {
    const bool is_copied = memcmp(place + PARKING_OFFSET, parking, PARKING_BYTES) == 0;
    printf("clean %#x, %u bytes, %s\n", (uint32_t)((const uint8_t *)start - place), (uint32_t)size_bytes, is_copied ? "copied" : "not copied");
}

enum status cores_park(const uint8_t *at) {
    printf("park cores at %#x\n", (uint32_t)(at - place));
    return parks;
}

void sysreg_write(const char *name, uint64_t value) { printf("%s = %#x\n", name, (uint32_t)value); }
uint64_t sysreg_read(const char *name) { printf("read %s\n", name), abort(); }
void net_close(void) { puts("stop the network"); }
void disk_close(void) { puts("stop the disk"); }
void watchdog_feed(void) { puts("feed the watchdog"); }

void console_print(const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
}

void loader_enter(uint8_t *image) {
    puts(image == place ? "enter the image" : "enter something else");
    exit(0);
}

int main(int argc, char **) {
    place = calloc(1, PARKING_OFFSET + 1024);
    if (argc == 2) { parks = STATUS_TIMEOUT; }
    is_due = argc < 3;
    takeover_poll();
    puts("go on");
    free(place);
}
