/** Helpers that Linux closes by where a program attaches, beside its type: bpf_d_path_allowed(), bpf_sk_storage_tracing_allowed() and the get_func_proto callbacks of Linux 6.18. */

/** Functions in which the path of a file can be asked (btf_allowlist_d_path). */
const withPath = new Set(
  'security_file_permission security_inode_getattr security_file_open security_path_truncate vfs_truncate vfs_fallocate dentry_open vfs_getattr filp_close'.split(
    ' ',
  ),
);

/** Security hooks that may sleep (sleepable_lsm_hooks). */
const sleeping = new Set(
  'bpf bpf_map bpf_map_create bpf_map_free bpf_prog bpf_prog_load bpf_prog_free bpf_token_create bpf_token_free bpf_token_cmd bpf_token_capable bprm_check_security bprm_committed_creds bprm_committing_creds bprm_creds_for_exec bprm_creds_from_file capget capset cred_prepare file_ioctl file_lock file_open file_post_open file_receive inode_create inode_free_security inode_getattr inode_getxattr inode_mknod inode_need_killpriv inode_post_setxattr inode_readlink inode_rename inode_rmdir inode_setattr inode_setxattr inode_symlink inode_unlink kernel_module_request kernel_read_file kernfs_init_security path_unlink path_mkdir path_rmdir path_truncate path_symlink path_link path_rename path_chmod path_chown mmap_file netlink_send path_notify release_secctx sb_alloc_security sb_eat_lsm_opts sb_kern_mount sb_mount sb_remount sb_set_mnt_opts sb_show_options sb_statfs sb_umount settime inet_conn_established socket_accept socket_bind socket_connect socket_create socket_getpeername socket_getpeersec_dgram socket_getsockname socket_getsockopt socket_listen socket_post_create socket_recvmsg socket_sendmsg socket_shutdown socket_socketpair syslog task_alloc current_getsecid_subj task_getsecid_obj task_prctl task_setscheduler task_to_inode userns_create'.split(
    ' ',
  ),
);

/** A program must not be called again by what it calls. */
const withoutItself = (how: string, at: string) =>
  how !== 'fmod_ret' && !(/^f(entry|exit)$/.test(how) && at.startsWith('bpf_sk_storage'));

/** Security hooks that a socket passes through while its options may be read and set (bpf_lsm_locked_sockopt_hooks, bpf_lsm_unlocked_sockopt_hooks). */
const withSocket = new Set(
  'sock_graft inet_csk_clone inet_conn_established socket_post_create socket_socketpair'.split(' '),
);

const mayUseOptions = (how: string, at: string) =>
  at !== 'tcp_congestion_ops.release' &&
  (how === 'lsm_cgroup' ? withSocket.has(at) : how !== 'cgroup' || at !== 'getsockopt');

/** By the number of the helper, whether a program that attaches so (`fentry`, `lsm`, …) at this function gets it. */
const open: Readonly<Record<number, (how: string, at: string) => boolean>> = {
  49: mayUseOptions,
  57: mayUseOptions,
  64: (how, at) => how !== 'cgroup' || !at.startsWith('sendmsg'),
  107: withoutItself,
  108: withoutItself,
  147: (how, at) => {
    if (how === 'iter') return true;
    return how.startsWith('lsm') ? sleeping.has(at) : how !== 'tp_btf' && withPath.has(at);
  },
  173: (how) => how !== 'tp_btf',
  183: (how) => how !== 'tp_btf',
  184: (how) => how !== 'tp_btf',
  185: (how) => how !== 'tp_btf',
};

const ADDRESSES = '(bind|connect|sendmsg|recvmsg|getpeername|getsockname)';

/** By sections, bytes of the context that programs there can't access or only read, and the least and the most that they return (sock_filter_is_valid_access(), sock_addr_is_valid_access(), cg_sockopt_is_valid_access(), check_return_code()). */
const rules: readonly (readonly [
  section: string,
  what: 'closed' | 'read' | 'exit',
  offset: number,
  end: number,
])[] = [
  ['cgroup/sock(_create|_release)?', 'closed', 24, 48], // src_ip4, src_ip6, src_port
  ['cgroup/post_bind[46]', 'closed', 0, 4], // bound_dev_if
  ['cgroup/post_bind[46]', 'closed', 16, 24], // mark, priority
  ['cgroup/post_bind4', 'closed', 28, 44], // src_ip6
  ['cgroup/post_bind6', 'closed', 24, 28], // src_ip4
  [`cgroup/${ADDRESSES}(6|_unix)`, 'closed', 4, 8], // user_ip4
  [`cgroup/${ADDRESSES}(4|_unix)`, 'closed', 8, 24], // user_ip6
  ['cgroup/(connect[46]|connect_unix|sendmsg6|sendmsg_unix)', 'closed', 40, 44], // msg_src_ip4
  ['cgroup/(connect[46]|connect_unix|sendmsg4|sendmsg_unix)', 'closed', 44, 60], // msg_src_ip6
  ['cgroup/getsockopt', 'read', 24, 32], // level, optname
  ['cgroup/setsockopt', 'closed', 36, 40], // retval
  ['[ku]probe\\.session(\\.s)?', 'exit', 0, 1],
];
const patterns = rules.map(([section, ...rule]) => [new RegExp(`^\\??${section}(/|$)`), ...rule] as const);

/** What is known of the context of programs of this section, and of what they return, beside their type. */
export const contextRulesAt = (section: string) =>
  patterns.flatMap(([pattern, what, offset, end]) => (pattern.test(section) ? [{ what, offset, end }] : []));

/** The part of a section's name before `/`, without marks of sleep and of not loading by itself, and what follows. */
const parts = (section: string) => /^\??([a-z_]+)(?:\.s)?\/(.+)$/.exec(section);

/** Whether Linux closes a helper to programs of this section. Where it names no function, whoever loads the program says which. */
export const isClosedAt = (section: string, helper: number): boolean => {
  const [, how, at] = parts(section) ?? [];
  return how !== undefined && at !== undefined && !(open[helper]?.(how, at) ?? true);
};

/** Whether a program that sleeps has no place at this security hook. */
export const isAwakeHook = (hook: string): boolean => !sleeping.has(hook);
