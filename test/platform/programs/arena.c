/* Programs with memory that they share with users: a map of type arena, and data in it. */
#include "program.h"

#define KERNEL __attribute__((section(".ksyms")))
#define ARENA __attribute__((address_space(1)))
enum { MAP_TYPE_ARENA = 33 };

struct { UINT(type, MAP_TYPE_ARENA); UINT(map_flags, BPF_F_MMAPABLE); UINT(max_entries, 4); } arena SEC(".maps");
MAP(numbers, BPF_MAP_TYPE_ARRAY, u32, u64, 1);
u64 ARENA SEC(".addr_space.1") shared[16];

extern void ARENA *bpf_arena_alloc_pages(void *, void ARENA *, u32, int, u64) KERNEL;
extern void bpf_arena_free_pages(void *, void ARENA *, u32) KERNEL;

SEC("syscall") int good_pages(void *c) {
    u64 ARENA *page = bpf_arena_alloc_pages(&arena, 0, 1, -1, 0);
    if (!page) { return 1; }
    page[5] = 1;
    bpf_arena_free_pages(&arena, page, 1);
    return page[1 << 20];
}
SEC("xdp") int bad_pages(void *c) {
    u64 ARENA *page = bpf_arena_alloc_pages(&arena, 0, 1, -1, 0); /* refused: unknown_helper */
    return page != 0;
}

SEC("xdp") int good_shared(void *c) {
    shared[2] += 1;
    return XDP_PASS;
}
SEC("xdp") int bad_shared(void *c) {
    u32 key = 0;
    return map_update_elem(&numbers, &key, (void *)(long)&shared[2], 0) ? XDP_DROP : XDP_PASS; /* refused: helper_argument */
}

SEC("xdp") int good_index(void *c) {
    shared[ktime_get_ns()] = 1;
    return XDP_PASS;
}
SEC("xdp") int bad_index(void *c) {
    u32 key = 0;
    u64 *value = map_lookup_elem(&numbers, &key);
    if (value) { value[ktime_get_ns()] = shared[1]; /* refused: unbounded_offset */
    }
    return XDP_PASS;
}
