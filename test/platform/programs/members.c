/* Programs that implement members of the kernel's structs of functions: what they get, write and call. */
#include "program.h"

char license_text[] SEC("license") = "GPL";

#define KERNEL __attribute__((section(".ksyms")))
#define TCP(member, program) SEC(".struct_ops.link") struct tcp_congestion_ops program##_ops = {.member = (void *)program}
#define SCHEDULER(member, program) SEC(".struct_ops.link") struct sched_ext_ops program##_ops = {.member = (void *)program}
#define HID(member, program) SEC(".struct_ops.link") struct hid_bpf_ops program##_ops = {.member = (void *)program}
#define DUMMY(member, program) SEC(".struct_ops") struct bpf_dummy_ops program##_ops = {.member = (void *)program}

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct sock { u64 sk_pacing_rate; u32 sk_pacing_status, sk_mark; };
struct inet_connection_sock { struct sock sk; struct { u8 pending, quick; } icsk_ack; u64 icsk_ca_priv[13]; };
struct tcp_sock { struct inet_connection_sock inet_conn; u32 snd_cwnd, snd_cwnd_cnt, snd_cwnd_stamp, snd_ssthresh, snd_una; u8 ecn_flags; };
struct ack_sample { u32 pkts_acked; int rtt_us; u32 in_flight; };
struct tcp_congestion_ops {
    u32 (*ssthresh)(struct sock *);
    void (*cong_avoid)(struct sock *, u32, u32);
    void (*pkts_acked)(struct sock *, const struct ack_sample *);
    void (*init)(struct sock *);
    void (*release)(struct sock *);
};

struct cpumask { u64 bits[1]; };
struct bpf_cpumask { struct cpumask mask; u32 usage; };
struct scx { u32 weight; u64 slice, dsq_vtime; };
struct task_struct { struct cpumask *cpus_ptr, *user_cpus_ptr; struct scx scx; char comm[16]; char other[8]; struct cpumask cpus_mask, kept; };
struct sched_ext_ops {
    int (*select_cpu)(struct task_struct *, int, u64);
    void (*enqueue)(struct task_struct *, u64);
    void (*dispatch)(int, struct task_struct *);
    int (*init)(void);
};

struct hid_device { u32 id; char name[16]; };
struct hid_bpf_ctx { struct hid_device *hid; u32 allocated_size; int retval; };
struct hid_bpf_ops {
    int (*hid_device_event)(struct hid_bpf_ctx *, u32, u64);
    int (*hid_rdesc_fixup)(struct hid_bpf_ctx *);
};

struct bpf_dummy_ops_state { int val; };
struct bpf_dummy_ops { int (*test_1)(struct bpf_dummy_ops_state *); int (*test_sleepable)(struct bpf_dummy_ops_state *); };

struct path { void *mount, *dentry; };
struct file { u64 flags; struct path f_path, other; };
#pragma clang attribute pop

extern u32 tcp_reno_ssthresh(void *) KERNEL;
extern void cubictcp_acked(void *, void *) KERNEL;
extern int scx_bpf_pick_idle_cpu(const struct cpumask *, u64) KERNEL;
extern const struct cpumask *scx_bpf_get_online_cpumask(void) KERNEL;
extern void scx_bpf_put_cpumask(const struct cpumask *) KERNEL;
extern int scx_bpf_create_dsq(u64, int) KERNEL;
extern int scx_bpf_select_cpu_dfl(void *, int, u64, _Bool *) KERNEL;
extern u8 *hid_bpf_get_data(void *, u32, u64) KERNEL;
extern u32 bpf_cpumask_first(const struct cpumask *) KERNEL;
extern void bpf_rcu_read_lock(void) KERNEL;
extern void bpf_rcu_read_unlock(void) KERNEL;
extern int bpf_path_d_path(struct path *, char *, u64) KERNEL;
struct bpf_iter_scx_dsq { u64 opaque[6]; };
extern int bpf_iter_scx_dsq_new(struct bpf_iter_scx_dsq *, u64, u64) KERNEL;
extern struct task_struct *bpf_iter_scx_dsq_next(struct bpf_iter_scx_dsq *) KERNEL;
extern void bpf_iter_scx_dsq_destroy(struct bpf_iter_scx_dsq *) KERNEL;
extern _Bool scx_bpf_dispatch_from_dsq(struct bpf_iter_scx_dsq *, void *, u64, u64) KERNEL;
HELPER(long, setsockopt, void *, int, int, void *, int);

struct owned { struct bpf_cpumask __attribute__((btf_type_tag("kptr"))) *mask; };
MAP(owned, BPF_MAP_TYPE_ARRAY, u32, struct owned, 1);

