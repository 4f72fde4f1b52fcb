#pragma once
/* Where things lie. Physical and virtual addresses are the same, except for what is mapped a second time above
 * ALIAS_BASE. boot/kernel.ld defines the symbols; boot/head.S repeats STACKS_VA and the stride. */

#include <stdint.h>

extern uint8_t __image_start[], __text_end[], __rodata_end[], __file_end[];
extern uint8_t __relocated_start[]; /* what lies before it in the image is never written */
extern const uint8_t __build_id_note[];

/* What lies behind static data, from the image's start: too far away for an address of one instruction (-mcmodel=tiny). */
#define CODE_POOL_OFFSET 0x400000u
#define STACKS_OFFSET 0x500000u
#define DATA_POOL_OFFSET 0x600000u
#define IMAGE_BYTES 0xe00000u

static inline uint8_t *code_pool(void) { return __image_start + CODE_POOL_OFFSET; }
static inline uint8_t *data_pool(void) { return __image_start + DATA_POOL_OFFSET; }

/* Virtual addresses: 39 bits, of which the lower half is identity and the upper half aliases. */
#define ALIAS_BASE 0x4000000000ull
#define CODE_WRITE_VA ALIAS_BASE                /* writable alias of the code pool, 1 MiB */
#define STACKS_VA (ALIAS_BASE + 0x100000ull)    /* per core 64 KiB unmapped, then 64 KiB of stack */
#define STACK_STRIDE_BYTES 0x20000ull
#define STACK_BYTES 0x10000ull
#define WINDOW_VA (ALIAS_BASE + 0x200000ull)    /* one page, for a moment (map_window) */
