#pragma once
/* Signed numbers of 64 bits, short where they are small: LEB128 of the zigzag form (abi/varint.ts). */

#include <stdint.h>

#define VARINT_BYTES 10u /* at most */

/* Returns the end. */
uint8_t *put_signed(uint8_t *out, uint64_t value);
