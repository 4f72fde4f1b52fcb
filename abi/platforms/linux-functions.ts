/** Functions of Linux that programs may call by name, as far as they are known here (kernel/bpf/helpers.c, cpumask.c and others, Documentation/bpf/kfuncs.rst). */
import { type More, prototype, timers } from './linux-helpers.ts';
import { programTypes, typeIds } from './linux-types.ts';
import type { HelperFlag, ObjectKind, Prototype } from './platform.ts';

/** Their numbers here follow those of all helpers. */
const KERNEL_FUNCTIONS_FIRST = 256;

/** Who gets the functions for any use: programs that only probe don't. */
const GENERIC = typeIds(
  'sched_cls sched_act xdp tracing tracing_entry iterators tracepoint perf_event lsm lsm_bool lsm_void lsm_cgroup lsm_cgroup_void syscall cgroup_skb cgroup_skb_egress cgroup_sock cgroup_sock_addr cgroup_bind cgroup_recvmsg cgroup_sockopt cgroup_sysctl cgroup_device sock_ops struct_ops',
);

/** Who gets those that only programs that look on need. */
const LOOKING_ON = typeIds(
  'tracing tracing_entry iterators tracepoint perf_event lsm lsm_bool lsm_void lsm_cgroup lsm_cgroup_void syscall struct_ops',
);
/** Who gets those of files. */
const SECURITY = typeIds('lsm lsm_bool lsm_void');
/** Who gets those of keys. */
const TRACING = typeIds(
  'tracing tracing_entry iterators tracepoint perf_event lsm lsm_bool lsm_void lsm_cgroup lsm_cgroup_void',
);
/** Whose context is a struct in the kernel, too. */
const STRUCTS = Object.entries(programTypes)
  .filter(([name]) => !/^(tracing|lsm|iter_|raw_tracepoint|tracepoint|syscall|struct_ops)/.test(name))
  .map(([, { id }]) => id);
/** Who gets those of members of structs: of all, whichever a program implements. */
const MEMBERS = typeIds('struct_ops');
const MEMBERS_AND_SYSCALL = typeIds('struct_ops syscall');
const XDP = typeIds('xdp');
const TC = typeIds('sched_cls sched_act');
const CLASSIFIERS = typeIds('sched_cls');
/** Programs that know a packet: of their context, or by an address. */
const PACKETS = typeIds(
  'sched_cls sched_act sk_skb socket_filter cgroup_skb cgroup_skb_egress lwt_in lwt_out lwt_xmit lwt_seg6local netfilter tracing',
);
const SOCKET_ADDRESSES = typeIds('cgroup_sock_addr cgroup_recvmsg');
const SESSIONS = typeIds('kprobe_multi');
const SOCKET_ITERATORS = typeIds('iter_tcp iter_udp');

type Row = readonly [name: string, args?: string, returns?: string, more?: More];

const mask: More = { object: 'cpumask', types: LOOKING_ON, flags: ['takes_rcu'] };
const task: More = { object: 'task', types: GENERIC, flags: ['takes_rcu'] };
const cgroup: More = { object: 'cgroup', types: GENERIC, flags: ['takes_rcu'] };
const conntrack: More = { object: 'conntrack', types: [...XDP, ...CLASSIFIERS] };
const made: More = { ...conntrack, object: 'conntrack_new' };
/** How programs name a connection. */
const TUPLE = 'context memory_or_null size_or_zero out size';
const ipsec: More = { object: 'xfrm_state', types: XDP };
const crypto: More = { object: 'crypto', types: typeIds('syscall'), flags: ['takes_rcu'] };
const key: More = { object: 'key', types: TRACING };
/** Objects of types that programs declare. */
const own: More = { types: GENERIC, flags: ['owns'] };
const held: More = { types: GENERIC, flags: ['owns', 'while_locked'] };
const file: More = { object: 'file', types: SECURITY };
/** Of a driver, which programs name when they are loaded. */
const metadata: More = { types: XDP, flags: ['takes_packet'] };
const acquired = (more: More): More => ({ ...more, flags: [...(more.flags ?? []), 'acquires'] });
const tcp: More = { object: 'tcp', types: MEMBERS, flags: ['takes_rcu'] };
const scheduled: More = { object: 'task', types: MEMBERS, flags: ['takes_rcu'] };
const scheduledAny: More = { ...scheduled, types: LOOKING_ON };
const queue: More = { object: 'iter_scx_dsq', types: LOOKING_ON };
const moved: More = { ...queue, types: MEMBERS_AND_SYSCALL, flags: ['takes_rcu'] };
const processors: More = { object: 'mask', types: LOOKING_ON };
const device: More = { object: 'hid_context', types: MEMBERS, flags: ['takes_rcu'] };
const deviceAsleep: More = {
  object: 'hid_context',
  types: MEMBERS_AND_SYSCALL,
  flags: ['takes_rcu', 'sleeps'],
};

