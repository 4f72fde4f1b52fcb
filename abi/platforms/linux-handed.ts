/** What tracepoints, security hooks and members of structs hand over that is more than an address: arguments that are never null and stay for as long as the program runs (Linux include/trace/events, include/linux/lsm_hook_defs.h; prog_args_trusted()). */
import type { ObjectKind } from './platform.ts';

/** As enum bpf_handed in kernel-aarch64/bpf/program.h orders them. */
export const HANDED = [
  'address',
  'task',
  'cgroup',
  'file',
  'path',
  'number',
  'tcp',
  'ack_sample',
  'rate_sample',
  'mask',
  'hid_context',
  'dummy_state',
  'dentry',
  'task_or_null',
  'dummy_state_or_null',
] as const satisfies readonly (ObjectKind | `${ObjectKind}_or_null` | 'address' | 'number')[];
export type Handed = (typeof HANDED)[number];

/** By their first arguments, where `address` says nothing: who hands these over. */
const rows: readonly (readonly [how: string, args: string, names: string])[] = [
  [
    'tp_btf',
    'task',
    'task_newtask task_rename sched_kthread_stop sched_waking sched_wakeup sched_wakeup_new sched_migrate_task sched_process_free sched_process_exit sched_wait_task sched_process_exec sched_stat_wait sched_stat_sleep sched_stat_iowait sched_stat_blocked sched_stat_runtime sched_pi_setprio',
  ],
  ['tp_btf', 'task task', 'sched_process_fork'],
  ['tp_btf', 'address task task', 'sched_switch'],
  ['tp_btf', 'address address task', 'signal_generate'],
  [
    'tp_btf',
    'cgroup',
    'cgroup_mkdir cgroup_rmdir cgroup_release cgroup_rename cgroup_freeze cgroup_unfreeze',
  ],
  ['tp_btf', 'cgroup address task', 'cgroup_attach_task cgroup_transfer_tasks'],
  [
    'lsm',
    'task',
    'task_alloc task_setpgid task_getpgid task_getsid task_setnice task_setioprio task_getioprio task_setscheduler task_getscheduler task_movememory task_kill task_to_inode ptrace_access_check ptrace_traceme',
  ],
  [
    'lsm',
    'file',
    'file_open file_permission file_ioctl file_lock file_fcntl file_receive file_set_fowner file_truncate file_post_open',
  ],
  ['lsm', 'path', 'inode_getattr path_chmod path_chown path_chroot path_truncate path_notify'],
  ['lsm', 'path dentry', 'path_unlink path_mkdir path_rmdir path_symlink path_mknod'],
  ['lsm', 'dentry path dentry', 'path_link'],
  ['lsm', 'path dentry path dentry', 'path_rename'],
  [
    'lsm',
    'dentry',
    'inode_getxattr inode_listxattr inode_readlink inode_follow_link inode_need_killpriv inode_post_setxattr sb_statfs',
  ],
  [
    'lsm',
    'address dentry',
    'inode_setattr inode_setxattr inode_removexattr inode_create inode_mkdir inode_mknod inode_symlink inode_unlink inode_rmdir',
  ],
  ['lsm', 'dentry address dentry', 'inode_link'],
  ['lsm', 'address dentry address dentry', 'inode_rename'],
];

const handed = new Map<string, Handed[]>(
  rows.flatMap(([how, args, names]) =>
    names.split(' ').map((name) => [`${how}/${name}`, args.split(' ') as Handed[]] as const),
  ),
);

/** By the number of the argument, of a program whose section is named so. */
export const handedAt = (section: string): readonly Handed[] =>
  handed.get(section.replace(/^\?/, '').replace(/^lsm\.s\//, 'lsm/')) ?? [];
