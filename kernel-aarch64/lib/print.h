#pragma once
/* Text formatting without a heap. Pure: also compiles natively for its tests.
 *
 * Directives: %d %u %x %c %s %%, each of d u x with l or ll for 64 bits; a width, `0` for zero padding, and %.Ns / %.*s to
 * bound a string. Anything else is printed as it stands. */

#include <stdarg.h>
#include <stdint.h>

/* Writes at most size - 1 characters and a NUL (nothing at all when size is 0). Returns the characters written. */
__attribute__((format(printf, 3, 4))) uint32_t format(char *out, uint32_t size, const char *fmt, ...);
uint32_t format_list(char *out, uint32_t size, const char *fmt, va_list args);