SEC("struct_ops") void good_written(u64 *c) { ((struct tcp_sock *)c[0])->snd_cwnd = 2; }
SEC("struct_ops") void bad_written(u64 *c) {
    ((struct tcp_sock *)c[0])->snd_una = 2; /* refused: context_read_only */
}
TCP(init, good_written);
TCP(init, bad_written);

SEC("struct_ops") void good_first(u64 *c) { *(volatile u16 *)&((struct tcp_sock *)c[0])->snd_cwnd = 2; }
SEC("struct_ops") void bad_first(u64 *c) {
    *((volatile u16 *)&((struct tcp_sock *)c[0])->snd_cwnd + 1) = 2; /* refused: context_read_only */
}
TCP(init, good_first);
TCP(init, bad_first);

SEC("struct_ops") void good_private(u64 *c) { ((struct inet_connection_sock *)c[0])->icsk_ca_priv[12] = c[1]; }
SEC("struct_ops") void bad_private(u64 *c) {
    ((volatile u64 *)((struct inet_connection_sock *)c[0])->icsk_ca_priv)[13] = c[1]; /* refused: context_read_only */
}
TCP(cong_avoid, good_private);
TCP(cong_avoid, bad_private);

SEC("struct_ops") void good_end(u64 *c) { ((struct tcp_sock *)c[0])->ecn_flags = ((struct tcp_sock *)c[0])->snd_una; }
SEC("struct_ops") void bad_end(u64 *c) {
    ((struct tcp_sock *)c[0])->ecn_flags = ((volatile struct tcp_sock *)c[0])[1].snd_una; /* refused: context_out_of_bounds */
}
TCP(init, good_end);
TCP(init, bad_end);

SEC("struct_ops") u32 good_reno(u64 *c) { return tcp_reno_ssthresh((void *)c[0]); }
SEC("struct_ops") u32 bad_reno(u64 *c) {
    return tcp_reno_ssthresh((void *)c[1]); /* refused: helper_argument */
}
TCP(ssthresh, good_reno);
TCP(pkts_acked, bad_reno);

SEC("struct_ops") void good_acked(u64 *c) { cubictcp_acked((void *)c[0], (void *)c[1]); }
SEC("struct_ops") void bad_acked(u64 *c) {
    cubictcp_acked((void *)c[0], (void *)c[0]); /* refused: helper_argument */
}
TCP(pkts_acked, good_acked);
TCP(pkts_acked, bad_acked);

SEC("struct_ops") void good_option(u64 *c) { setsockopt((void *)c[0], 6, 13, "cubic", 5); }
SEC("struct_ops") void bad_option(u64 *c) {
    setsockopt((void *)c[0], 6, 13, "cubic", 5); /* refused: unknown_helper */
}
TCP(init, good_option);
TCP(release, bad_option);

SEC("struct_ops") void good_argument(u64 *c) { ((struct tcp_sock *)c[0])->snd_cwnd = c[2]; }
SEC("struct_ops") void bad_argument(u64 *c) {
    ((struct tcp_sock *)c[0])->snd_cwnd = c[3]; /* refused: context_out_of_bounds */
}
TCP(cong_avoid, good_argument);
TCP(cong_avoid, bad_argument);

SEC("struct_ops") void good_number(u64 *c) { ((struct tcp_sock *)c[0])->snd_cwnd = ((struct ack_sample *)c[1])->in_flight; }
SEC("struct_ops") void bad_number(u64 *c) {
    ((struct tcp_sock *)c[0])->snd_cwnd = ((struct ack_sample *)c[1])->in_flight; /* refused: not_a_pointer */
}
TCP(pkts_acked, good_number);
TCP(cong_avoid, bad_number);

SEC("struct_ops") void good_slice(u64 *c) { ((struct task_struct *)c[0])->scx.slice = 5; }
SEC("struct_ops") void bad_slice(u64 *c) {
    ((struct task_struct *)c[0])->scx.weight = 5; /* refused: context_read_only */
}
SCHEDULER(enqueue, good_slice);
SCHEDULER(enqueue, bad_slice);

SEC("struct_ops") void good_previous(u64 *c) {
    struct task_struct *previous = (void *)c[1];
    if (previous) { previous->scx.slice = 5; }
}
SEC("struct_ops") void bad_previous(u64 *c) {
    ((struct task_struct *)c[1])->scx.slice = 5; /* refused: null_dereference */
}
SCHEDULER(dispatch, good_previous);
SCHEDULER(dispatch, bad_previous);

SEC("struct_ops") int good_given(u64 *c) {
    const struct cpumask *mask = scx_bpf_get_online_cpumask();
    int cpu = scx_bpf_pick_idle_cpu(mask, 0);
    scx_bpf_put_cpumask(mask);
    return cpu;
}
SEC("struct_ops") int bad_given(u64 *c) {
    const struct cpumask *mask = scx_bpf_get_online_cpumask();
    return scx_bpf_pick_idle_cpu(mask, 0); /* refused: reference_leak */
}
SCHEDULER(select_cpu, good_given);
SCHEDULER(select_cpu, bad_given);

