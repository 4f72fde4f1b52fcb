#pragma once
/* Ring buffers (BPF_MAP_TYPE_RINGBUF): records that modules append on any core in any context and that the host takes in their
 * order. Positions count bytes since the map was made. A record is a header and its bytes, padded to 8; it may go on at the
 * start of the memory. What was not taken is never overwritten: a record that does not fit is lost, and the next one says so. */

#include "bpf/maps/map.h"
#include "gen/abi_patch.h"

/* Memory that it needs; 0 when the shape is out of range. */
uint64_t ring_bytes(const struct bpf_map_shape *shape);
/* MAP_DONE, MAP_AGAIN, MAP_INVALID. */
enum map_result ring_output(struct bpf_map *map, const void *data, uint64_t size, uint64_t flags);
/* Bytes that wait. Core 0. */
uint64_t ring_waiting(const struct bpf_map *map);
/* What waits from position `at` on, as far as it lies in one piece and at most `limit` bytes; STATUS_NO_ENTRY where no such
 * position waits. It stays as it is until ring_take(). Core 0. */
[[nodiscard]] enum status ring_peek(const struct bpf_map *map, uint64_t at, uint32_t limit, struct span *out);
/* What lies before `at` is taken: its memory is free again. STATUS_NO_ENTRY as above. Core 0. */
[[nodiscard]] enum status ring_take(struct bpf_map *map, uint64_t at);
