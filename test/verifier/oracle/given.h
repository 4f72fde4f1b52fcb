#pragma once
/* Programs from a file, in place of random ones. */

#include "generator.h"

/* Of each program u32 slots, u32 bytes of memory, and the slots; it may use the maps of random ones. Ends this program with a
 * message when the file can't be read or holds something else. */
void given_open(const char *path);
/* The program of a seed: a random one, or the given one of number seed / 4, so that each is tried in the four ways that seeds
 * decide (oracle.c). */
void program_of(uint64_t seed, struct generated *out);
