/* A first-fit allocator over one array of blocks, in order of address; neighbours merge when freed. Headers lie before
 * the memory they describe and are checked before they are believed. */
#include "mm/pool.h"
#include "lib/mem.h"
#include "mm/layout.h"

#define BLOCK_ALIGN POOL_BLOCK_BYTES
#define MAGIC_FREE 0x66726565u
#define MAGIC_USED 0x75736564u

struct block {
    uint32_t magic;
    uint32_t size_bytes; /* header included, multiple of BLOCK_ALIGN */
    uint32_t before;     /* size of the block below; 0 for the first */
    uint32_t reserved;
};
static_assert(sizeof(struct block) == BLOCK_ALIGN);

static bool ready;
static struct memory_use use;

static struct block *block_at(uint32_t offset) { return (struct block *)(void *)(data_pool() + offset); }
static uint32_t offset_of(const struct block *block) { return (uint32_t)((const uint8_t *)block - data_pool()); }

[[gnu::noinline]] static void block_set(uint32_t offset, uint32_t magic, uint32_t size_bytes, uint32_t before) {
    *block_at(offset) = (struct block){magic, size_bytes, before, 0};
    if (offset + size_bytes < POOL_BYTES) { block_at(offset + size_bytes)->before = size_bytes; }
}

static void pool_prepare(void) {
    if (ready) { return; }
    block_set(0, MAGIC_FREE, POOL_BYTES, 0);
    ready = true;
}

/* Makes a block in the free one at `offset` whose memory starts at an aligned address; false when it does not fit. */
static bool take(uint32_t offset, uint32_t size_bytes, uint32_t align, void **out) {
    const struct block found = *block_at(offset);
    const uintptr_t lowest = (uintptr_t)data_pool() + offset + sizeof(struct block);
    const uint32_t lead = (uint32_t)(((lowest + align - 1) & ~(uintptr_t)(align - 1)) - lowest);
    if (found.size_bytes < lead || found.size_bytes - lead < size_bytes) { return false; }
    const uint32_t rest = found.size_bytes - lead - size_bytes;
    const bool split = rest >= 4 * BLOCK_ALIGN; /* less is not worth a block of its own */
    const uint32_t kept = split ? size_bytes : size_bytes + rest;
    if (lead > 0) { block_set(offset, MAGIC_FREE, lead, found.before); }
    if (split) { block_set(offset + lead + kept, MAGIC_FREE, rest, kept); }
    block_set(offset + lead, MAGIC_USED, kept, lead > 0 ? lead : found.before);
    use.bytes += kept;
    if (use.bytes > use.most_bytes) { use.most_bytes = use.bytes; }
    *out = data_pool() + offset + lead + sizeof(struct block);
    memset(*out, 0, kept - sizeof(struct block));
    return true;
}

enum status pool_alloc(uint32_t size_bytes, uint32_t align, void **out) {
    if (align == 0) { align = BLOCK_ALIGN; }
    if (size_bytes == 0 || (align & (align - 1)) != 0 || align > 4096) { return STATUS_INVALID_ARGUMENT; }
    if (size_bytes > POOL_BYTES) { return STATUS_POOL_FULL; }
    if (align < BLOCK_ALIGN) { align = BLOCK_ALIGN; }
    pool_prepare();
    const uint32_t whole = (size_bytes + BLOCK_ALIGN - 1 + (uint32_t)sizeof(struct block)) & ~(BLOCK_ALIGN - 1);
    for (uint32_t offset = 0; offset < POOL_BYTES; offset += block_at(offset)->size_bytes) {
        if (block_at(offset)->magic == MAGIC_FREE && take(offset, whole, align, out)) { return STATUS_OK; }
    }
    return STATUS_POOL_FULL;
}

void pool_free(void *memory) {
    const uint64_t distance = (uintptr_t)memory - (uintptr_t)data_pool();
    if (!memory || distance < sizeof(struct block) || distance >= POOL_BYTES || distance % BLOCK_ALIGN) { return; }
    uint32_t offset = (uint32_t)distance - (uint32_t)sizeof(struct block);
    struct block merged = *block_at(offset);
    if (merged.magic != MAGIC_USED || merged.size_bytes > POOL_BYTES - offset) { return; }
    use.bytes -= merged.size_bytes;
    block_at(offset)->magic = 0;
    const uint32_t above = offset + merged.size_bytes;
    if (above < POOL_BYTES && block_at(above)->magic == MAGIC_FREE) { merged.size_bytes += block_at(above)->size_bytes; }
    if (offset > 0 && block_at(offset - merged.before)->magic == MAGIC_FREE) {
        const struct block *below = block_at(offset - merged.before);
        offset = offset_of(below);
        merged.size_bytes += below->size_bytes;
        merged.before = below->before;
    }
    block_set(offset, MAGIC_FREE, merged.size_bytes, merged.before);
}

struct memory_use pool_use(void) { return use; }
