/** How many arguments the hooks of security modules have: what the types of Linux 6.18 say of them (`bpf_lsm_*`). */
const rows: readonly (readonly [count: number, names: string])[] = [
  [
    0,
    'init initramfs_populated secmark_refcount_dec secmark_refcount_inc tun_dev_create uring_allowed uring_sqpoll',
  ],
  [
    1,
    'audit_rule_free audit_rule_known backing_file_free bdev_alloc_security bdev_free_security binder_set_context_mgr bpf_map_free bpf_prog bpf_prog_free bpf_token_free bprm_check_security bprm_committed_creds bprm_committing_creds bprm_creds_for_exec cred_free current_getlsmprop_subj file_alloc_security file_free_security file_open file_receive file_release file_set_fowner file_truncate inode_alloc_security inode_free_security inode_free_security_rcu inode_getattr inode_invalidate_secctx inode_listxattr inode_need_killpriv inode_readlink inode_xattr_skipcap ismaclabel kernel_module_request locked_down mmap_addr msg_msg_alloc_security msg_msg_free_security msg_queue_alloc_security msg_queue_free_security path_chroot path_truncate perf_event_alloc perf_event_open perf_event_read perf_event_write ptrace_traceme quota_on release_secctx sb_alloc_security sb_delete sb_free_mnt_opts sb_free_security sb_kern_mount sb_statfs secmark_relabel_packet sem_alloc_security sem_free_security shm_alloc_security shm_free_security sk_free_security socket_getpeername socket_getsockname syslog task_free task_getioprio task_getpgid task_getscheduler task_getsid task_movememory task_setscheduler tun_dev_alloc_security tun_dev_attach_queue tun_dev_open uring_cmd uring_override_creds userns_create xfrm_policy_delete_security xfrm_policy_free_security xfrm_state_delete_security xfrm_state_free_security',
  ],
  [
    2,
    'backing_file_alloc binder_transaction binder_transfer_binder bpf_map bpf_token_capable bpf_token_cmd bprm_creds_from_file cred_alloc_blank cred_getlsmprop cred_getsecid cred_transfer d_instantiate file_lock file_permission file_post_open fs_context_dup fs_context_parse_param fs_context_submount inet_conn_established inet_csk_clone inode_copy_up inode_copy_up_xattr inode_file_getattr inode_file_setattr inode_getlsmprop inode_getsecctx inode_getxattr inode_killpriv inode_permission inode_post_create_tmpfile inode_post_removexattr inode_rmdir inode_unlink ipc_getlsmprop ipc_permission kernel_act_as kernel_create_files_as kernel_load_data kernfs_init_security key_getsecurity lsmprop_to_secctx move_mount mptcp_add_subflow msg_queue_associate msg_queue_msgctl netlink_send path_chmod path_post_mknod path_rmdir path_unlink ptrace_access_check req_classify_flow sb_eat_lsm_opts sb_mnt_opts_compat sb_pivotroot sb_remount sb_show_options sb_umount sctp_assoc_established sctp_assoc_request secid_to_secctx sem_associate sem_semctl settime shm_associate shm_shmctl sk_clone_security sk_getsecid sock_graft socket_accept socket_listen socket_shutdown socket_sock_rcv_skb socket_socketpair task_alloc task_fix_setgroups task_getlsmprop_obj task_setioprio task_setnice task_setpgid task_to_inode tun_dev_attach unix_may_send vm_enough_memory xfrm_policy_clone_security xfrm_policy_lookup xfrm_state_alloc',
  ],
  [
    3,
    'binder_transfer_file bpf_token_create cred_prepare file_fcntl file_ioctl file_ioctl_compat file_mprotect file_send_sigiotask getprocattr inet_conn_request inode_create inode_follow_link inode_get_acl inode_init_security_anon inode_link inode_listsecurity inode_mkdir inode_notifysecctx inode_post_remove_acl inode_post_set_acl inode_post_setattr inode_remove_acl inode_removexattr inode_setattr inode_setsecctx inode_symlink kernel_read_file key_alloc key_permission mmap_backing_file msg_queue_msgsnd path_chown path_link path_mkdir path_notify path_symlink sctp_sk_clone secctx_to_secid setprocattr shm_shmat sk_alloc_security socket_bind socket_connect socket_getpeersec_dgram socket_getsockopt socket_sendmsg socket_setsockopt task_fix_setgid task_fix_setuid task_prlimit task_setrlimit unix_stream_connect xfrm_decode_session xfrm_policy_alloc_security xfrm_state_alloc_acquire xfrm_state_pol_flow_match',
  ],
  [
    4,
    'audit_rule_match bdev_setintegrity bpf bpf_map_create bpf_prog_load capable capget getselfattr inode_mknod inode_rename inode_set_acl inode_setintegrity kernel_post_load_data kernel_post_read_file mmap_file path_mknod quotactl sb_clone_mnt_opts sb_set_mnt_opts sctp_bind_connect sem_semop setselfattr socket_create socket_getpeersec_stream socket_recvmsg task_kill',
  ],
  [
    5,
    'audit_rule_init capset dentry_create_files_as dentry_init_security inode_getsecurity inode_init_security inode_post_setxattr inode_setsecurity msg_queue_msgrcv path_rename sb_mount socket_post_create task_prctl',
  ],
  [6, 'inode_setxattr key_post_create_or_update'],
];

const counts = new Map(
  rows.flatMap(([count, names]) => names.split(' ').map((name) => [name, count] as const)),
);

/** Undefined for a hook that is not known here. */
export const securityHookArguments = (hook: string): number | undefined => counts.get(hook);
