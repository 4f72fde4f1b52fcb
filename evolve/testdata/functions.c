/* Modules with functions of their own that clang may not inline. */
#include "velocity.h"

#define CALLED static __attribute__((noinline))

struct readings {
  int32_t values[64];
  uint32_t next;
  int32_t low;
  int32_t high;
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, uint32_t);
  __type(value, struct readings);
} readings SEC(".maps");

CALLED int32_t clamp(int32_t value, int32_t low, int32_t high) {
  if (value < low) { return low; }
  return value > high ? high : value;
}

CALLED void keep(struct readings *r, int32_t value) {
  r->values[r->next & 63] = clamp(value, -1000, 1000);
  r->next++;
}

CALLED int32_t sum(const int32_t *values) {
  int32_t all = 0;
  for (int i = 0; i < 64; i++) { all += values[i]; }
  return all;
}

SEC("timer") uint64_t mean(struct timer_context *c) {
  uint32_t key = 0;
  struct readings *r = bpf_map_lookup_elem(&readings, &key);
  if (!r) { return 0; }
  keep(r, (int32_t)c->tick);
  int32_t value = sum(r->values) / 64;
  r->low = clamp(value - 5, -900, 900);
  r->high = clamp(value + 5, -900, 900);
  return (uint32_t)value;
}

struct flow {
  uint32_t address;
  uint16_t port;
  uint16_t unused;
};
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 64);
  __type(key, struct flow);
  __type(value, uint64_t);
} flows SEC(".maps");

CALLED int parse(const unsigned char *data, const unsigned char *end, struct flow *flow) {
  if (data + 42 > end) { return -1; }
  if (data[12] != 8 || data[13] != 0) { return -2; }
  if (data[23] != 17) { return -3; }
  flow->address = *(const uint32_t *)(data + 26);
  flow->port = *(const uint16_t *)(data + 36);
  return 0;
}

CALLED uint64_t count(struct flow *flow) {
  uint64_t one = 1;
  uint64_t *found = bpf_map_lookup_elem(&flows, flow);
  if (!found) { return bpf_map_update_elem(&flows, flow, &one, 0); }
  *found += 1;
  return *found;
}

SEC("packet") uint64_t flow(struct packet_context *c) {
  struct flow flow = {};
  int error = parse((const unsigned char *)c->data, (const unsigned char *)c->data_end, &flow);
  return error ? (uint64_t)error : count(&flow);
}
