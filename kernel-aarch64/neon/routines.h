#pragma once
/* The routines by name; neon_routine_of() chooses. */

#include "neon/neon.h"

#define ROUTINE_OF(name) uint64_t name(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5)
ROUTINE_OF(vl_mem_copy);
ROUTINE_OF(vl_mem_fill);
ROUTINE_OF(vl_mem_xor);
ROUTINE_OF(vl_mem_compare);
ROUTINE_OF(vl_mem_find);
ROUTINE_OF(vl_checksum);
ROUTINE_OF(vl_crc32); /* NEON_CRC32 */
ROUTINE_OF(vl_crc32_table);
ROUTINE_OF(vl_sum_u8);
ROUTINE_OF(vl_sum_u16);
ROUTINE_OF(vl_sum_i32);
ROUTINE_OF(vl_dot_i8);
ROUTINE_OF(vl_dot_i8_fast); /* NEON_DOTPROD */
ROUTINE_OF(vl_dot_i16);
ROUTINE_OF(vl_gemv_i8);
ROUTINE_OF(vl_gemv_i8_fast); /* NEON_DOTPROD */
ROUTINE_OF(vl_fir_i16);
ROUTINE_OF(vl_min_u8);
ROUTINE_OF(vl_min_u16);
ROUTINE_OF(vl_min_i32);
ROUTINE_OF(vl_max_u8);
ROUTINE_OF(vl_max_u16);
ROUTINE_OF(vl_max_i32);
ROUTINE_OF(vl_argmax_u8);
ROUTINE_OF(vl_argmax_u16);
ROUTINE_OF(vl_argmax_i32);
ROUTINE_OF(vl_histogram_u8);
