/** Helpers of Linux by their number (enum bpf_func_id): struct bpf_func_proto of kernel/bpf, net/core/filter.c, kernel/trace/bpf_trace.c. One file, because it is one table. */
import { programTypes, typeIds } from './linux-types.ts';
import type { HelperFlag, ObjectKind, Prototype } from './platform.ts';

/** Programs of type syscall may call what tracing programs may. */
const TRACING = typeIds(
  'kprobe kprobe_multi tracepoint perf_event raw_tracepoint raw_tracepoint_writable tracing tracing_entry iterators lsm lsm_bool lsm_void lsm_cgroup lsm_cgroup_void syscall',
);
/** Kernel code that probes interrupt anywhere must not take locks or read the coarse clock in them. */
const PROBES = typeIds('kprobe kprobe_multi tracepoint perf_event raw_tracepoint raw_tracepoint_writable');
/** Programs that the kernel's BTF gives their types. */
const TYPED = typeIds('tracing tracing_entry iterators lsm lsm_bool lsm_void lsm_cgroup lsm_cgroup_void');
const SYSCALL = typeIds('syscall');
const NOT_TRACING = Object.values(programTypes)
  .map(({ id }) => id)
  .filter((id) => !PROBES.includes(id as never));
const LSM = typeIds('lsm lsm_bool lsm_void lsm_cgroup lsm_cgroup_void');
const ITERATORS = typeIds('iterators');
const TC = typeIds('sched_cls sched_act');
const LWT = typeIds('lwt_in lwt_out lwt_xmit lwt_seg6local');
const LWT_XMIT = typeIds('lwt_xmit');
const XDP = typeIds('xdp');
const SK_SKB = typeIds('sk_skb');
const CGROUP_SKB = typeIds('cgroup_skb cgroup_skb_egress');
const CGROUP_SOCK = typeIds('cgroup_sock');
const CGROUP_SOCKOPT = typeIds('cgroup_sockopt');
const ADDRESS = typeIds('cgroup_sock_addr cgroup_bind cgroup_recvmsg');
const FILTER = typeIds('socket_filter');
const SOCK_OPS = typeIds('sock_ops');
const SK_MSG = typeIds('sk_msg');
const SK_LOOKUP = typeIds('sk_lookup');
const SKB = [...TC, ...LWT, ...SK_SKB, ...CGROUP_SKB, ...FILTER];
/** Who has a packet that is on its way out, and not yet a frame. */
const SENDING = [...TC, ...LWT_XMIT];
const EDIT = [...SENDING, ...SK_SKB];
/** Who has a packet together with its socket. */
const OWNED = [...TC, ...CGROUP_SKB];
const LOCKERS = NOT_TRACING.filter((id) => !FILTER.includes(id as never));
/** Who may write into maps of sockets with the helpers for any map. */
const SOCKET_MAP_WRITERS = typeIds(
  'socket_filter sched_cls sched_act xdp sk_reuseport flow_dissector sk_lookup iterators',
);
/** Sets of types of programs and of maps, by their names in struct bpf_platform (may_update_sockmap(), check_map_prog_compatibility()). */
export const sets = {
  socket_map_writers: SOCKET_MAP_WRITERS,
  socket_map_deleters: [...SOCKET_MAP_WRITERS, ...SOCK_OPS],
  lock_owners: LOCKERS,
  timer_owners: NOT_TRACING,
  sleeping_maps: [1, 2, 5, 6, 9, 10, 12, 13, 22, 23, 24, 27, 28, 29, 31, 32, 33],
  single_maps: [19, 21, 33],
};
/** Iterators over sockets, whose options programs may read and set. */
const SOCKETS = typeIds('iter_tcp iter_udp iter_unix');
const SOCKOPT = [
  ...CGROUP_SOCKOPT,
  ...ADDRESS,
  ...SOCK_OPS,
  ...SOCKETS,
  ...typeIds('lsm_cgroup lsm_cgroup_void'),
];
const LOOKUP = [...TC, ...XDP, ...SK_SKB, ...ADDRESS, ...CGROUP_SKB];
const STORAGE_OF_SOCKETS = [...OWNED, ...SOCK_OPS, ...SK_MSG, ...ADDRESS, ...CGROUP_SOCKOPT, ...TYPED];
const CAST = [
  ...SKB,
  ...XDP,
  ...SOCK_OPS,
  ...SK_MSG,
  ...ADDRESS,
  ...SK_LOOKUP,
  ...typeIds('flow_dissector'),
  ...SYSCALL,
  ...TYPED,
];
const CGROUPS = typeIds(
  'cgroup_skb cgroup_skb_egress cgroup_sock sock_ops cgroup_device cgroup_sock_addr cgroup_bind cgroup_recvmsg cgroup_sysctl cgroup_sockopt lsm_cgroup lsm_cgroup_void',
);
const OUTPUT = Object.values(programTypes)
  .map(({ id }) => id)
  .filter((id) => !typeIds('sk_reuseport flow_dissector netfilter').includes(id as never));
