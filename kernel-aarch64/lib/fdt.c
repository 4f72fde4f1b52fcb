/* Longer than most files: walk, address translation and paths share one token reader. */
#include "lib/fdt.h"
#include "lib/mem.h"

#define HEADER_BYTES 40u
#define MAGIC 0xd00dfeedu
#define VERSION_MIN 17u
#define TOKEN_BEGIN 1u
#define TOKEN_END 2u
#define TOKEN_PROPERTY 3u
#define TOKEN_NOP 4u
#define TOKEN_FINISH 9u

static const char *const key_names[FDT_KEYS] = {
    [FDT_COMPATIBLE] = "compatible",
    [FDT_REG] = "reg",
    [FDT_RANGES] = "ranges",
    [FDT_INTERRUPTS] = "interrupts",
    [FDT_INTERRUPT_PARENT] = "interrupt-parent",
    [FDT_INTERRUPT_CELLS] = "#interrupt-cells",
    [FDT_PHANDLE] = "phandle",
    [FDT_ADDRESS_CELLS] = "#address-cells",
    [FDT_SIZE_CELLS] = "#size-cells",
    [FDT_STATUS] = "status",
    [FDT_MODEL] = "model",
    [FDT_METHOD] = "method",
    [FDT_RELEASE_ADDR] = "cpu-release-addr",
    [FDT_CLOCK_FREQUENCY] = "clock-frequency",
    [FDT_REG_SHIFT] = "reg-shift",
    [FDT_DEVICE_TYPE] = "device_type",
    [FDT_STDOUT_PATH] = "stdout-path",
    [FDT_RNG_SEED] = "rng-seed",
    [FDT_GPIOS] = "gpios",
    [FDT_MBOXES] = "mboxes",
};

