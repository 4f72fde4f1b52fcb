#include "fakes.h"
#include "drivers/clock.h"
#include "drivers/gpio.h"
#include "drivers/tick.h"
#include "mm/code.h"
#include "mm/layout.h"
#include "mm/pool.h"
#include "smp/core.h"

uint8_t __image_start[1];
uint64_t fake_cycles;
uint64_t fake_time_ns = 1;
uint64_t fake_inputs;
uint64_t fake_outputs;
uint32_t fake_cores = 4;
_Thread_local uint32_t fake_core;
uint32_t fake_pool_blocks;
uint32_t fake_pool_left = UINT32_MAX;
bool fake_quiescent = true;
void (*fake_fetching)(void);
bool fake_fault_next;
void (*fake_tick)(uint64_t now_ns, uint32_t missed);

uint32_t cores_up(void) { return fake_cores; }
enum status quiescent_wait(uint32_t timeout_us) {
    (void)timeout_us;
    return fake_quiescent ? STATUS_OK : STATUS_TIMEOUT;
}
enum status cores_fetch_anew(uint32_t timeout_us) {
    (void)timeout_us;
    if (fake_fetching != nullptr) { fake_fetching(); }
    return fake_quiescent ? STATUS_OK : STATUS_TIMEOUT;
}
uint64_t clock_ns(void) { return fake_time_ns; }
uint64_t clock_hz(void) { return 1000000000; }

enum status pool_alloc(uint32_t size_bytes, uint32_t align, void **out) {
    if (fake_pool_left-- == 0) { return STATUS_POOL_FULL; }
    if (posix_memalign(out, align < 16 ? 16 : align, size_bytes) != 0) { return STATUS_POOL_FULL; }
    memset(*out, 0, size_bytes);
    fake_pool_blocks += 1;
    return STATUS_OK;
}

void pool_free(void *memory) {
    if (memory == nullptr) { return; }
    fake_pool_blocks -= 1;
    free(memory);
}

enum status code_alloc(uint32_t size_bytes, struct code_area *out) {
    *out = (struct code_area){.write = malloc(size_bytes), .size_bytes = size_bytes};
    out->exec_addr = (uint64_t)out->write;
    return STATUS_OK;
}
void code_publish(const struct code_area *area) { (void)area; }
void code_free(struct code_area *area) {
    free(area->write);
    *area = (struct code_area){};
}

uint64_t gpio_read(void) { return fake_inputs; }
void gpio_write(uint64_t levels) { fake_outputs = levels; }
uint64_t gpio_led(void) { return 4; }

enum status tick_start(uint32_t core, uint32_t period_us, tick_handler handler) {
    (void)period_us;
    if (core == 0) { fake_tick = handler; }
    return STATUS_OK;
}
void tick_stop(uint32_t core) { (void)core; }
void tick_stats_read(uint32_t core, struct tick_stats *out) {
    (void)core;
    *out = (struct tick_stats){};
}
void tick_stats_clear(uint32_t core) { (void)core; }

enum status guard_call(uint64_t (*fn)(uint64_t, uint64_t), uint64_t a, uint64_t b, uint64_t *result,
                       struct fault *fault) {
    if (fake_fault_next) {
        fake_fault_next = false;
        if (fault != nullptr) { *fault = (struct fault){.esr = 0x96000005, .far = 0xdead, .x = {[3] = 33}}; }
        return STATUS_MODULE_FAULT;
    }
    *result = fn(a, b);
    return STATUS_OK;
}
