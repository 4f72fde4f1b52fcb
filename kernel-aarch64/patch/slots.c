#include "patch/slots.h"
#include "patch/lines.h"
#include "patch/modules.h"
#include "patch/timer_hook.h"
#include "patch/watch.h"

enum status slots_init(void) {
    const enum status status = lines_init();
    return status == STATUS_OK ? timer_set_period(TIMER_PERIOD_DEFAULT_US) : status;
}

bool slots_poll(void) {
    timer_poll();
    watch_poll();
    return modules_poll();
}
