/* Objects that are kept in maps: exchanged for others that are owned. */
#include "program.h"

#define KSYM __attribute__((section(".ksyms")))
#define OWNED __attribute__((btf_type_tag("kptr")))
struct task_struct { u64 flags; };
struct cgroup { u64 flags; };
struct keeper { u64 count; struct task_struct OWNED *task; struct cgroup OWNED *group; };
MAP(keepers, BPF_MAP_TYPE_ARRAY, u32, struct keeper, 1);
HELPER(void *, kptr_xchg, void *, void *);
HELPER(void *, get_current_task_btf, void);
extern struct task_struct *bpf_task_from_pid(int pid) KSYM;
extern void bpf_task_release(struct task_struct *) KSYM;

INLINE struct keeper *keeper(void) {
    u32 key = 0;
    return map_lookup_elem(&keepers, &key);
}

SEC("tp_btf/sys_enter") int good_kept(u64 *c) {
    struct keeper *k = keeper();
    struct task_struct *task = k ? bpf_task_from_pid(1) : 0;
    if (!task) { return 0; }
    task = kptr_xchg(&k->task, task);
    if (task) { bpf_task_release(task); }
    return 0;
}
SEC("tp_btf/sys_enter") int bad_kept(u64 *c) {
    struct keeper *k = keeper();
    struct task_struct *task = k ? bpf_task_from_pid(1) : 0;
    if (!task) { return 0; }
    kptr_xchg(&k->task, task);
    return 0;
} /* refused: reference_leak */

SEC("tp_btf/sys_enter") int good_taken(u64 *c) {
    struct keeper *k = keeper();
    struct task_struct *task = k ? kptr_xchg(&k->task, 0) : 0;
    if (task) { bpf_task_release(task); }
    return 0;
}
SEC("tp_btf/sys_enter") int bad_taken(u64 *c) {
    struct keeper *k = keeper();
    struct task_struct *task = k ? kptr_xchg(&k->group, 0) : 0;
    if (task) { bpf_task_release(task); } /* refused: helper_argument */
    return 0;
}

SEC("tp_btf/sys_enter") int good_given(u64 *c) {
    struct keeper *k = keeper();
    struct task_struct *task = bpf_task_from_pid(1);
    if (!task) { return 0; }
    task = k ? kptr_xchg(&k->task, task) : task;
    if (task) { bpf_task_release(task); }
    return 0;
}
SEC("tp_btf/sys_enter") int bad_given(u64 *c) {
    struct keeper *k = keeper();
    struct task_struct *task = k ? kptr_xchg(&k->task, get_current_task_btf()) : 0; /* refused: helper_argument */
    if (task) { bpf_task_release(task); }
    return 0;
}

SEC("tp_btf/sys_enter") int good_place(u64 *c) {
    struct keeper *k = keeper();
    struct task_struct *task = k && k->count ? kptr_xchg(&k->task, 0) : 0;
    if (task) { bpf_task_release(task); }
    return 0;
}
SEC("tp_btf/sys_enter") int bad_place(u64 *c) {
    struct keeper *k = keeper();
    struct task_struct *task = k ? kptr_xchg(&k->count, 0) : 0; /* refused: helper_argument */
    if (task) { bpf_task_release(task); }
    return 0;
}

SEC("tp_btf/sys_enter") int good_owner(u64 *c) {
    struct keeper *k = keeper();
    struct task_struct *task = k ? bpf_task_from_pid(1) : 0;
    if (!task) { return 0; }
    u64 flags = task->flags;
    task = kptr_xchg(&k->task, task);
    if (task) { bpf_task_release(task); }
    return flags == 1;
}
SEC("tp_btf/sys_enter") int bad_owner(u64 *c) {
    struct keeper *k = keeper();
    struct task_struct *task = k ? bpf_task_from_pid(1) : 0, *before;
    if (!task) { return 0; }
    before = kptr_xchg(&k->task, task);
    if (before) { bpf_task_release(before); }
    return task->flags == 1; /* refused: use_after_release */
}

/* Eleven such places are known in the values of a map; of a map with more, none is. */
struct eleven { struct task_struct OWNED *task[11]; };
struct twelve { struct task_struct OWNED *task[12]; };
MAP(elevens, BPF_MAP_TYPE_ARRAY, u32, struct eleven, 1);
MAP(twelves, BPF_MAP_TYPE_ARRAY, u32, struct twelve, 1);
SEC("tp_btf/sys_enter") int good_many(u64 *c) {
    u32 key = 0;
    struct eleven *many = map_lookup_elem(&elevens, &key);
    struct task_struct *task = many ? kptr_xchg(&many->task[10], 0) : 0;
    if (task) { bpf_task_release(task); }
    return 0;
}
SEC("tp_btf/sys_enter") int bad_many(u64 *c) {
    u32 key = 0;
    struct twelve *many = map_lookup_elem(&twelves, &key);
    struct task_struct *task = many ? kptr_xchg(&many->task[10], 0) : 0; /* refused: helper_argument */
    if (task) { bpf_task_release(task); }
    return 0;
}
