/* Tracepoints, kprobes, perf events: records for ring buffers, reads of the kernel's memory. */
#include "program.h"

struct record { u64 time; u32 pid; char name[16]; char path[64]; };
struct frames { u64 addresses[127]; };
struct registers { u64 values[42]; };

struct { UINT(type, BPF_MAP_TYPE_RINGBUF); UINT(max_entries, 65536); } ring SEC(".maps");
MAP(events, BPF_MAP_TYPE_PERF_EVENT_ARRAY, u32, u32, 64);
MAP(stacks, BPF_MAP_TYPE_STACK_TRACE, u32, struct frames, 64);
MAP(starts, BPF_MAP_TYPE_HASH, u64, u64, 1024);
MAP(heap, BPF_MAP_TYPE_PERCPU_ARRAY, u32, struct record, 1);
/* A queue has no keys. */
struct { UINT(type, BPF_MAP_TYPE_QUEUE); UINT(key_size, 0); UINT(value_size, 8); UINT(max_entries, 8); } works SEC(".maps");
static volatile const u32 limit = 3;
static u32 seen;

SEC("tracepoint/syscalls/sys_enter_openat") int good_record(u64 *c) {
    struct record *r = ringbuf_reserve(&ring, sizeof(*r), 0);
    if (!r) { return 0; }
    r->time = ktime_get_ns();
    r->pid = get_current_pid_tgid() >> 32;
    get_current_comm(r->name, sizeof(r->name));
    if (probe_read_kernel_str(r->path, sizeof(r->path), (void *)c[3]) < 0) {
        ringbuf_discard(r, 0);
        return 0;
    }
    ringbuf_submit(r, 0);
    return 0;
}

SEC("tracepoint/syscalls/sys_enter_openat") int bad_record(u64 *c) {
    struct record *r = ringbuf_reserve(&ring, sizeof(*r), 0);
    if (!r) { return 0; }
    if (probe_read_kernel_str(r->path, sizeof(r->path), (void *)c[3]) < 0) {
        return 0;
    }
    ringbuf_submit(r, 0);
    return 0;
} /* refused: reference_leak */

SEC("tp/sched/sched_switch") int good_twice(void *c) {
    u64 *r = ringbuf_reserve(&ring, 8, 0);
    if (r) {
        *r = 1;
        ringbuf_submit(r, 0);
    }
    return 0;
}
SEC("tp/sched/sched_switch") int bad_twice(void *c) {
    u64 *r = ringbuf_reserve(&ring, 8, 0);
    if (r) {
        ringbuf_submit(r, 0);
        *r = 1; /* refused: use_after_release */
    }
    return 0;
}

SEC("kprobe/do_unlinkat") int good_start(struct registers *c) {
    u64 id = get_current_pid_tgid(), now = ktime_get_ns();
    map_update_elem(&starts, &id, &now, BPF_ANY);
    return 0;
}
SEC("kprobe/do_unlinkat") int bad_start(struct registers *c) {
    return c->values[42]; /* refused: context_out_of_bounds */
}

SEC("kretprobe/do_unlinkat") int good_took(struct registers *c) {
    u64 id = get_current_pid_tgid();
    u64 *start = map_lookup_elem(&starts, &id);
    if (!start) { return 0; }
    u64 took = ktime_get_ns() - *start;
    perf_event_output(c, &events, BPF_F_CURRENT_CPU, &took, sizeof(took));
    return 0;
}
SEC("kretprobe/do_unlinkat") int bad_took(struct registers *c) {
    u64 id = get_current_pid_tgid();
    u64 *start = map_lookup_elem(&starts, &id);
    return *start; /* refused: null_dereference */
}

SEC("raw_tracepoint/sys_enter") int good_arguments(struct bpf_raw_tracepoint_args *c) {
    u64 number = 0;
    probe_read_kernel(&number, sizeof(number), (void *)c->args[0]);
    return number == 3;
}
SEC("raw_tracepoint/sys_enter") int bad_arguments(struct bpf_raw_tracepoint_args *c) {
    return *(u64 *)c->args[0]; /* refused: not_a_pointer */
}

SEC("perf_event") int good_stack(void *c) { return get_stackid(c, &stacks, 0); }
SEC("perf_event") int bad_stack(void *c) {
    return get_stackid(c, &starts, 0); /* refused: helper_argument */
}

SEC("kprobe/length") int good_length(struct registers *c) {
    u32 zero = 0;
    struct record *r = map_lookup_elem(&heap, &zero);
    if (!r) { return 0; }
    long length = probe_read_kernel_str(r->path, sizeof(r->path), (void *)c->values[14]);
    if (length > 0) { perf_event_output(c, &events, BPF_F_CURRENT_CPU, r->path, length); }
    return 0;
}
SEC("kprobe/length") int bad_length(struct registers *c) {
    u32 zero = 0;
    struct record *r = map_lookup_elem(&heap, &zero);
    if (!r) { return 0; }
    long length = probe_read_kernel_str(r->path, sizeof(r->path), (void *)c->values[14]);
    if (length > 0) { perf_event_output(c, &events, BPF_F_CURRENT_CPU, r->path, length + 8); } /* refused: helper_memory */
    return 0;
}

SEC("uprobe/globals") int good_globals(struct registers *c) {
    seen++;
    return seen > limit;
}
SEC("uprobe/globals") int bad_globals(struct registers *c) {
    *(volatile u32 *)&limit = 4; /* refused: map_read_only */
    return 0;
}

SEC("tracepoint/queue") int good_queue(void *c) {
    u64 work = ktime_get_ns();
    map_push_elem(&works, &work, BPF_ANY);
    return map_pop_elem(&works, &work) == 0 && work;
}
SEC("tracepoint/queue") int bad_queue(void *c) {
    u64 work = 0;
    return map_update_elem(&works, &work, &work, 0); /* refused: helper_argument */
}

NOINLINE int step(u32 i, void *c) { return i == 7; }
NOINLINE long turn(u32 count) { return loop(count & 15, step, 0, 0); }
SEC("tracepoint/turns") int good_turns(void *c) { return turn(ktime_get_ns()); }
NOINLINE int step_wide(u32 i, void *c) { return i; } /* refused: bad_exit_value */
NOINLINE long turn_wide(u32 count) { return loop(count & 15, step_wide, 0, 0); }
SEC("tracepoint/turns") int bad_turns(void *c) { return turn_wide(ktime_get_ns()); }

/* Eight letters and no end. */
static const char name[8] __attribute__((section(".rodata.name"))) = "velocity";
static const volatile char known[8] = "veloci";
static char heard[8];
SEC("tracepoint/names") int good_name(void *c) { return strncmp(heard, sizeof(heard), (const char *)known); }
SEC("tracepoint/names") int bad_name(void *c) {
    return strncmp(heard, sizeof(heard), name); /* refused: helper_argument */
}

static const volatile u32 at = 5;
SEC("kprobe/at") int good_known(void *c) { return heard[at]; }
static const volatile u32 behind = 8;
SEC("kprobe/at") int bad_known(void *c) {
    return heard[behind]; /* refused: map_value_out_of_bounds */
}

extern const void schedule __attribute__((section(".ksyms")));
SEC("kprobe/variable") int good_variable(void *c) { return seen == (u32)(u64)&schedule; }
extern const char boot_command_line[2048] __attribute__((section(".ksyms")));
SEC("kprobe/variable") int bad_variable(void *c) {
    return boot_command_line[0]; /* refused: kernel_variable */
}
