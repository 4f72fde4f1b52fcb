/* One walk over an item, without recursion. What is signed has one encoding only, so that two readers cannot differ about
 * what it says, and nobody can make another message of it that still verifies. */
#include "lib/cbor.h"
#include "lib/cbor_head.h"

struct level {
    uint64_t left; /* items still to come; in a map keys and values count alike */
    bool map;
    bool has_key;
    struct span key; /* the newest, as encoded */
};

static bool is_shortest(struct head head) {
    if (head.major == MAJOR_SIMPLE) { return head.info >= SIMPLE_FALSE && head.info <= SIMPLE_NULL; }
    switch (head.info) {
    case INFO_ONE_BYTE: return head.argument >= INFO_ONE_BYTE;
    case INFO_ONE_BYTE + 1: return head.argument > UINT8_MAX;
    case INFO_ONE_BYTE + 2: return head.argument > UINT16_MAX;
    case INFO_EIGHT_BYTES: return head.argument > UINT32_MAX;
    default: return true;
    }
}

/* Bytewise order (RFC 8949 §4.2.1). */
static bool is_above(struct span key, struct span before) {
    const uint32_t size = key.size < before.size ? key.size : before.size;
    for (uint32_t i = 0; i < size; i++) {
        if (key.data[i] != before.data[i]) { return key.data[i] > before.data[i]; }
    }
    return key.size > before.size;
}

static bool is_string(struct head head) { return head.major == MAJOR_BYTES || head.major == MAJOR_TEXT; }

/* The item just read, up to `in->pos`, stands where a key does. */
static bool take_key(struct level *level, struct head head, struct span key) {
    if (head.major > MAJOR_TEXT || (level->has_key && !is_above(key, level->key))) { return false; }
    level->key = key;
    level->has_key = true;
    return true;
}

/* Items inside this one; false when the rest cannot hold them. */
static bool count_children(const struct cbor_reader *in, struct head head, uint64_t *children) {
    const uint32_t left = in->size - in->pos;
    *children = 0;
    switch (head.major) {
    case MAJOR_ARRAY: *children = head.argument; break;
    case MAJOR_MAP: *children = head.argument > left ? UINT64_MAX : 2 * head.argument; break;
    case MAJOR_TAG: *children = 1; break;
    default: break;
    }
    return *children <= left;
}

static bool take_item(struct cbor_reader *in, struct level *level, struct head *head, uint64_t *children) {
    const uint32_t start = in->pos;
    const bool is_key = level->map && level->left % 2 == 0;
    level->left--;
    if (get_head(in, head) != STATUS_OK || !is_shortest(*head) || !count_children(in, *head, children)) { return false; }
    if (is_string(*head)) {
        if (head->argument > in->size - in->pos) { return false; }
        in->pos += (uint32_t)head->argument;
    }
    return !is_key || take_key(level, *head, (struct span){in->data + start, in->pos - start});
}

bool cbor_is_deterministic(struct span item, uint32_t *at) {
    struct cbor_reader in = {item.data, item.size, 0};
    struct level levels[CBOR_DEPTH + 1] = {{.left = 1}};
    uint32_t depth = 0;
    for (;;) {
        while (levels[depth].left == 0 && depth > 0) { depth--; }
        *at = in.pos;
        if (levels[depth].left == 0) { return in.pos == in.size; }
        struct head head;
        uint64_t children = 0;
        if (!take_item(&in, &levels[depth], &head, &children)) { return false; }
        if (children == 0) { continue; }
        if (depth == CBOR_DEPTH) { return false; }
        levels[++depth] = (struct level){.left = children, .map = head.major == MAJOR_MAP};
    }
}