SEC("struct_ops") int good_pick(u64 *c) { return scx_bpf_pick_idle_cpu(((struct task_struct *)c[0])->cpus_ptr, 0); }
SEC("struct_ops") int bad_pick(u64 *c) {
    return scx_bpf_pick_idle_cpu(((struct task_struct *)c[0])->user_cpus_ptr, 0); /* refused: helper_argument */
}
SCHEDULER(select_cpu, good_pick);
SCHEDULER(select_cpu, bad_pick);

SEC("struct_ops") int good_inside(u64 *c) { return scx_bpf_pick_idle_cpu(&((struct task_struct *)c[0])->cpus_mask, 0); }
SEC("struct_ops") int bad_inside(u64 *c) {
    return scx_bpf_pick_idle_cpu(&((struct task_struct *)c[0])->kept, 0); /* refused: helper_argument */
}
SCHEDULER(select_cpu, good_inside);
SCHEDULER(select_cpu, bad_inside);

SEC("struct_ops") void good_tasks(u64 *c) {
    struct bpf_iter_scx_dsq tasks;
    struct task_struct *task;
    bpf_iter_scx_dsq_new(&tasks, 1, 0);
    while ((task = bpf_iter_scx_dsq_next(&tasks))) { scx_bpf_dispatch_from_dsq(&tasks, task, 2, 0); }
    bpf_iter_scx_dsq_destroy(&tasks);
}
SEC("struct_ops") void bad_tasks(u64 *c) {
    struct bpf_iter_scx_dsq tasks;
    bpf_iter_scx_dsq_new(&tasks, 1, 0);
    scx_bpf_dispatch_from_dsq(&tasks, bpf_iter_scx_dsq_next(&tasks), 2, 0); /* refused: helper_argument */
    bpf_iter_scx_dsq_destroy(&tasks);
}
SCHEDULER(dispatch, good_tasks);
SCHEDULER(dispatch, bad_tasks);

SEC("struct_ops.s") int good_reading(u64 *c) {
    struct bpf_iter_scx_dsq tasks;
    bpf_rcu_read_lock();
    bpf_iter_scx_dsq_new(&tasks, 1, 0);
    bpf_iter_scx_dsq_destroy(&tasks);
    bpf_rcu_read_unlock();
    return 0;
}
SEC("struct_ops.s") int bad_reading(u64 *c) {
    struct bpf_iter_scx_dsq tasks;
    bpf_iter_scx_dsq_new(&tasks, 1, 0); /* refused: helper_argument */
    bpf_iter_scx_dsq_destroy(&tasks);
    return 0;
}
SCHEDULER(init, good_reading);
SCHEDULER(init, bad_reading);

SEC("struct_ops.s") int good_ended(u64 *c) {
    struct bpf_iter_scx_dsq tasks;
    bpf_rcu_read_lock();
    bpf_iter_scx_dsq_new(&tasks, 1, 0);
    struct task_struct *task = bpf_iter_scx_dsq_next(&tasks);
    if (task) { scx_bpf_dispatch_from_dsq(&tasks, task, 2, 0); }
    bpf_iter_scx_dsq_destroy(&tasks);
    bpf_rcu_read_unlock();
    return 0;
}
SEC("struct_ops.s") int bad_ended(u64 *c) {
    struct bpf_iter_scx_dsq tasks;
    bpf_rcu_read_lock();
    bpf_iter_scx_dsq_new(&tasks, 1, 0);
    bpf_rcu_read_unlock(); /* refused: helper_argument */
    bpf_iter_scx_dsq_destroy(&tasks);
    return 0;
}
SCHEDULER(init, good_ended);
SCHEDULER(init, bad_ended);

SEC("struct_ops") int good_idle(u64 *c) {
    _Bool idle = 0;
    return scx_bpf_select_cpu_dfl((void *)c[0], c[1], c[2], &idle);
}
SEC("struct_ops") int bad_idle(u64 *c) {
    return scx_bpf_select_cpu_dfl((void *)c[0], c[1], c[2], 0); /* refused: helper_argument */
}
SCHEDULER(select_cpu, good_idle);
SCHEDULER(select_cpu, bad_idle);

SEC("struct_ops.s") int good_queue(u64 *c) { return scx_bpf_create_dsq(1, -1); }
SEC("struct_ops") int bad_queue(u64 *c) {
    return scx_bpf_create_dsq(1, -1); /* refused: unknown_helper */
}
SCHEDULER(init, good_queue);
SCHEDULER(init, bad_queue);