/** An iterator over objects of the kernel. */
const iterator = (object: ObjectKind, args: string, flags: readonly HelperFlag[] = []): readonly Row[] => [
  [`bpf_${object}_new`, `iterator_new ${args}`, 'scalar', { object, flags }],
  [`bpf_${object}_next`, 'iterator', 'walked_or_null', { object, flags: ['iterates'] }],
  [`bpf_${object}_destroy`, 'iterator_end', 'nothing', { object }],
];

/** Functions of masks of processors by what they take and return. */
const masks: readonly (readonly [args: string, returns: string, names: string])[] = [
  ['mask', 'scalar', 'first first_zero empty full any_distribute weight'],
  ['mask mask', 'scalar', 'first_and equal intersects subset any_and_distribute'],
  ['typed mask', 'nothing', 'copy'],
  ['typed mask mask', 'scalar', 'and'],
  ['typed mask mask', 'nothing', 'or xor'],
  ['scalar typed', 'nothing', 'set_cpu clear_cpu'],
  ['scalar mask', 'scalar', 'test_cpu'],
  ['scalar typed', 'scalar', 'test_and_set_cpu test_and_clear_cpu'],
  ['typed', 'nothing', 'setall clear'],
];

/** Functions of TCP's congestion controls by what they take and return. */
const controls: readonly (readonly [args: string, returns: string, names: string])[] = [
  [
    'typed',
    'scalar',
    'tcp_reno_ssthresh tcp_reno_undo_cwnd cubictcp_recalc_ssthresh dctcp_ssthresh dctcp_cwnd_undo bbr_sndbuf_expand bbr_undo_cwnd bbr_ssthresh bbr_min_tso_segs',
  ],
  ['typed', 'nothing', 'cubictcp_init dctcp_init bbr_init'],
  ['typed scalar', 'scalar', 'tcp_slow_start'],
  [
    'typed scalar',
    'nothing',
    'cubictcp_state cubictcp_cwnd_event dctcp_update_alpha dctcp_cwnd_event dctcp_state bbr_cwnd_event bbr_set_state',
  ],
  ['typed scalar scalar', 'nothing', 'tcp_reno_cong_avoid tcp_cong_avoid_ai cubictcp_cong_avoid'],
];

/** Functions of texts anywhere, which they read as far as they can, by what they take. */
const strings: readonly (readonly [args: string, names: string])[] = [
  ['any', 'len'],
  ['any any', 'cmp casecmp'],
  ['any scalar', 'chr chrnul rchr nlen'],
  ['any any', 'spn cspn str'],
  ['any scalar scalar', 'nchr'],
  ['any any scalar', 'nstr'],
];

