/* map_read, map_write, map_next, map_info. */
#include "bpf/maps/ring.h"
#include "lib/refusal.h"
#include "patch/service.h"
#include "patch/text.h"

constexpr uint32_t VALUE_BYTES = 2048; /* limit of the message */

static enum status find(struct span name, struct bpf_map **out, struct refusal *refusal) {
    *out = map_find(name);
    if (*out != nullptr) { return STATUS_OK; }
    return REFUSE(refusal, STATUS_NO_ENTRY, "there is no map '%.*s'", (int)name.size, (const char *)name.data);
}

static enum status check_key(const struct bpf_map *map, struct span key, struct refusal *refusal) {
    if (key.size == map->shape.key_size) { return STATUS_OK; }
    return REFUSE(refusal, STATUS_INVALID_ARGUMENT, "the key has %u bytes, the map's keys have %u", key.size,
                  map->shape.key_size);
}

/* Keys arrive at any address inside a message; maps want them aligned as programs have them. */
static const void *aligned(struct span key) {
    alignas(8) static uint8_t copy[MAP_KEY_BYTES_MAX];
    for (uint32_t i = 0; i < key.size; i++) { copy[i] = key.data[i]; }
    return copy;
}

enum status handle_map_read(const struct msg_map_read_request *request, struct msg_map_read_response *response,
                            struct refusal *refusal) {
    static uint8_t value[VALUE_BYTES];
    struct bpf_map *map;
    enum status status = find(request->map, &map, refusal);
    if (status == STATUS_OK) { status = check_key(map, request->key, refusal); }
    if (status != STATUS_OK) { return status; }
    if (map_host_value_bytes(map) > VALUE_BYTES) {
        return REFUSE(refusal, STATUS_TOO_LONG, "a value has %u bytes, a message holds %u", map_host_value_bytes(map),
                      VALUE_BYTES);
    }
    const void *key = aligned(request->key);
    if (map->shape.type == MAP_TYPE_RINGBUF) {
        return ring_peek(map, *(const uint64_t *)key, VALUE_BYTES, &response->value);
    }
    status = map_host_read(map, key, value);
    response->value = (struct span){value, map_host_value_bytes(map)};
    return status;
}

enum status handle_map_write(const struct msg_map_write_request *request, struct refusal *refusal) {
    struct bpf_map *map;
    enum status status = find(request->map, &map, refusal);
    if (status == STATUS_OK) { status = check_key(map, request->key, refusal); }
    if (status != STATUS_OK) { return status; }
    if (request->value.size != map_host_value_bytes(map)) {
        return REFUSE(refusal, STATUS_INVALID_ARGUMENT, "the value has %u bytes, the map's values have %u",
                      request->value.size, map_host_value_bytes(map));
    }
    status = map_host_write(map, aligned(request->key), request->value.data);
    if (status != STATUS_ACCESS_DENIED) { return status; }
    return REFUSE(refusal, status, "the map is read-only: its contents are constants of a program");
}

enum status handle_map_next(const struct msg_map_next_request *request, struct msg_map_next_response *response,
                            struct refusal *refusal) {
    static uint8_t key[MAP_KEY_BYTES_MAX];
    struct bpf_map *map;
    enum status status = find(request->map, &map, refusal);
    const bool first = request->key.size == 0;
    if (status == STATUS_OK && !first) { status = check_key(map, request->key, refusal); }
    if (status != STATUS_OK) { return status; }
    status = map_next_key(map, first ? nullptr : aligned(request->key), key);
    response->key = (struct span){key, map->shape.key_size};
    return status;
}

enum status handle_map_info(const struct msg_map_info_request *request, struct msg_map_info_response *response,
                            [[maybe_unused]] struct refusal *refusal) {
    const struct bpf_map *map = map_at(request->i);
    if (map == nullptr) { return STATUS_NO_ENTRY; }
    *response = (struct msg_map_info_response){
        .name = span_of(map->name),
        .type = map->shape.type,
        .key_size = map->shape.key_size,
        .value_size = map->shape.value_size,
        .max_entries = map->shape.max_entries,
        .entries = map_entries(map),
        .users = map->users,
    };
    return STATUS_OK;
}