SEC("struct_ops") int good_name(u64 *c) { return strncmp(((struct task_struct *)c[0])->comm, 16, "x"); }
SEC("struct_ops") int bad_name(u64 *c) {
    return strncmp(((struct task_struct *)c[0])->other, 8, "x"); /* refused: helper_argument */
}
SCHEDULER(select_cpu, good_name);
SCHEDULER(select_cpu, bad_name);

SEC("struct_ops") int good_owned(u64 *c) {
    u32 key = 0;
    struct owned *value = map_lookup_elem(&owned, &key);
    struct bpf_cpumask *mask = value ? value->mask : 0;
    return mask ? bpf_cpumask_first(&mask->mask) : 0;
}
SEC("struct_ops.s") int bad_owned(u64 *c) {
    u32 key = 0;
    struct owned *value = map_lookup_elem(&owned, &key);
    struct bpf_cpumask *mask = value ? value->mask : 0;
    return mask ? bpf_cpumask_first(&mask->mask) : 0; /* refused: helper_argument */
}
SCHEDULER(select_cpu, good_owned);
SCHEDULER(init, bad_owned);

SEC("struct_ops.s") int good_protected(u64 *c) {
    u32 key = 0, first = 0;
    struct owned *value = map_lookup_elem(&owned, &key);
    if (!value) { return 0; }
    bpf_rcu_read_lock();
    struct bpf_cpumask *mask = value->mask;
    if (mask) { first = bpf_cpumask_first(&mask->mask); }
    bpf_rcu_read_unlock();
    return first;
}
SEC("struct_ops.s") int bad_protected(u64 *c) {
    u32 key = 0, first = 0;
    struct owned *value = map_lookup_elem(&owned, &key);
    if (!value) { return 0; }
    bpf_rcu_read_lock();
    struct bpf_cpumask *mask = value->mask;
    bpf_rcu_read_unlock();
    return mask ? bpf_cpumask_first(&mask->mask) : 0; /* refused: helper_argument */
}
SCHEDULER(init, good_protected);
SCHEDULER(init, bad_protected);

SEC("struct_ops") int good_data(u64 *c) {
    u8 *data = hid_bpf_get_data((void *)c[0], 0, 4);
    return data ? data[3] : 0;
}
SEC("struct_ops") int bad_data(u64 *c) {
    u8 *data = hid_bpf_get_data((void *)c[0], 0, 4);
    return data ? data[4] : 0; /* refused: memory_out_of_bounds */
}
HID(hid_device_event, good_data);
HID(hid_device_event, bad_data);

SEC("struct_ops") int good_known(u64 *c) { return hid_bpf_get_data((void *)c[0], c[1], 4) != 0; }
SEC("struct_ops") int bad_known(u64 *c) {
    return hid_bpf_get_data((void *)c[0], 0, c[1]) != 0; /* refused: helper_argument */
}
HID(hid_device_event, good_known);
HID(hid_device_event, bad_known);

SEC("struct_ops") int good_result(u64 *c) { return ((struct hid_bpf_ctx *)c[0])->retval = 1; }
SEC("struct_ops") int bad_result(u64 *c) {
    return ((struct hid_bpf_ctx *)c[0])->allocated_size = 1; /* refused: context_read_only */
}
HID(hid_device_event, good_result);
HID(hid_device_event, bad_result);

SEC("struct_ops") int good_device(u64 *c) { return ((struct hid_bpf_ctx *)c[0])->hid->name[14] = 1; }
SEC("struct_ops") int bad_device(u64 *c) {
    return ((struct hid_bpf_ctx *)c[0])->hid->name[15] = 1; /* refused: context_read_only */
}
HID(hid_rdesc_fixup, good_device);
HID(hid_rdesc_fixup, bad_device);

SEC("struct_ops") int good_state(u64 *c) {
    struct bpf_dummy_ops_state *state = (void *)c[0];
    return state ? state->val = 1 : 0;
}
SEC("struct_ops") int bad_state(u64 *c) {
    return ((struct bpf_dummy_ops_state *)c[0])->val = 1; /* refused: null_dereference */
}
DUMMY(test_1, good_state);
DUMMY(test_1, bad_state);

SEC("struct_ops.s") int good_helper(u64 *c) { return ((struct bpf_dummy_ops_state *)c[0])->val = 1; }
SEC("struct_ops.s") int bad_helper(u64 *c) {
    return ((struct bpf_dummy_ops_state *)c[0])->val = ktime_get_ns(); /* refused: unknown_helper */
}
DUMMY(test_sleepable, good_helper);
DUMMY(test_sleepable, bad_helper);

SEC("lsm/file_open") int good_held(u64 *c) {
    char text[16];
    bpf_path_d_path(&((struct file *)c[0])->f_path, text, sizeof(text));
    return 0;
}
SEC("lsm/file_open") int bad_held(u64 *c) {
    char text[16];
    bpf_path_d_path(&((struct file *)c[0])->other, text, sizeof(text)); /* refused: helper_argument */
    return 0;
}
