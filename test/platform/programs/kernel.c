/* What programs are handed of the kernel's own: objects of a type, members of unions, paths, and what a program may call where. */
#include "program.h"

/* The headers of some distributions are older than these (since Linux 6.2). */
enum { CGRP_STORAGE = 32, BPF_FUNC_cgrp_storage_get = 210 };

struct path { void *mount, *dentry; };
struct buffer {
    union { struct { struct buffer *next; }; u64 node; };
    void *owner;
} __attribute__((preserve_access_index));
struct owner { u64 flags; };
struct kept { struct owner __attribute__((btf_type_tag("kptr_untrusted"))) *owner; };

struct { UINT(type, BPF_MAP_TYPE_TASK_STORAGE); UINT(map_flags, BPF_F_NO_PREALLOC); u32 *key; u64 *value; } tasks SEC(".maps");
struct { UINT(type, CGRP_STORAGE); UINT(map_flags, BPF_F_NO_PREALLOC); u32 *key; u64 *value; } groups SEC(".maps");
struct { UINT(type, BPF_MAP_TYPE_SK_STORAGE); UINT(map_flags, BPF_F_NO_PREALLOC); u32 *key; u64 *value; } sockets SEC(".maps");
MAP(kept, BPF_MAP_TYPE_ARRAY, u32, struct kept, 1);

HELPER(void *, get_current_task_btf, void);
HELPER(void *, task_storage_get, void *, void *, void *, u64);
HELPER(void *, cgrp_storage_get, void *, void *, void *, u64);
HELPER(long, d_path, void *, char *, u32);
HELPER(long, setsockopt, void *, int, int, void *, int);
HELPER(long, get_func_arg, void *, u32, u64 *);
HELPER(int, set_retval, int);
HELPER(void *, per_cpu_ptr, const void *, u32);
HELPER(void *, this_cpu_ptr, const void *);
extern void *bpf_rdonly_cast(const void *, u32) __attribute__((section(".ksyms")));

SEC("tp_btf/sys_enter") int good_task(u64 *c) { return task_storage_get(&tasks, get_current_task_btf(), 0, 1) != 0; }
SEC("tp_btf/sys_enter") int bad_task(u64 *c) {
    return cgrp_storage_get(&groups, get_current_task_btf(), 0, 1) != 0; /* refused: helper_argument */
}

SEC("tp_btf/sys_enter") int good_storage(u64 *c) { return cgrp_storage_get(&groups, (void *)c[0], 0, 1) != 0; }
SEC("tp_btf/sys_enter") int bad_storage(u64 *c) {
    return cgrp_storage_get(&tasks, (void *)c[0], 0, 1) != 0; /* refused: helper_argument */
}

SEC("tp_btf/tcp_probe") int good_member(u64 *c) {
    return sk_storage_get(&sockets, ((struct buffer *)c[1])->owner, 0, 0) != 0;
}
SEC("tp_btf/tcp_probe") int bad_member(u64 *c) {
    return sk_storage_get(&sockets, ((struct buffer *)c[1])->next, 0, 0) != 0; /* refused: helper_argument */
}

struct wide_task { void *parent; };
SEC("fentry/do_exit") int good_parent(u64 *c) {
    struct wide_task *task = get_current_task_btf();
    task_storage_get(&tasks, task->parent, 0, 0);
    return 0;
}
SEC("fentry.s/do_exit") int bad_parent(u64 *c) {
    struct wide_task *task = get_current_task_btf();
    task_storage_get(&tasks, task->parent, 0, 0); /* refused: helper_argument */
    return 0;
}

SEC("fentry/vfs_getattr") int good_path(u64 *c) {
    char text[8];
    d_path((void *)c[0], text, sizeof(text));
    return 0;
}
SEC("fentry/d_path") int bad_path(u64 *c) {
    char text[8];
    d_path((void *)c[0], text, sizeof(text)); /* refused: unknown_helper */
    return 0;
}

SEC("lsm/file_open") int good_hook(u64 *c) {
    char text[8];
    d_path((void *)(c[0] + 16), text, sizeof(text));
    return 0;
}
SEC("lsm/file_permission") int bad_hook(u64 *c) {
    char text[8];
    d_path((void *)c[0], text, sizeof(text)); /* refused: unknown_helper */
    return 0;
}

/* A hook gets its arguments and what those before it returned; programs at one that returns something say 0 or an error. */
SEC("lsm/file_open") int good_before(u64 *c) { return c[1] ? -1 : 0; }
SEC("lsm/file_open") int bad_before(u64 *c) { return c[2] ? -1 : 0; } /* refused: context_out_of_bounds */
SEC("lsm/file_open") int good_passed(u64 *c) { return (int)c[1] ? (int)c[1] : -1; }
SEC("lsm/inode_permission") int bad_passed(u64 *c) { return (int)c[0] ? (int)c[0] : -1; } /* refused: bad_exit_value */
SEC("lsm/task_free") int good_freed(u64 *c) { return c[0] != 0; }
SEC("lsm/task_free") int bad_freed(u64 *c) { return c[1] != 0; } /* refused: context_out_of_bounds */
SEC("lsm/file_open") int good_denied(u64 *c) { return -1; }
SEC("lsm/file_open") int bad_denied(u64 *c) { return 1; } /* refused: bad_exit_value */
SEC("lsm/inode_xattr_skipcap") int good_flag(u64 *c) { return 1; }
SEC("lsm/inode_xattr_skipcap") int bad_flag(u64 *c) { return -1; } /* refused: bad_exit_value */

SEC("lsm/task_free") void good_nothing(u64 *c) {}
SEC("lsm/file_open") void bad_nothing(u64 *c) {} /* refused: bad_exit_value */

