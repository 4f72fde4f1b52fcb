/* Which maps a program may have, by its type, and what their values may hold, by the map's. */
#include "program.h"

struct guarded { struct bpf_spin_lock lock; u32 count; };
struct twice { struct bpf_spin_lock lock, other; u32 count; };
struct { UINT(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); UINT(key_size, 4); UINT(value_size, 4); } events SEC(".maps");
MAP(guards, BPF_MAP_TYPE_HASH, u32, struct guarded, 16);
MAP(recent, BPF_MAP_TYPE_LRU_HASH, u32, struct guarded, 16);
MAP(pairs, BPF_MAP_TYPE_HASH, u32, struct twice, 16);
struct { UINT(type, BPF_MAP_TYPE_CGROUP_STORAGE); struct bpf_cgroup_storage_key *key; u64 *value; } first SEC(".maps"), second SEC(".maps");
struct { UINT(type, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE); struct bpf_cgroup_storage_key *key; u64 *value; } each SEC(".maps");
#define ALL_PROCESSORS 0xffffffffu

SEC("lsm/bpf") int good_sleepless(void *c) {
    u64 word = 1;
    return perf_event_output(c, &events, ALL_PROCESSORS, &word, sizeof(word)) != 0 ? -1 : 0;
}
SEC("lsm.s/bpf") int bad_sleepless(void *c) {
    u64 word = 1;
    return perf_event_output(c, &events, ALL_PROCESSORS, &word, sizeof(word)) != 0 ? -1 : 0; /* refused: helper_argument */
}

SEC("tc") int good_owner(void *c) {
    u32 key = 0;
    struct guarded *g = map_lookup_elem(&guards, &key);
    return g ? g->count : 0;
}
SEC("kprobe/f") int bad_owner(void *c) {
    u32 key = 0;
    struct guarded *g = map_lookup_elem(&guards, &key); /* refused: helper_argument */
    return g ? g->count : 0;
}

SEC("tc") int good_lock(void *c) {
    u32 key = 0;
    struct guarded *g = map_lookup_elem(&guards, &key);
    if (!g) { return 0; }
    spin_lock(&g->lock);
    spin_unlock(&g->lock);
    return 0;
}
SEC("tc") int bad_lock(void *c) {
    u32 key = 0;
    struct guarded *g = map_lookup_elem(&recent, &key);
    if (!g) { return 0; }
    spin_lock(&g->lock); /* refused: helper_argument */
    spin_unlock(&g->lock);
    return 0;
}

/* A map with two locks is made without types: its locks are bytes like others. */
SEC("tc") int good_other_lock(void *c) {
    u32 key = 0;
    struct twice *t = map_lookup_elem(&pairs, &key);
    return t ? t->lock.val : 0;
}
SEC("tc") int bad_other_lock(void *c) {
    u32 key = 0;
    struct twice *t = map_lookup_elem(&pairs, &key);
    if (!t) { return 0; }
    spin_lock(&t->lock); /* refused: helper_argument */
    spin_unlock(&t->other);
    return 0;
}

SEC("cgroup/skb") int good_storage(void *c) {
    u64 *mine = get_local_storage(&first, 0), *ours = get_local_storage(&each, 0);
    return (*mine + *ours) & 1;
}
SEC("cgroup/skb") int bad_storage(void *c) {
    u64 *mine = get_local_storage(&first, 0);
    u64 *theirs = get_local_storage(&second, 0); /* refused: helper_argument */
    return (*mine + *theirs) & 1;
}