const COARSE = NOT_TRACING.filter(
  (id) => ![...TYPED, ...typeIds('cgroup_device cgroup_sockopt syscall netfilter')].includes(id as never),
);

/** Hooks of cgroups whose result programs may see and change: in the others there is none. */
const RETURNS = typeIds(
  'cgroup_sock cgroup_sock_addr cgroup_bind cgroup_device cgroup_sysctl cgroup_sockopt lsm_cgroup',
);

/** enum bpf_map_type. */
const PROG_ARRAY = [3];
const PERF = [4];
const STACK_TRACE = [7];
const CGROUP_ARRAY = [8];
const RINGBUF = [27];
const USER_RINGBUF = [31];
const QUEUES = [22, 23, 30];
const SOCKMAP = [15];
const SOCKHASH = [18];
const REDIRECT = [14, 16, 17, 25];
const SK_STORAGE = [24];
const STORAGE = [19, 21];
const READ = [1, 2, 5, 6, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 25, 19, 21];
const LOOKUPS = READ.filter((t) => ![19, 21].includes(t));
const WRITE = [1, 2, 5, 6, 9, 10, 11, 15, 18];
const DELETE = [1, 2, 5, 6, 9, 10, 11, 15, 18];

export type More = {
  flags?: readonly HelperFlag[];
  object?: ObjectKind;
  types?: readonly number[];
  maps?: readonly number[];
};

export const prototype = (
  id: number,
  name: string,
  args = '',
  returns = 'scalar',
  more: More = {},
): Prototype => ({
  id,
  name,
  args: args === '' ? [] : args.split(' '),
  returns,
  flags: more.flags ?? [],
  ...(more.object ? { object: more.object } : {}),
  ...(more.types ? { types: more.types } : {}),
  ...(more.maps ? { maps: more.maps } : {}),
});

const helper = prototype;

/** With memory that may lie in the packet. */
const takesPacket: More = { flags: ['takes_packet'] };
const syncookie: More = { ...takesPacket, types: [...TC, ...XDP] };
const changes = (types: readonly number[]): More => ({ flags: ['changes_packet'], types });
const on = (types: readonly number[]): More => ({ types });

/** Programs that probe can't have maps with timers, nor with work for later. */
export const timers: More = { types: NOT_TRACING };

const inodeStorage: More = { types: LSM, maps: [28] };

