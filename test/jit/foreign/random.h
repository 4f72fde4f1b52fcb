#pragma once
/* What the programs of these tests need of Linux's interface, by the names that random C for the board has. */

#include <linux/bpf.h>

typedef __u8 uint8_t;
typedef __u16 uint16_t;
typedef __u32 uint32_t;
typedef __u64 uint64_t;
typedef __s8 int8_t;
typedef __s16 int16_t;
typedef __s32 int32_t;
typedef __s64 int64_t;

#define SEC(name) __attribute__((section(name), used))
#define ARENA __attribute__((address_space(1)))
#define UINT(name, value) int(*name)[value]
#define MAP(name, map_type, key_type, value_type, count) \
    struct { UINT(type, map_type); key_type *key; value_type *value; UINT(max_entries, count); } name SEC(".maps")

char _license[] SEC("license") = "GPL";

#define HELPER(result, name, ...) static result (*const bpf_##name)(__VA_ARGS__) = (void *)BPF_FUNC_##name
HELPER(void *, map_lookup_elem, void *, const void *);
HELPER(long, map_update_elem, void *, const void *, const void *, uint64_t);
HELPER(long, map_delete_elem, void *, const void *);
HELPER(uint64_t, ktime_get_ns, void);
HELPER(uint32_t, get_prandom_u32, void);
HELPER(uint32_t, get_smp_processor_id, void);
HELPER(long, loop, uint32_t, void *, void *, uint64_t);
HELPER(long, for_each_map_elem, void *, void *, void *, uint64_t);
HELPER(long, timer_init, struct bpf_timer *, void *, uint64_t);
HELPER(long, timer_set_callback, struct bpf_timer *, void *);
HELPER(long, timer_start, struct bpf_timer *, uint64_t, uint64_t);

unsigned long long load_byte(void *skb, unsigned long long offset) __asm__("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long offset) __asm__("llvm.bpf.load.half");
unsigned long long load_word(void *skb, unsigned long long offset) __asm__("llvm.bpf.load.word");

struct { UINT(type, 33); UINT(map_flags, BPF_F_MMAPABLE); UINT(max_entries, 4); } arena SEC(".maps"); /* BPF_MAP_TYPE_ARENA */
struct cell {
    uint64_t words[24];
};
MAP(cells, BPF_MAP_TYPE_ARRAY, uint32_t, struct cell, 4);
