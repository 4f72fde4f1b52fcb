#pragma once
/* A Merkle tree over pages (RFC 9162 §2.1.1), from left to right, in constant memory. Pure. */

#include "lib/sha2.h"

#define MERKLE_PAGE_BYTES 4096u
#define MERKLE_LEVELS 20u /* pages up to 4 GiB */

/* Zero-initialised at first. */
struct merkle {
    uint32_t pages;
    uint8_t node[MERKLE_LEVELS][SHA256_BYTES]; /* roots of the full trees so far, the largest first */
};

/* Takes the next page; only the last one may be short. At most 2^20 pages. */
void merkle_add(struct merkle *tree, struct span page);
void merkle_end(const struct merkle *tree, uint8_t root[SHA256_BYTES]);
void merkle_root(struct span bytes, uint8_t root[SHA256_BYTES]);