export const linuxHelpers: readonly Prototype[] = [
  helper(1, 'map_lookup_elem', 'map map_key', 'map_value_or_null', { ...takesPacket, maps: LOOKUPS }),
  helper(2, 'map_update_elem', 'map map_key map_value any', 'scalar', {
    flags: ['writes_map', 'takes_packet'],
    maps: WRITE,
  }),
  helper(3, 'map_delete_elem', 'map map_key', 'scalar', {
    flags: ['writes_map', 'takes_packet'],
    maps: DELETE,
  }),
  helper(4, 'probe_read', 'out size_or_zero any', 'scalar', on(TRACING)),
  helper(5, 'ktime_get_ns'),
  helper(6, 'trace_printk', 'memory size'),
  helper(7, 'get_prandom_u32'),
  helper(8, 'get_smp_processor_id'),
  helper(9, 'skb_store_bytes', 'context any memory size any', 'scalar', changes(EDIT)),
  helper(10, 'l3_csum_replace', 'context any any any any', 'scalar', changes(SENDING)),
  helper(11, 'l4_csum_replace', 'context any any any any', 'scalar', changes(SENDING)),
  helper(12, 'tail_call', 'context map any', 'nothing', { flags: ['tail_calls'], maps: PROG_ARRAY }),
  helper(13, 'clone_redirect', 'context any any', 'scalar', changes(SENDING)),
  helper(14, 'get_current_pid_tgid', ''),
  helper(15, 'get_current_uid_gid', ''),
  helper(16, 'get_current_comm', 'out size'),
  helper(17, 'get_cgroup_classid', 'context'),
  helper(18, 'skb_vlan_push', 'context any any', 'scalar', changes(TC)),
  helper(19, 'skb_vlan_pop', 'context', 'scalar', changes(TC)),
  helper(20, 'skb_get_tunnel_key', 'context out size any', 'scalar', on(SENDING)),
  helper(21, 'skb_set_tunnel_key', 'context memory size any', 'scalar', on(SENDING)),
  helper(22, 'perf_event_read', 'map any', 'scalar', { maps: PERF }),
  helper(23, 'redirect', 'any any', 'scalar', on([...SENDING, ...XDP])),
  helper(24, 'get_route_realm', 'context', 'scalar', on([...TC, ...LWT])),
  helper(25, 'perf_event_output', 'context map any memory size_or_zero', 'scalar', {
    types: OUTPUT,
    maps: PERF,
  }),
  helper(
    26,
    'skb_load_bytes',
    'context any out size',
    'scalar',
    on([...SKB, ...typeIds('flow_dissector sk_reuseport')]),
  ),
  helper(27, 'get_stackid', 'context map any', 'scalar', { types: TRACING, maps: STACK_TRACE }),
  helper(28, 'csum_diff', 'memory_or_null size_or_zero memory_or_null size_or_zero any', 'scalar', {
    ...takesPacket,
    types: [...TC, ...LWT, ...XDP],
  }),
  helper(29, 'skb_get_tunnel_opt', 'context out size', 'scalar', on(SENDING)),
  helper(30, 'skb_set_tunnel_opt', 'context memory size', 'scalar', on(SENDING)),
  helper(31, 'skb_change_proto', 'context any any', 'scalar', changes(TC)),
  helper(32, 'skb_change_type', 'context any', 'scalar', on(TC)),
  helper(33, 'skb_under_cgroup', 'context map any', 'scalar', { types: [...TC, ...LWT], maps: CGROUP_ARRAY }),
  helper(34, 'get_hash_recalc', 'context', 'scalar', on([...TC, ...LWT])),
  helper(35, 'get_current_task'),
  helper(36, 'probe_write_user', 'any memory size', 'scalar', on(TRACING)),
  helper(37, 'current_task_under_cgroup', 'map any', 'scalar', { maps: CGROUP_ARRAY }),
  helper(38, 'skb_change_tail', 'context any any', 'scalar', changes(EDIT)),
  helper(39, 'skb_pull_data', 'context any', 'scalar', changes([...TC, ...LWT, ...SK_SKB])),
  helper(40, 'csum_update', 'context any', 'scalar', on(SENDING)),
  helper(41, 'set_hash_invalid', 'context', 'scalar', on(SENDING)),
  helper(42, 'get_numa_node_id'),
  helper(43, 'skb_change_head', 'context any any', 'scalar', changes(EDIT)),
  helper(44, 'xdp_adjust_head', 'context any', 'scalar', changes(XDP)),
  helper(45, 'probe_read_str', 'out size_or_zero any', 'length', on(TRACING)),
  helper(
    46,
    'get_socket_cookie',
    'owner',
    'scalar',
    on([
      ...OWNED,
      ...SK_SKB,
      ...FILTER,
      ...SOCK_OPS,
      ...ADDRESS,
      ...CGROUP_SOCK,
      ...typeIds('sk_reuseport tracing tracing_entry iterators syscall'),
    ]),
  ),
  helper(47, 'get_socket_uid', 'context', 'scalar', on([...OWNED, ...FILTER, ...SK_SKB])),
  helper(48, 'set_hash', 'context any', 'scalar', on(TC)),
  helper(49, 'setsockopt', 'owner any any memory size', 'scalar', on(SOCKOPT)),
  helper(50, 'skb_adjust_room', 'context any any any', 'scalar', changes([...TC, ...SK_SKB])),
  helper(51, 'redirect_map', 'map any any', 'scalar', { types: XDP, maps: REDIRECT }),
  helper(52, 'sk_redirect_map', 'context map any any', 'scalar', { types: SK_SKB, maps: SOCKMAP }),
  helper(53, 'sock_map_update', 'context map map_key any', 'scalar', {
    ...takesPacket,
    types: SOCK_OPS,
    maps: SOCKMAP,
  }),
  helper(54, 'xdp_adjust_meta', 'context any', 'scalar', changes(XDP)),
  helper(55, 'perf_event_read_value', 'map any out size', 'scalar', { maps: PERF }),
  helper(56, 'perf_prog_read_value', 'context out size', 'scalar', on(typeIds('perf_event'))),
  helper(57, 'getsockopt', 'owner any any out size', 'scalar', on(SOCKOPT)),
  helper(58, 'override_return', 'context any', 'scalar', on(typeIds('kprobe'))),
  helper(59, 'sock_ops_cb_flags_set', 'context any', 'scalar', on(SOCK_OPS)),
  helper(60, 'msg_redirect_map', 'context map any any', 'scalar', { types: SK_MSG, maps: SOCKMAP }),
  helper(61, 'msg_apply_bytes', 'context any', 'scalar', on(SK_MSG)),
  helper(62, 'msg_cork_bytes', 'context any', 'scalar', on(SK_MSG)),
  helper(63, 'msg_pull_data', 'context any any any', 'scalar', changes(SK_MSG)),
  helper(64, 'bind', 'context memory size', 'scalar', on(typeIds('cgroup_sock_addr'))),
  helper(65, 'xdp_adjust_tail', 'context any', 'scalar', changes(XDP)),
  helper(66, 'skb_get_xfrm_state', 'context any out size any', 'scalar', on(TC)),
  helper(67, 'get_stack', 'context out size_or_zero any', 'length', on(TRACING)),
  helper(
    68,
    'skb_load_bytes_relative',
    'context any out size any',
    'scalar',
    on([...TC, ...CGROUP_SKB, ...FILTER, ...typeIds('sk_reuseport')]),
  ),
  helper(69, 'fib_lookup', 'context memory size any', 'scalar', on([...TC, ...XDP])),
  helper(70, 'sock_hash_update', 'context map map_key any', 'scalar', {
    ...takesPacket,
    types: SOCK_OPS,
    maps: SOCKHASH,
  }),
  helper(71, 'msg_redirect_hash', 'context map map_key any', 'scalar', { types: SK_MSG, maps: SOCKHASH }),
  helper(72, 'sk_redirect_hash', 'context map map_key any', 'scalar', { types: SK_SKB, maps: SOCKHASH }),
  helper(73, 'lwt_push_encap', 'context any memory size', 'scalar', changes(typeIds('lwt_in lwt_xmit'))),
  helper(74, 'lwt_seg6_store_bytes', 'context any memory size', 'scalar', changes(typeIds('lwt_seg6local'))),
  helper(75, 'lwt_seg6_adjust_srh', 'context any any', 'scalar', changes(typeIds('lwt_seg6local'))),
  helper(76, 'lwt_seg6_action', 'context any memory size', 'scalar', changes(typeIds('lwt_seg6local'))),
  helper(77, 'rc_repeat', 'context', 'scalar', on(typeIds('lirc_mode2'))),
  helper(78, 'rc_keydown', 'context any any any', 'scalar', on(typeIds('lirc_mode2'))),
  helper(79, 'skb_cgroup_id', 'context', 'scalar', on([...TC, ...CGROUP_SKB])),
  helper(80, 'get_current_cgroup_id', ''),
  helper(81, 'get_local_storage', 'map zero', 'map_value', { types: CGROUPS, maps: STORAGE }),
  helper(82, 'sk_select_reuseport', 'context map map_key any', 'scalar', {
    types: typeIds('sk_reuseport'),
    maps: [20, ...SOCKMAP, ...SOCKHASH],
  }),
  helper(83, 'skb_ancestor_cgroup_id', 'context any', 'scalar', on([...TC, ...CGROUP_SKB])),
  ...[84, 85, 99].map((id) =>
    helper(
      id,
      id === 84 ? 'sk_lookup_tcp' : id === 85 ? 'sk_lookup_udp' : 'skc_lookup_tcp',
      'context memory size_or_zero any any',
      'object_or_null',
      {
        types: LOOKUP,
        flags: ['acquires', 'takes_packet'],
        object: id === 99 ? 'sock_common' : 'socket',
      },
    ),
  ),
  helper(86, 'sk_release', 'released_socket', 'scalar', on([...LOOKUP, ...SK_LOOKUP])),
  helper(87, 'map_push_elem', 'map map_value any', 'scalar', { ...takesPacket, maps: QUEUES }),
  helper(88, 'map_pop_elem', 'map map_value_out', 'scalar', { maps: QUEUES.slice(0, 2) }),
  helper(89, 'map_peek_elem', 'map map_value_out', 'scalar', { maps: QUEUES }),
  helper(90, 'msg_push_data', 'context any any any', 'scalar', changes(SK_MSG)),
  helper(91, 'msg_pop_data', 'context any any any', 'scalar', changes(SK_MSG)),
  helper(92, 'rc_pointer_rel', 'context any any', 'scalar', on(typeIds('lirc_mode2'))),
  helper(93, 'spin_lock', 'lock', 'nothing', { flags: ['locks'], types: LOCKERS }),
  helper(94, 'spin_unlock', 'lock', 'nothing', { flags: ['unlocks'], types: LOCKERS }),
  helper(95, 'sk_fullsock', 'socket', 'object_or_null', { types: OWNED, flags: ['casts'], object: 'socket' }),
  helper(96, 'tcp_sock', 'socket', 'object_or_null', {
    types: [...OWNED, ...SOCK_OPS, ...CGROUP_SOCKOPT],
    flags: ['casts'],
    object: 'tcp_socket',
  }),
  helper(97, 'skb_ecn_set_ce', 'context', 'scalar', on([...TC, ...CGROUP_SKB])),
  helper(98, 'get_listener_sock', 'socket', 'object_or_null', { types: OWNED, object: 'socket' }),
  helper(100, 'tcp_check_syncookie', 'kernel_object memory size memory size', 'scalar', {
    ...takesPacket,
    types: [...TC, ...XDP],
  }),
  helper(101, 'sysctl_get_name', 'context out size any', 'scalar', on(typeIds('cgroup_sysctl'))),
  helper(102, 'sysctl_get_current_value', 'context out size', 'scalar', on(typeIds('cgroup_sysctl'))),
  helper(103, 'sysctl_get_new_value', 'context out size', 'scalar', on(typeIds('cgroup_sysctl'))),
  helper(104, 'sysctl_set_new_value', 'context memory size', 'scalar', on(typeIds('cgroup_sysctl'))),
  helper(105, 'strtol', 'memory size any out_8'),
  helper(106, 'strtoul', 'memory size any out_8'),
  helper(107, 'sk_storage_get', 'map kernel_object map_value_or_null any', 'map_value_or_null', {
    types: [...STORAGE_OF_SOCKETS, ...CGROUP_SOCK],
    maps: SK_STORAGE,
  }),
  helper(108, 'sk_storage_delete', 'map kernel_object', 'scalar', {
    types: STORAGE_OF_SOCKETS,
    maps: SK_STORAGE,
  }),
  helper(109, 'send_signal', 'any'),
  helper(110, 'tcp_gen_syncookie', 'kernel_object memory size memory size', 'scalar', {
    ...takesPacket,
    types: [...TC, ...XDP],
  }),
  helper(112, 'probe_read_user', 'out size_or_zero any'),
  helper(113, 'probe_read_kernel', 'out size_or_zero any'),
  helper(114, 'probe_read_user_str', 'out size_or_zero any', 'length'),
  helper(115, 'probe_read_kernel_str', 'out size_or_zero any', 'length'),
  helper(116, 'tcp_send_ack', 'typed any', 'scalar', { object: 'tcp', types: typeIds('struct_ops') }),
  helper(117, 'send_signal_thread', 'any'),
  helper(118, 'jiffies64'),
  helper(
    119,
    'read_branch_records',
    'context out_or_null size_or_zero any',
    'scalar',
    on(typeIds('perf_event')),
  ),
  helper(120, 'get_ns_current_pid_tgid', 'any any out size'),
  helper(
    122,
    'get_netns_cookie',
    'context_or_null',
    'scalar',
    on([...OWNED, ...FILTER, ...CGROUP_SOCK, ...CGROUP_SOCKOPT, ...ADDRESS, ...SOCK_OPS, ...SK_MSG]),
  ),
  helper(123, 'get_current_ancestor_cgroup_id', 'any'),
  helper(124, 'sk_assign', 'context assigned_socket any', 'scalar', on([...TC, ...typeIds('sk_lookup')])),
  helper(125, 'ktime_get_boot_ns'),
  helper(128, 'sk_cgroup_id', 'kernel_object', 'scalar', on(CGROUP_SKB)),
  helper(129, 'sk_ancestor_cgroup_id', 'kernel_object any', 'scalar', on(CGROUP_SKB)),
  helper(130, 'ringbuf_output', 'map memory size_or_zero any', 'scalar', { maps: RINGBUF }),
  helper(131, 'ringbuf_reserve', 'map const any', 'record_or_null', { maps: RINGBUF, flags: ['acquires'] }),
  helper(132, 'ringbuf_submit', 'released_record any', 'nothing'),
  helper(133, 'ringbuf_discard', 'released_record any', 'nothing'),
  helper(134, 'ringbuf_query', 'map any', 'scalar', { maps: RINGBUF }),
  helper(135, 'csum_level', 'context any', 'scalar', on(SENDING)),
  ...[136, 137, 138, 139, 140].map((id) =>
    helper(
      id,
      `skc_to_${['tcp6_sock', 'tcp_sock', 'tcp_timewait_sock', 'tcp_request_sock', 'udp6_sock'][id - 136]}`,
      'kernel_object',
      'object_or_null',
      { types: CAST, flags: ['casts'], object: id === 138 || id === 139 ? 'half_socket' : 'kernel' },
    ),
  ),
  helper(142, 'load_hdr_opt', 'context out size any', 'scalar', on(SOCK_OPS)),
  helper(143, 'store_hdr_opt', 'context memory size any', 'scalar', changes(SOCK_OPS)),
  helper(144, 'reserve_hdr_opt', 'context any any', 'scalar', on(SOCK_OPS)),
  helper(151, 'skb_cgroup_classid', 'context', 'scalar', on(TC)),
  helper(152, 'redirect_neigh', 'any memory_or_null size_or_zero any', 'scalar', on(TC)),
  helper(153, 'per_cpu_ptr', 'per_cpu any', 'per_cpu_or_null'),
  helper(154, 'this_cpu_ptr', 'per_cpu', 'per_cpu'),
  helper(155, 'redirect_peer', 'any any', 'scalar', on(TC)),
  helper(158, 'get_current_task_btf', '', 'object', { object: 'task' }),
  helper(160, 'ktime_get_coarse_ns', '', 'scalar', on(COARSE)),
  helper(163, 'check_mtu', 'context any out_4 any any', 'scalar', on([...TC, ...XDP])),
  helper(164, 'for_each_map_elem', 'map function stack_or_null any', 'scalar', {
    flags: ['calls_back'],
    maps: [1, 2, 5, 6, 9, 10],
  }),
  helper(165, 'snprintf', 'out_or_null size_or_zero string memory_or_null size_or_zero'),
  helper(166, 'sys_bpf', 'any memory size', 'scalar', on(SYSCALL)),
  helper(167, 'btf_find_by_name_kind', 'memory size any any', 'scalar', on(SYSCALL)),
  helper(168, 'sys_close', 'any', 'scalar', on(SYSCALL)),
  helper(169, 'timer_init', 'timer map any', 'scalar', timers),
  helper(170, 'timer_set_callback', 'timer function', 'scalar', { ...timers, flags: ['calls_back'] }),
  helper(171, 'timer_start', 'timer any any', 'scalar', timers),
  helper(172, 'timer_cancel', 'timer', 'scalar', timers),
  helper(173, 'get_func_ip', 'context', 'scalar', on(typeIds('kprobe kprobe_multi tracing tracing_entry'))),
  helper(
    174,
    'get_attach_cookie',
    'context',
    'scalar',
    on(TRACING.filter((id) => ![...SYSCALL, ...ITERATORS].includes(id))),
  ),
  helper(175, 'task_pt_regs', 'kernel_task', 'object', { object: 'kernel' }),
  helper(176, 'get_branch_snapshot', 'out size_or_zero'),
  helper(177, 'trace_vprintk', 'memory size memory_or_null size_or_zero'),
  helper(179, 'kallsyms_lookup_name', 'memory size_or_zero any out_8', 'scalar', on(SYSCALL)),
  helper(180, 'find_vma', 'kernel_task any function stack_or_null any', 'scalar', {
    types: TRACING,
    flags: ['calls_back'],
  }),
  helper(181, 'loop', 'scalar function stack_or_null any', 'scalar', { flags: ['calls_back'] }),
  helper(182, 'strncmp', 'memory size string'),
  helper(186, 'get_retval', '', 'scalar', on([...RETURNS, ...typeIds('lsm_cgroup_void')])),
  helper(187, 'set_retval', 'any', 'scalar', on(RETURNS)),
  helper(188, 'xdp_get_buff_len', 'context', 'scalar', on(XDP)),
  helper(189, 'xdp_load_bytes', 'context any out size', 'scalar', on(XDP)),
  helper(190, 'xdp_store_bytes', 'context any memory size', 'scalar', on(XDP)),
  helper(192, 'skb_set_tstamp', 'context any any', 'scalar', on(TC)),
  helper(195, 'map_lookup_percpu_elem', 'map map_key any', 'map_value_or_null', {
    ...takesPacket,
    maps: [5, 6, 10],
  }),
  helper(197, 'dynptr_from_mem', 'value_out size_or_zero any dynptr_new', 'scalar', {
    object: 'dynptr_local',
  }),
  helper(198, 'ringbuf_reserve_dynptr', 'map any any dynptr_new', 'scalar', {
    object: 'dynptr_ringbuf',
    maps: RINGBUF,
  }),
  helper(199, 'ringbuf_submit_dynptr', 'dynptr_end any', 'nothing'),
  helper(200, 'ringbuf_discard_dynptr', 'dynptr_end any', 'nothing'),
  helper(201, 'dynptr_read', 'out size_or_zero dynptr any any'),
  helper(202, 'dynptr_write', 'dynptr any memory size_or_zero any', 'scalar', { flags: ['writes_dynptr'] }),
  helper(203, 'dynptr_data', 'dynptr any const', 'slice_or_null', { flags: ['takes_packet'] }),
  helper(204, 'tcp_raw_gen_syncookie_ipv4', 'memory_20 memory size_or_zero', 'scalar', syncookie),
  helper(205, 'tcp_raw_gen_syncookie_ipv6', 'memory_40 memory size_or_zero', 'scalar', syncookie),
  helper(206, 'tcp_raw_check_syncookie_ipv4', 'memory_20 memory_20', 'scalar', syncookie),
  helper(207, 'tcp_raw_check_syncookie_ipv6', 'memory_40 memory_20', 'scalar', syncookie),
  helper(208, 'ktime_get_tai_ns'),
  helper(209, 'user_ringbuf_drain', 'map function stack_or_null any', 'scalar', {
    flags: ['calls_back'],
    maps: USER_RINGBUF,
  }),
  ...[111, 121].map((id) =>
    helper(
      id,
      id === 111 ? 'skb_output' : 'xdp_output',
      'kernel_object map any memory size_or_zero',
      'scalar',
      { types: TYPED, maps: PERF },
    ),
  ),
  helper(126, 'seq_printf', 'kernel_object memory size memory_or_null size_or_zero', 'scalar', on(ITERATORS)),
  helper(127, 'seq_write', 'kernel_object memory size_or_zero', 'scalar', on(ITERATORS)),
  helper(141, 'get_task_stack', 'kernel_task out size_or_zero any', 'length', {}),
  helper(
    145,
    'inode_storage_get',
    'map kernel_object map_value_or_null any',
    'map_value_or_null',
    inodeStorage,
  ),
  helper(146, 'inode_storage_delete', 'map kernel_object', 'scalar', inodeStorage),
  helper(156, 'task_storage_get', 'map kernel_task map_value_or_null any', 'map_value_or_null', {
    maps: [29],
  }),
  helper(157, 'task_storage_delete', 'map kernel_task', 'scalar', { maps: [29] }),
  helper(210, 'cgrp_storage_get', 'map kernel_cgroup map_value_or_null any', 'map_value_or_null', {
    maps: [32],
  }),
  helper(211, 'cgrp_storage_delete', 'map kernel_cgroup', 'scalar', { maps: [32] }),
  helper(147, 'd_path', 'kernel_path out size_or_zero', 'scalar', on(TYPED)),
  helper(148, 'copy_from_user', 'out size_or_zero any', 'scalar', { flags: ['sleeps'] }),
  helper(149, 'snprintf_btf', 'out size memory size any'),
  helper(150, 'seq_printf_btf', 'kernel_object memory size_or_zero any', 'scalar', on(ITERATORS)),
  helper(159, 'bprm_opts_set', 'kernel_object any', 'scalar', on(LSM)),
  helper(161, 'ima_inode_hash', 'kernel_object out size', 'scalar', { types: LSM, flags: ['sleeps'] }),
  helper(162, 'sock_from_file', 'kernel_file', 'object_or_null', { object: 'kernel', types: TYPED }),
  helper(178, 'skc_to_unix_sock', 'kernel_object', 'object_or_null', {
    types: CAST,
    flags: ['casts'],
    object: 'kernel',
  }),
  helper(
    183,
    'get_func_arg',
    'context any out_8',
    'scalar',
    on([...typeIds('tracing tracing_entry'), ...LSM]),
  ),
  helper(184, 'get_func_ret', 'context out_8', 'scalar', on([...typeIds('tracing tracing_entry'), ...LSM])),
  helper(185, 'get_func_arg_cnt', 'context', 'scalar', on([...typeIds('tracing tracing_entry'), ...LSM])),
  helper(191, 'copy_from_user_task', 'out size_or_zero any kernel_task any', 'scalar', {
    types: TRACING,
    flags: ['sleeps'],
  }),
  helper(193, 'ima_file_hash', 'kernel_file out size', 'scalar', { types: LSM, flags: ['sleeps'] }),
  helper(194, 'kptr_xchg', 'kept given_or_null', 'object_or_null', { flags: ['acquires'] }),
  helper(196, 'skc_to_mptcp_sock', 'kernel_object', 'object_or_null', {
    types: CAST,
    flags: ['casts'],
    object: 'kernel',
  }),
];
