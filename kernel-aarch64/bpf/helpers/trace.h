#pragma once
/* The text of trace_printk. Pure. */

#include <stdint.h>

#define TRACE_FORMAT_BYTES_MAX 128u

/* Formats as abi/helpers.ts says, NUL-terminated, cut at `size`. Returns the length of the whole text, or -22 for a
 * directive that is not supported or a fourth argument. `fmt` need not be NUL-terminated. */
int64_t trace_format(char *out, uint32_t size, const char *fmt, uint32_t fmt_size, const uint64_t args[3]);