static uint32_t be32(const uint8_t *at) {
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Structure blocks are 4-byte aligned (§5.5), which fdt_open() checks. */
static uint32_t token_at(const struct fdt *fdt, uint32_t pos) {
    return __builtin_bswap32(*(const uint32_t *)(const void *)(fdt->structure + pos));
}

static inline bool text_equal(const char *a, const char *b) {
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static bool block_fits(const uint8_t *header, uint32_t offset_at, uint32_t size_at, uint32_t total) {
    const uint32_t offset = be32(header + offset_at);
    return offset <= total && be32(header + size_at) <= total - offset;
}

enum status fdt_open(const void *bytes, uint32_t size_bytes, struct fdt *out) {
    const uint8_t *header = bytes;
    if (size_bytes < HEADER_BYTES || be32(header) != MAGIC) { return STATUS_CORRUPT; }
    const uint32_t total = be32(header + 4);
    if (total > size_bytes || total < HEADER_BYTES || be32(header + 20) < VERSION_MIN) { return STATUS_CORRUPT; }
    if (!block_fits(header, 8, 36, total) || !block_fits(header, 12, 32, total)) { return STATUS_CORRUPT; }
    out->structure = header + be32(header + 8);
    out->structure_size = be32(header + 36) & ~3u;
    out->strings = (const char *)header + be32(header + 12);
    out->strings_size = be32(header + 32);
    if ((uintptr_t)out->structure % 4 != 0) { return STATUS_CORRUPT; }
    /* The last string ends inside the block, hence every string does. */
    if (out->strings_size > 0 && out->strings[out->strings_size - 1] != '\0') { return STATUS_CORRUPT; }
    return STATUS_OK;
}

struct token {
    uint32_t kind;
    uint32_t next; /* position after it */
    const char *name;
    struct span data; /* of a property */
};

/* Reads one token, names and data included. STATUS_CORRUPT when it does not fit. */
static enum status token_read(const struct fdt *fdt, uint32_t pos, struct token *out) {
    const uint32_t size = fdt->structure_size;
    if (pos > size || size - pos < 4) { return STATUS_CORRUPT; }
    out->kind = token_at(fdt, pos);
    out->next = pos + 4;
    if (out->kind == TOKEN_BEGIN) {
        out->name = (const char *)fdt->structure + pos + 4;
        uint32_t end = pos + 4;
        while (end < size && fdt->structure[end] != '\0') { end++; }
        if (end == size) { return STATUS_CORRUPT; }
        out->next = (end + 4) & ~3u;
        return STATUS_OK;
    }
    if (out->kind != TOKEN_PROPERTY) {
        return out->kind == TOKEN_END || out->kind == TOKEN_NOP || out->kind == TOKEN_FINISH ? STATUS_OK
                                                                                              : STATUS_CORRUPT;
    }
    if (size - pos < 12) { return STATUS_CORRUPT; }
    const uint32_t length = token_at(fdt, pos + 4);
    const uint32_t name = token_at(fdt, pos + 8);
    if (length > size - pos - 12 || name >= fdt->strings_size) { return STATUS_CORRUPT; }
    out->name = fdt->strings + name;
    out->data = (struct span){fdt->structure + pos + 12, length};
    out->next = pos + 12 + ((length + 3) & ~3u);
    return STATUS_OK;
}

/* The key of a property name, or FDT_KEYS. Most names differ in their first two characters. */
static uint32_t key_of(const char *name) {
    for (uint32_t key = 0; key < FDT_KEYS; key++) {
        if (key_names[key][0] == name[0] && text_equal(key_names[key] + 1, name + 1)) { return key; }
    }
    return FDT_KEYS;
}

/* Names repeat, and each lies only once in the strings block: most are found here by their offset. */
#define CACHE_ENTRIES 32u

struct key_cache {
    uint32_t name; /* offset in the strings block */
    uint32_t key;
};

struct walk {
    const struct fdt *fdt;
    fdt_visitor visit;
    void *cookie;
    uint32_t depth;  /* nodes entered; the current one is node[depth - 1] */
    uint32_t hidden; /* levels entered below FDT_MAX_DEPTH */
    bool pending;    /* the current node was not visited yet */
    struct fdt_node node[FDT_MAX_DEPTH];
    struct key_cache cache[CACHE_ENTRIES];
};

static uint32_t cached_key_of(struct walk *walk, const char *name) {
    const uint32_t offset = (uint32_t)(name - walk->fdt->strings);
    struct key_cache *entry = &walk->cache[offset % CACHE_ENTRIES];
    if (entry->name != offset) { *entry = (struct key_cache){offset, key_of(name)}; }
    return entry->key;
}

/* Splits the list of strings once, for the many questions that follow. */
static void split_compatible(struct fdt_node *node) {
    const struct span list = node->property[FDT_COMPATIBLE];
    if (list.size == 0 || list.data[list.size - 1] != '\0') { return; }
    for (uint32_t at = 0; at < list.size && node->compatible_count < FDT_MAX_COMPATIBLE; at++) {
        node->compatible[node->compatible_count++] = (const char *)list.data + at;
        while (list.data[at] != '\0') { at++; }
    }
}

static bool status_okay(struct span value) {
    return value.data == nullptr || span_equal(value, (struct span){(const uint8_t *)"okay", 5}) ||
           span_equal(value, (struct span){(const uint8_t *)"ok", 3});
}

static void visit_pending(struct walk *walk) {
    if (!walk->pending) { return; }
    walk->pending = false;
    struct fdt_node *node = &walk->node[walk->depth - 1];
    if (node->property[FDT_INTERRUPT_PARENT].size == 4) {
        node->interrupt_parent = fdt_cell(node->property[FDT_INTERRUPT_PARENT], 0);
    }
    split_compatible(node);
    node->disabled = node->disabled || !status_okay(node->property[FDT_STATUS]);
    walk->visit(walk->cookie, node);
}

static void enter(struct walk *walk, const char *name, uint32_t pos) {
    visit_pending(walk);
    if (walk->depth == FDT_MAX_DEPTH) {
        walk->hidden++;
        return;
    }
    struct fdt_node *node = &walk->node[walk->depth];
    const struct fdt_node *parent = walk->depth > 0 ? node - 1 : nullptr;
    *node = (struct fdt_node){.name = name, .offset = pos, .depth = walk->depth, .parent = parent};
    if (parent) {
        node->interrupt_parent = parent->interrupt_parent;
        node->disabled = parent->disabled;
    }
    walk->depth++;
    walk->pending = true;
}

static void leave(struct walk *walk) {
    visit_pending(walk);
    if (walk->hidden > 0) {
        walk->hidden--;
    } else {
        walk->depth--;
    }
}

enum status fdt_walk(const struct fdt *fdt, fdt_visitor visit, void *cookie) {
    struct walk walk;
    walk.fdt = fdt;
    walk.visit = visit;
    walk.cookie = cookie;
    walk.depth = 0;
    walk.hidden = 0;
    walk.pending = false;
    for (uint32_t i = 0; i < CACHE_ENTRIES; i++) { walk.cache[i].name = UINT32_MAX; }
    for (uint32_t pos = 0;;) {
        struct token token;
        if (token_read(fdt, pos, &token) != STATUS_OK) { return STATUS_CORRUPT; }
        if (token.kind == TOKEN_BEGIN) {
            enter(&walk, token.name, pos);
        } else if (token.kind == TOKEN_END) {
            if (walk.depth == 0) { return STATUS_CORRUPT; }
            leave(&walk);
            if (walk.depth == 0) { return STATUS_OK; }
        } else if (token.kind == TOKEN_PROPERTY && walk.pending && walk.hidden == 0) {
            const uint32_t key = cached_key_of(&walk, token.name);
            if (key < FDT_KEYS) { walk.node[walk.depth - 1].property[key] = token.data; }
        } else if (token.kind == TOKEN_FINISH) {
            return STATUS_CORRUPT;
        }
        pos = token.next;
    }
}

bool fdt_compatible(const struct fdt_node *node, const char *with) {
    for (uint32_t i = 0; i < node->compatible_count; i++) {
        if (text_equal(node->compatible[i], with)) { return true; }
    }
    return false;
}

bool fdt_named(const struct fdt_node *node, const char *name) { return text_equal(node->name, name); }

uint32_t fdt_cell(struct span cells, uint32_t index) {
    return index < cells.size / 4 ? be32(cells.data + index * 4) : 0;
}

static uint64_t cells_at(struct span cells, uint32_t index, uint32_t count) {
    uint64_t value = 0;
    for (uint32_t i = 0; i < count; i++) { value = value << 32 | fdt_cell(cells, index + i); }
    return value;
}

/* Defaults of §2.3.5; more than 2 size cells or 3 address cells do not occur. */
static uint32_t cell_count(const struct fdt_node *node, enum fdt_key key, uint32_t otherwise) {
    const struct span value = node->property[key];
    const uint32_t count = value.size == 4 ? fdt_cell(value, 0) : otherwise;
    return count <= 3 ? count : 3;
}

/* From the child addresses of a bus to the addresses of its parent. */
static bool translate(const struct fdt_node *bus, uint64_t *addr) {
    const struct span ranges = bus->property[FDT_RANGES];
    if (ranges.data == nullptr) { return false; }
    if (ranges.size == 0) { return true; }
    const uint32_t child = cell_count(bus, FDT_ADDRESS_CELLS, 2);
    const uint32_t parent = cell_count(bus->parent, FDT_ADDRESS_CELLS, 2);
    const uint32_t size = cell_count(bus, FDT_SIZE_CELLS, 1);
    const uint32_t row = child + parent + size;
    if (row == 0) { return false; }
    for (uint32_t at = 0; at + row <= ranges.size / 4; at += row) {
        const uint64_t from = cells_at(ranges, at, child);
        const uint64_t length = cells_at(ranges, at + child + parent, size);
        if (*addr >= from && *addr - from < length) {
            *addr = cells_at(ranges, at + child, parent) + (*addr - from);
            return true;
        }
    }
    return false;
}

enum status fdt_reg(const struct fdt_node *node, uint32_t index, uint64_t *addr, uint64_t *size_bytes) {
    if (!node->parent) { return STATUS_NO_ENTRY; }
    const uint32_t address_cells = cell_count(node->parent, FDT_ADDRESS_CELLS, 2);
    const uint32_t size_cells = cell_count(node->parent, FDT_SIZE_CELLS, 1);
    const uint32_t row = address_cells + size_cells;
    const struct span reg = node->property[FDT_REG];
    if (row == 0 || index >= reg.size / 4 / row) { return STATUS_NO_ENTRY; }
    *addr = cells_at(reg, index * row, address_cells);
    *size_bytes = cells_at(reg, index * row + address_cells, size_cells);
    for (const struct fdt_node *bus = node->parent; bus->parent; bus = bus->parent) {
        if (!translate(bus, addr)) { return STATUS_NO_ENTRY; }
    }
    return STATUS_OK;
}

/* Length of the next path component: up to '/', ':' , NUL or the end. */
static uint32_t component_length(struct span path) {
    uint32_t length = 0;
    while (length < path.size && path.data[length] != '/' && path.data[length] != ':' && path.data[length] != '\0') {
        length++;
    }
    return length;
}

static struct span skip(struct span path, uint32_t count) { return (struct span){path.data + count, path.size - count}; }

static bool name_is(const char *name, struct span component) {
    for (uint32_t i = 0; i < component.size; i++) {
        if (name[i] != (char)component.data[i]) { return false; } /* a NUL in name ends it here */
    }
    return name[component.size] == '\0' || name[component.size] == '@';
}

/* Follows an absolute path. When a whole node was found, `property` (if not empty) is looked up in it. */
static enum status descend(const struct fdt *fdt, struct span path, struct span property, uint32_t *offset,
                           struct span *value) {
    uint32_t depth = 0;   /* nodes entered */
    uint32_t matched = 0; /* of them, nodes on the path */
    bool whole = false;
    for (uint32_t pos = 0;;) {
        struct token token;
        if (token_read(fdt, pos, &token) != STATUS_OK) { return STATUS_NO_ENTRY; }
        if (token.kind == TOKEN_BEGIN) {
            if (whole) { return STATUS_NO_ENTRY; } /* properties come before children */
            const struct span component = {path.data, component_length(path)};
            if (depth == matched && (depth == 0 || name_is(token.name, component))) {
                if (depth > 0) { path = skip(path, component.size); }
                matched++;
                if (path.size > 0 && path.data[0] == '/') { path = skip(path, 1); }
                whole = component_length(path) == 0;
                *offset = pos;
                if (whole && property.size == 0) { return STATUS_OK; }
            }
            depth++;
        } else if (token.kind == TOKEN_END) {
            if (whole || depth-- == matched) { return STATUS_NO_ENTRY; } /* left the path without its end */
        } else if (token.kind == TOKEN_PROPERTY && whole) {
            if (name_is(token.name, property)) {
                *value = token.data;
                return STATUS_OK;
            }
        } else if (token.kind == TOKEN_FINISH) {
            return STATUS_NO_ENTRY;
        }
        pos = token.next;
    }
}

enum status fdt_find(const struct fdt *fdt, struct span path, uint32_t *offset) {
    struct span none = {nullptr, 0};
    if (path.size > 0 && path.data[0] == '/') { return descend(fdt, path, none, offset, &none); }
    const struct span alias = {path.data, component_length(path)};
    if (alias.size == 0) { return STATUS_NO_ENTRY; }
    struct span target;
    const enum status status = descend(fdt, SPAN("/aliases"), alias, offset, &target);
    if (status != STATUS_OK) { return status; }
    if (target.size == 0 || target.data[0] != '/') { return STATUS_NO_ENTRY; }
    return descend(fdt, target, none, offset, &none);
}
