#pragma once
/* What the programs of this test need of Linux's interface. Each comes twice: `good_*`, which is accepted, and `bad_*`,
 * refused at the line marked `refused:` with that code. */

#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))
#define UINT(name, value) int(*name)[value]
#define MAP(name, map_type, key_type, value_type, count) \
    struct { UINT(type, map_type); key_type *key; value_type *value; UINT(max_entries, count); } name SEC(".maps")

char _license[] SEC("license") = "GPL";

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define HELPER(result, name, ...) static result (*const name)(__VA_ARGS__) = (void *)BPF_FUNC_##name
HELPER(void *, map_lookup_elem, void *, const void *);
HELPER(long, map_update_elem, void *, const void *, const void *, u64);
HELPER(u64, ktime_get_ns, void);
HELPER(long, tail_call, void *, void *, u32);
HELPER(u64, get_current_pid_tgid, void);
HELPER(long, get_current_comm, void *, u32);
HELPER(long, probe_read_kernel, void *, u32, const void *);
HELPER(long, probe_read_kernel_str, void *, u32, const void *);
HELPER(long, perf_event_output, void *, void *, u64, const void *, u64);
HELPER(long, skb_load_bytes, const void *, u32, void *, u32);
HELPER(long, skb_store_bytes, void *, u32, const void *, u32, u64);
HELPER(long, skb_pull_data, void *, u32);
HELPER(long, xdp_adjust_head, void *, int);
HELPER(long, xdp_adjust_meta, void *, int);
HELPER(long, redirect_map, void *, u64, u64);
HELPER(void *, ringbuf_reserve, void *, u64, u64);
HELPER(void, ringbuf_submit, void *, u64);
HELPER(void, ringbuf_discard, void *, u64);
HELPER(struct bpf_sock *, sk_lookup_tcp, void *, void *, u32, u64, u64);
HELPER(long, sk_release, void *);
HELPER(struct bpf_sock *, sk_fullsock, void *);
HELPER(struct bpf_tcp_sock *, tcp_sock, void *);
HELPER(void, spin_lock, void *);
HELPER(void, spin_unlock, void *);
HELPER(void *, get_local_storage, void *, u64);
HELPER(void *, sk_storage_get, void *, void *, void *, u64);
HELPER(long, sysctl_get_name, void *, char *, u64, u64);
HELPER(long, csum_diff, void *, u32, void *, u32, u32);
HELPER(long, sock_map_update, void *, void *, void *, u64);
HELPER(long, msg_redirect_map, void *, void *, u32, u64);
HELPER(long, sk_select_reuseport, void *, void *, void *, u64);
HELPER(long, map_push_elem, void *, const void *, u64);
HELPER(long, map_pop_elem, void *, void *);
HELPER(long, get_stackid, void *, void *, u64);
HELPER(long, loop, u32, void *, void *, u64);
HELPER(long, strncmp, const char *, u32, const char *);

#define DATA(context) ((void *)(long)(context)->data)
#define DATA_END(context) ((void *)(long)(context)->data_end)
