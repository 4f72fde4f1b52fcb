#pragma once
/* What this board is, and how to restart it. */

#include "lib/version.h"
#include <stdint.h>

[[nodiscard]] const char *board_model(void);    /* `model` of the device tree's root */
[[nodiscard]] uint32_t board_features(void);    /* bits of enum jit_feature: what the CPU's ID registers report */
[[nodiscard]] const char *build_id(void);       /* 40 hex digits */
[[nodiscard]] uint32_t image_bytes(void);       /* size of the image file */
[[nodiscard]] uint64_t boot_cycles(void);       /* kernel entry to ready banner, console waiting excluded */

/* PSCI SYSTEM_RESET, or the BCM2835 watchdog, as the device tree says. Sleeps for good when there is neither. */
[[noreturn]] void board_reset(void);
