#pragma once
/* The kernel's ring buffer on that of the_world(): what the interpreter runs. The helper of compiled code is a plain model of it
 * (world.h), so that either is held against the other. */

#include <stdint.h>

/* Some size, some records that wait anywhere in it, some that were lost. */
void fill_ring(uint64_t seed);
/* bpf_ringbuf_output(). */
uint64_t kernel_output(uint64_t map, uint64_t data, uint64_t size, uint64_t flags, uint64_t r5);
