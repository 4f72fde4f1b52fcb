#pragma once
/* Which start of which board this is. A board without storage forgets its sequence numbers at a reset; that a patch names
 * the start it is for keeps the ones from before from being played again. */

#include <stdint.h>

constexpr uint32_t BOOT_ID_BYTES = 16;

/* Made at the first call; the same until the next start. Core 0. */
const uint8_t *boot_id(void);
/* enum entropy_source bits of what it was made from. */
uint32_t boot_id_entropy(void);
