#include "trust/merkle.h"
#include "lib/mem.h"

static void hash(uint8_t kind, struct span a, struct span b, uint8_t out[SHA256_BYTES]) {
    struct sha256 state;
    sha256_start(&state);
    sha256_add(&state, (struct span){&kind, 1});
    sha256_add(&state, a);
    sha256_add(&state, b);
    sha256_end(&state, out);
}

static void join(const uint8_t *left, uint8_t *right) {
    hash(1, (struct span){left, SHA256_BYTES}, (struct span){right, SHA256_BYTES}, right);
}

/* As in counting: each trailing one of the number of pages is a full tree of the new leaf's size by the time it gets there. */
void merkle_add(struct merkle *tree, struct span page) {
    uint8_t node[SHA256_BYTES];
    uint32_t top = (uint32_t)__builtin_popcount(tree->pages);
    hash(0, page, (struct span){}, node);
    for (uint32_t bits = tree->pages; (bits & 1) != 0; bits >>= 1) { join(tree->node[--top], node); }
    memcpy(tree->node[top], node, SHA256_BYTES);
    tree->pages++;
}

void merkle_end(const struct merkle *tree, uint8_t root[SHA256_BYTES]) {
    uint32_t top = (uint32_t)__builtin_popcount(tree->pages);
    if (top == 0) {
        sha256((struct span){}, root);
        return;
    }
    memcpy(root, tree->node[--top], SHA256_BYTES);
    while (top > 0) { join(tree->node[--top], root); }
}

void merkle_root(struct span bytes, uint8_t root[SHA256_BYTES]) {
    struct merkle tree = {};
    for (uint32_t at = 0; at < bytes.size; at += MERKLE_PAGE_BYTES) {
        const uint32_t rest = bytes.size - at;
        merkle_add(&tree, (struct span){bytes.data + at, rest < MERKLE_PAGE_BYTES ? rest : MERKLE_PAGE_BYTES});
    }
    merkle_end(&tree, root);
}