/** In the order of their numbers; new ones stand at the end. */
const rows: readonly Row[] = [
  ['bpf_iter_num_new', 'iterator_new scalar scalar', 'scalar', { object: 'iter_num' }],
  ['bpf_iter_num_next', 'iterator', 'element_or_null', { object: 'iter_num', flags: ['iterates'] }],
  ['bpf_iter_num_destroy', 'iterator_end', 'nothing', { object: 'iter_num' }],
  ['bpf_iter_bits_new', 'iterator_new any scalar', 'scalar', { object: 'iter_bits' }],
  ['bpf_iter_bits_next', 'iterator', 'element_or_null', { object: 'iter_bits', flags: ['iterates'] }],
  ['bpf_iter_bits_destroy', 'iterator_end', 'nothing', { object: 'iter_bits' }],
  ['bpf_throw', 'scalar', 'nothing', { flags: ['throws'], types: GENERIC }],
  ['bpf_cast_to_kern_ctx', 'context', 'kernel_address', { types: STRUCTS }],
  ['bpf_rdonly_cast', 'any type', 'cast_address'],
  ['bpf_preempt_disable', '', 'nothing', { flags: ['holds'] }],
  ['bpf_preempt_enable', '', 'nothing', { flags: ['lets_go'] }],
  ['bpf_task_acquire', 'typed', 'object_or_null', acquired(task)],
  ['bpf_task_from_pid', 'scalar', 'object_or_null', acquired(task)],
  ['bpf_task_from_vpid', 'scalar', 'object_or_null', acquired(task)],
  ['bpf_task_release', 'released_typed', 'nothing', task],
  ['bpf_cgroup_acquire', 'typed', 'object_or_null', acquired(cgroup)],
  ['bpf_cgroup_ancestor', 'typed scalar', 'object_or_null', acquired(cgroup)],
  ['bpf_cgroup_from_id', 'scalar', 'object_or_null', acquired(cgroup)],
  ['bpf_cgroup_release', 'released_typed', 'nothing', cgroup],
  ['bpf_cpumask_create', '', 'object_or_null', acquired(mask)],
  ['bpf_cpumask_acquire', 'typed', 'object', { ...mask, flags: ['acquires'] }],
  ['bpf_cpumask_release', 'released_typed', 'nothing', mask],
  ...masks.flatMap(([args, returns, names]) =>
    names.split(' ').map((name): Row => [`bpf_cpumask_${name}`, args, returns, mask]),
  ),
  ['bpf_xdp_ct_lookup', TUPLE, 'object_or_null', acquired({ ...conntrack, types: XDP })],
  ['bpf_skb_ct_lookup', TUPLE, 'object_or_null', acquired({ ...conntrack, types: CLASSIFIERS })],
  ['bpf_ct_release', 'released_typed', 'nothing', conntrack],
  ['bpf_ct_change_timeout', 'typed scalar', 'scalar', conntrack],
  ['bpf_ct_change_status', 'typed scalar', 'scalar', conntrack],
  ['bpf_copy_from_user_str', 'out size_or_zero any scalar', 'scalar', { flags: ['sleeps'] }],
  ['bpf_map_sum_elem_count', 'any_map'],
  ['bpf_dynptr_from_skb', 'owner scalar dynptr_new', 'scalar', { object: 'dynptr_skb', types: PACKETS }],
  ['bpf_dynptr_from_xdp', 'context scalar dynptr_new', 'scalar', { object: 'dynptr_xdp', types: XDP }],
  ['bpf_dynptr_slice', 'dynptr scalar buffer_or_null const', 'slice_or_null', { flags: ['slice_reads'] }],
  ['bpf_dynptr_slice_rdwr', 'dynptr scalar buffer_or_null const', 'slice_or_null'],
  ['bpf_dynptr_adjust', 'dynptr scalar scalar'],
  ['bpf_dynptr_is_null', 'dynptr'],
  ['bpf_dynptr_is_rdonly', 'dynptr'],
  ['bpf_dynptr_size', 'dynptr'],
  ['bpf_dynptr_clone', 'dynptr dynptr_new'],
  ['bpf_sock_addr_set_sun_path', 'kernel_object memory size', 'scalar', { types: SOCKET_ADDRESSES }],
  ['bpf_sock_destroy', 'kernel_object', 'scalar', { types: SOCKET_ITERATORS }],
  ...strings.flatMap(([args, names]) => names.split(' ').map((name): Row => [`bpf_str${name}`, args])),
  ['bpf_xdp_pull_data', 'context scalar', 'scalar', { types: XDP, flags: ['changes_packet'] }],
  ['bpf_dynptr_memset', 'dynptr scalar scalar scalar', 'scalar', { flags: ['writes_dynptr'] }],
  ['bpf_rcu_read_lock', '', 'nothing', { flags: ['read_locks'] }],
  ['bpf_rcu_read_unlock', '', 'nothing', { flags: ['read_unlocks'] }],
  ['bpf_lookup_user_key', 'scalar scalar', 'object_or_null', { ...key, flags: ['acquires', 'sleeps'] }],
  ['bpf_lookup_system_key', 'scalar', 'object_or_null', acquired(key)],
  ['bpf_key_put', 'released_typed', 'nothing', key],
  ['bpf_verify_pkcs7_signature', 'dynptr dynptr typed', 'scalar', { ...key, flags: ['sleeps'] }],
  ['bpf_get_task_exe_file', 'typed_task', 'object_or_null', acquired(file)],
  ['bpf_put_file', 'released_typed', 'nothing', file],
  ['bpf_path_d_path', 'typed out size', 'scalar', { object: 'path', types: SECURITY }],
  ['bpf_get_file_xattr', 'typed string dynptr', 'scalar', { ...file, flags: ['sleeps'] }],
  ['bpf_task_under_cgroup', 'typed_task typed', 'scalar', cgroup],
  ['bpf_task_get_cgroup1', 'typed_task scalar', 'object_or_null', acquired(cgroup)],
  ['cgroup_rstat_updated', 'kernel_cgroup scalar', 'nothing', { object: 'cgroup', types: TRACING }],
  ['cgroup_rstat_flush', 'kernel_cgroup', 'nothing', { object: 'cgroup', types: TRACING, flags: ['sleeps'] }],
  ['bpf_wq_init', 'work map scalar', 'scalar', timers],
  ['bpf_wq_start', 'work scalar', 'scalar', timers],
  ['bpf_wq_set_callback_impl', 'work function scalar any', 'scalar', { ...timers, flags: ['calls_back'] }],
  ['bpf_xdp_metadata_rx_timestamp', 'context out_8', 'scalar', metadata],
  ['bpf_xdp_metadata_rx_hash', 'context out_4 out_4', 'scalar', metadata],
  ['bpf_xdp_metadata_rx_vlan_tag', 'context out_2 out_2', 'scalar', metadata],
  ...controls.flatMap(([args, returns, names]) =>
    names.split(' ').map((name): Row => [name, args, returns, tcp]),
  ),
  ['cubictcp_acked', 'typed_tcp typed', 'nothing', { ...tcp, object: 'ack_sample' }],
  ['bbr_main', 'typed_tcp scalar scalar typed', 'nothing', { ...tcp, object: 'rate_sample' }],
  ['scx_bpf_create_dsq', 'scalar scalar', 'scalar', { types: MEMBERS_AND_SYSCALL, flags: ['sleeps'] }],
  ['scx_bpf_select_cpu_dfl', 'typed scalar scalar byte', 'scalar', scheduled],
  ['scx_bpf_dispatch', 'typed scalar scalar scalar', 'nothing', scheduled],
  ['scx_bpf_dispatch_vtime', 'typed scalar scalar scalar scalar', 'nothing', scheduled],
  ['scx_bpf_dispatch_nr_slots', '', 'scalar', { types: MEMBERS }],
  ['scx_bpf_dispatch_cancel', '', 'nothing', { types: MEMBERS }],
  ['scx_bpf_consume', 'scalar', 'scalar', { types: MEMBERS }],
  ['scx_bpf_reenqueue_local', '', 'scalar', { types: MEMBERS }],
  ['scx_bpf_kick_cpu', 'scalar scalar', 'nothing', { types: LOOKING_ON }],
  ['scx_bpf_dsq_nr_queued', 'scalar', 'scalar', { types: LOOKING_ON }],
  ['scx_bpf_destroy_dsq', 'scalar', 'nothing', { types: LOOKING_ON }],
  ['scx_bpf_exit_bstr', 'scalar byte buffer size_or_zero', 'nothing', { types: LOOKING_ON }],
  ['scx_bpf_error_bstr', 'byte buffer size_or_zero', 'nothing', { types: LOOKING_ON }],
  ['scx_bpf_dump_bstr', 'byte buffer size_or_zero', 'nothing', { types: LOOKING_ON }],
  ['scx_bpf_cpuperf_cap', 'scalar', 'scalar', { types: LOOKING_ON }],
  ['scx_bpf_cpuperf_cur', 'scalar', 'scalar', { types: LOOKING_ON }],
  ['scx_bpf_cpuperf_set', 'scalar scalar', 'nothing', { types: LOOKING_ON }],
  ['scx_bpf_nr_cpu_ids', '', 'scalar', { types: LOOKING_ON }],
  ['scx_bpf_get_possible_cpumask', '', 'object', acquired(processors)],
  ['scx_bpf_get_online_cpumask', '', 'object', acquired(processors)],
  ['scx_bpf_put_cpumask', 'released_typed', 'nothing', processors],
  ['scx_bpf_get_idle_cpumask', '', 'object', acquired(processors)],
  ['scx_bpf_get_idle_smtmask', '', 'object', acquired(processors)],
  ['scx_bpf_put_idle_cpumask', 'released_typed', 'nothing', processors],
  ['scx_bpf_test_and_clear_cpu_idle', 'scalar', 'scalar', { types: LOOKING_ON }],
  ['scx_bpf_pick_idle_cpu', 'mask scalar', 'scalar', { types: LOOKING_ON, flags: ['takes_rcu'] }],
  ['scx_bpf_pick_any_cpu', 'mask scalar', 'scalar', { types: LOOKING_ON, flags: ['takes_rcu'] }],
  ['scx_bpf_task_running', 'typed', 'scalar', scheduledAny],
  ['scx_bpf_task_cpu', 'typed', 'scalar', scheduledAny],
  ['scx_bpf_cpu_rq', 'scalar', 'kernel_address', { types: LOOKING_ON }],
  [
    'scx_bpf_task_cgroup',
    'typed_task',
    'object',
    { object: 'cgroup', types: LOOKING_ON, flags: ['acquires', 'takes_rcu'] },
  ],
  ['bpf_arena_alloc_pages', 'any_map any scalar scalar scalar', 'scalar', { flags: ['sleeps'] }],
  ['bpf_arena_free_pages', 'any_map any scalar', 'nothing', { flags: ['sleeps'] }],
  ['hid_bpf_get_data', 'typed scalar const', 'bytes_or_null', device],
  ['hid_bpf_allocate_context', 'scalar', 'object_or_null', acquired(deviceAsleep)],
  ['hid_bpf_release_context', 'released_typed', 'nothing', deviceAsleep],
  ['hid_bpf_hw_request', 'typed buffer size_or_zero scalar scalar', 'scalar', deviceAsleep],
  ['hid_bpf_hw_output_report', 'typed buffer size_or_zero', 'scalar', deviceAsleep],
  ['hid_bpf_input_report', 'typed scalar buffer size_or_zero', 'scalar', deviceAsleep],
  ['hid_bpf_try_input_report', 'typed scalar buffer size_or_zero', 'scalar', device],
  ['bpf_obj_new_impl', 'own_type any', 'own_or_null', own],
  ['bpf_obj_drop_impl', 'owned any', 'nothing', own],
  ['bpf_refcount_acquire_impl', 'counted any', 'counted', held],
  ['bpf_list_push_front_impl', 'list list_node any scalar', 'scalar', held],
  ['bpf_list_push_back_impl', 'list list_node any scalar', 'scalar', held],
  ['bpf_list_pop_front', 'list', 'own_or_null', held],
  ['bpf_list_pop_back', 'list', 'own_or_null', held],
  ['bpf_rbtree_remove', 'tree tree_node_lent', 'own_or_null', held],
  [
    'bpf_rbtree_add_impl',
    'tree tree_node function any scalar',
    'scalar',
    { types: GENERIC, flags: ['owns', 'while_locked', 'calls_back'] },
  ],
  ['bpf_rbtree_first', 'tree', 'lent_or_null', held],
  ['bpf_skb_get_xfrm_info', 'context bytes_8', 'scalar', { types: CLASSIFIERS }],
  ['bpf_skb_set_xfrm_info', 'context bytes_8', 'scalar', { types: CLASSIFIERS }],
  ['bpf_skb_set_fou_encap', 'context bytes_4 scalar', 'scalar', { types: CLASSIFIERS }],
  ['bpf_skb_get_fou_encap', 'context bytes_4', 'scalar', { types: CLASSIFIERS }],
  ['bpf_iter_scx_dsq_new', 'iterator_new scalar scalar', 'scalar', queue],
  ['bpf_iter_scx_dsq_next', 'iterator', 'walked_or_null', { ...queue, flags: ['iterates'] }],
  ['bpf_iter_scx_dsq_destroy', 'iterator_end', 'nothing', queue],
  ['scx_bpf_dispatch_from_dsq_set_slice', 'iterator scalar', 'nothing', moved],
  ['scx_bpf_dispatch_from_dsq_set_vtime', 'iterator scalar', 'nothing', moved],
  ['scx_bpf_dispatch_from_dsq', 'iterator typed_task scalar scalar', 'scalar', moved],
  ['scx_bpf_dispatch_vtime_from_dsq', 'iterator typed_task scalar scalar', 'scalar', moved],
  ['bpf_xdp_ct_alloc', TUPLE, 'object_or_null', acquired({ ...made, types: XDP })],
  ['bpf_skb_ct_alloc', TUPLE, 'object_or_null', acquired({ ...made, types: CLASSIFIERS })],
  ['bpf_ct_insert_entry', 'made', 'object_or_null', acquired(conntrack)],
  ['bpf_ct_set_timeout', 'typed scalar', 'nothing', made],
  ['bpf_ct_set_status', 'typed scalar', 'scalar', made],
  ['bpf_ct_set_nat_info', 'typed bytes_16 scalar scalar', 'scalar', made],
  [
    'bpf_xdp_flow_lookup',
    'context bytes_64 bytes_4 scalar',
    'object_or_null',
    { object: 'kernel', types: XDP },
  ],
  ['bpf_xdp_get_xfrm_state', 'context out_or_null size_or_zero', 'object_or_null', acquired(ipsec)],
  ['bpf_xdp_xfrm_state_release', 'released_typed', 'nothing', ipsec],
  ['bpf_sk_assign_tcp_reqsk', 'context whole_socket buffer size_or_zero', 'scalar', { types: CLASSIFIERS }],
  ['bpf_session_is_return', '', 'scalar', { types: SESSIONS }],
  ['bpf_session_cookie', '', 'word', { types: SESSIONS }],
  [
    'bpf_crypto_ctx_create',
    'out_or_null size_or_zero bytes_4',
    'object_or_null',
    { ...crypto, flags: ['acquires', 'sleeps'] },
  ],
  ['bpf_crypto_ctx_acquire', 'typed', 'object_or_null', acquired(crypto)],
  ['bpf_crypto_ctx_release', 'released_typed', 'nothing', crypto],
  [
    'bpf_crypto_encrypt',
    'typed dynptr dynptr dynptr_or_null',
    'scalar',
    { ...crypto, types: [...XDP, ...TC] },
  ],
  [
    'bpf_crypto_decrypt',
    'typed dynptr dynptr dynptr_or_null',
    'scalar',
    { ...crypto, types: [...XDP, ...TC] },
  ],
  ['crash_kexec', 'zero', 'nothing', { types: GENERIC }],
  ['bpf_get_fsverity_digest', 'typed dynptr', 'scalar', file],
  [
    'bpf_get_dentry_xattr',
    'typed string dynptr',
    'scalar',
    { object: 'dentry', types: SECURITY, flags: ['sleeps'] },
  ],
  ...iterator('iter_task', 'typed_task_or_null scalar'),
  ...iterator('iter_css', 'css scalar'),
  ...iterator('iter_css_task', 'css scalar'),
  ...iterator('iter_task_vma', 'typed_task scalar', ['takes_rcu']),
  ['bpf_percpu_obj_new_impl', 'each_type any', 'own_or_null', own],
  ['bpf_percpu_obj_drop_impl', 'owned_each any', 'nothing', own],
];

export const linuxFunctions: readonly Prototype[] = rows.map(([name, args, returns, more], i) =>
  prototype(KERNEL_FUNCTIONS_FIRST + i, name, args, returns, more),
);

/** Whether a number is one of theirs, which no call in an object has. */
export const isKernelFunction = (id: number) =>
  id >= KERNEL_FUNCTIONS_FIRST && id < KERNEL_FUNCTIONS_FIRST + rows.length;

const byName = new Map(linuxFunctions.map(({ name, id }) => [name, id]));

/** The number of a function; what follows `___` in a name tells variants of one apart. */
export const kernelFunctionId = (name: string): number | undefined => byName.get(name.replace(/___.*$/, ''));

/** Of probes of many functions, they are for those only that are called at the end of a function, too (bpf_kprobe_multi_filter()). */
const ofSessions = new Set(['bpf_session_is_return', 'bpf_session_cookie'].map(kernelFunctionId));

/** Whether Linux closes a function to programs of this section, beside their type. */
export const isFunctionClosedAt = (section: string, id: number): boolean =>
  ofSessions.has(id) && !/^\??[ku]probe\.session(\.s)?(\/|$)/.test(section);
