/* What tracepoints and security hooks hand over: tasks, cgroups, files and paths, which are known to be ones. */
#include "program.h"

#define KSYM __attribute__((section(".ksyms")))
struct task_struct;
struct cgroup;
struct file;
struct path;
extern struct task_struct *bpf_task_acquire(struct task_struct *) KSYM;
extern void bpf_task_release(struct task_struct *) KSYM;
extern struct cgroup *bpf_cgroup_acquire(struct cgroup *) KSYM;
extern void bpf_cgroup_release(struct cgroup *) KSYM;
extern struct file *bpf_get_task_exe_file(struct task_struct *) KSYM;
extern void bpf_put_file(struct file *) KSYM;
extern int bpf_path_d_path(struct path *, char *, unsigned long) KSYM;
static char text[64];

INLINE int keep(u64 at) {
    struct task_struct *task = bpf_task_acquire((void *)at);
    if (task) { bpf_task_release(task); }
    return 0;
}

SEC("tp_btf/task_newtask") int good_task(u64 *c) { return keep(c[0]); }
SEC("tp_btf/sys_enter") int bad_task(u64 *c) {
    struct task_struct *task = bpf_task_acquire((void *)c[0]); /* refused: helper_argument */
    if (task) { bpf_task_release(task); }
    return 0;
}

SEC("tp_btf/sched_switch") int good_switch(u64 *c) { return keep(c[1]) + keep(c[2]); }
SEC("tp_btf/sched_switch") int bad_switch(u64 *c) {
    struct task_struct *task = bpf_task_acquire((void *)c[3]); /* refused: helper_argument */
    if (task) { bpf_task_release(task); }
    return 0;
}

SEC("tp_btf/cgroup_mkdir") int good_cgroup(u64 *c) {
    struct cgroup *group = bpf_cgroup_acquire((void *)c[0]);
    if (group) { bpf_cgroup_release(group); }
    return 0;
}
SEC("tp_btf/cgroup_mkdir") int bad_cgroup(u64 *c) {
    struct task_struct *task = bpf_task_acquire((void *)c[0]); /* refused: helper_argument */
    if (task) { bpf_task_release(task); }
    return 0;
}

SEC("lsm.s/task_alloc") int good_file(u64 *c) {
    struct file *file = bpf_get_task_exe_file((void *)c[0]);
    if (file) { bpf_put_file(file); }
    return 0;
}
SEC("lsm/file_open") int bad_file(u64 *c) {
    bpf_put_file((void *)c[0]); /* refused: helper_argument */
    return 0;
}

SEC("lsm/inode_getattr") int good_path(u64 *c) { return bpf_path_d_path((void *)c[0], text, sizeof(text)) & 0; }
SEC("lsm/inode_getattr") int bad_path(u64 *c) {
    return bpf_path_d_path((void *)c[0], text, 2 * sizeof(text)) & 0; /* refused: helper_memory */
}