/* Programs at a hook that a cgroup has allow or refuse, and may say with which error where there is something to return. */
SEC("lsm_cgroup/socket_bind") int good_group(u64 *c) {
    set_retval(-1);
    return 0;
}
SEC("lsm_cgroup/inet_csk_clone") int bad_group(u64 *c) {
    set_retval(-1); /* refused: unknown_helper */
    return 1;
}
SEC("lsm_cgroup/inet_csk_clone") int good_cloned(u64 *c) { return 1; }
SEC("lsm_cgroup/inet_csk_clone") int bad_cloned(u64 *c) { return 0; } /* refused: bad_exit_value */
SEC("lsm_cgroup/socket_bind") int good_bound(u64 *c) { return 0; }
SEC("lsm_cgroup/socket_bind") int bad_bound(u64 *c) { return 2; } /* refused: bad_exit_value */

/* Variables that each processor has. */
struct queue { u64 clock; u32 cpu; };
extern const struct queue runqueues __attribute__((section(".ksyms")));
extern const int bpf_prog_active __attribute__((section(".ksyms")));
SEC("raw_tp/sys_enter") int good_queue(void *c) {
    struct queue *q = per_cpu_ptr(&runqueues, 0);
    return q ? q->cpu : 0;
}
SEC("raw_tp/sys_enter") int bad_queue(void *c) {
    struct queue *q = per_cpu_ptr(&runqueues, 0);
    return q->cpu; /* refused: null_dereference */
}
SEC("raw_tp/sys_enter") int good_active(void *c) { return *(u32 *)this_cpu_ptr(&bpf_prog_active); }
SEC("raw_tp/sys_enter") int bad_active(void *c) {
    return *(u64 *)this_cpu_ptr(&bpf_prog_active); /* refused: memory_out_of_bounds */
}
SEC("raw_tp/sys_enter") int good_here(void *c) { return ((struct queue *)this_cpu_ptr(&runqueues))->cpu; }
SEC("raw_tp/sys_enter") int bad_here(void *c) { return runqueues.cpu; } /* refused: not_a_pointer */
SEC("raw_tp/sys_enter") int good_read(void *c) { return *(u8 *)this_cpu_ptr(&bpf_prog_active); }
SEC("raw_tp/sys_enter") int bad_read(void *c) {
    *(u8 *)this_cpu_ptr(&bpf_prog_active) = 1; /* refused: memory_read_only */
    return 0;
}

SEC("fentry/tcp_connect") int good_traced(u64 *c) {
    sk_storage_get(&sockets, (void *)c[0], 0, 0);
    return 0;
}
SEC("fentry/bpf_sk_storage_free") int bad_traced(u64 *c) {
    sk_storage_get(&sockets, (void *)c[0], 0, 0); /* refused: unknown_helper */
    return 0;
}

SEC("fentry/tcp_connect") int good_argument(u64 *c) {
    u64 value;
    get_func_arg(c, 0, &value);
    return 0;
}
SEC("tp_btf/sys_enter") int bad_argument(u64 *c) {
    u64 value;
    return get_func_arg(c, 0, &value); /* refused: unknown_helper */
}

SEC("cgroup/setsockopt") int good_option(struct bpf_sockopt *c) {
    int value = 1;
    return setsockopt(c->sk, 1, 7, &value, sizeof(value)) == 0;
}
SEC("cgroup/getsockopt") int bad_option(struct bpf_sockopt *c) {
    int value = 1;
    return setsockopt(c->sk, 1, 7, &value, sizeof(value)) == 0; /* refused: unknown_helper */
}

SEC("tp_btf/sys_enter") int good_cast(u64 *c) {
    return *(u64 *)bpf_rdonly_cast((void *)c[0], __builtin_btf_type_id(*(struct owner *)0, 1)) == 1;
}
SEC("tp_btf/sys_enter") int bad_cast(u64 *c) {
    return *(u64 *)bpf_rdonly_cast((void *)c[0], __builtin_btf_type_id(*(u64 *)0, 1)) == 1; /* refused: helper_argument */
}

SEC("tc") int good_kept(struct __sk_buff *c) {
    u32 key = 0;
    struct kept *value = map_lookup_elem(&kept, &key);
    if (!value) { return 0; }
    struct owner *owner = value->owner;
    if (owner) { value->owner = owner; }
    return 0;
}
SEC("tc") int bad_kept(struct __sk_buff *c) {
    u32 key = 0;
    struct kept *value = map_lookup_elem(&kept, &key);
    if (!value) { return 0; }
    struct owner *owner = value->owner;
    if (owner) { value->owner = (void *)owner + 4; } /* refused: kernel_field */
    return 0;
}

struct guarded { struct bpf_spin_lock lock; u32 count; };
MAP(shared, BPF_MAP_TYPE_ARRAY, u32, struct guarded, 1);
NOINLINE int inside(u32 n) { __asm__ volatile("" : "+r"(n)); return n; }
__attribute__((noinline)) int outside(u32 n) { __asm__ volatile("" : "+r"(n)); return n; }
SEC("tc") int good_locked(struct __sk_buff *c) {
    u32 key = 0;
    struct guarded *value = map_lookup_elem(&shared, &key);
    if (!value) { return 0; }
    spin_lock(&value->lock);
    value->count = inside(c->len);
    spin_unlock(&value->lock);
    return 0;
}
SEC("tc") int bad_locked(struct __sk_buff *c) {
    u32 key = 0;
    struct guarded *value = map_lookup_elem(&shared, &key);
    if (!value) { return 0; }
    spin_lock(&value->lock);
    value->count = outside(c->len); /* refused: reference_leak */
    spin_unlock(&value->lock);
    return 0;
}
