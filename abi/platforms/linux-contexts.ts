/** Contexts and objects of Linux, include/uapi/linux/bpf.h; what may be read and written as the is_valid_access callbacks have it. */
import type { Field, Holds, ObjectKind } from './platform.ts';

const NARROW = 1 | 2 | 4;
const ANY = 15;

const field = (
  name: string,
  offset: number,
  bytes: number,
  reads: number,
  writes = 0,
  holds: Holds = 'scalar',
) => ({ name, offset, bytes, holds, reads, writes }) satisfies Field;

/** 32-bit fields one after another; those named with `!` can be written. */
const words = (first: number, names: string, reads = NARROW): Field[] =>
  names
    .split(' ')
    .map((name, i) => field(name.replace('!', ''), first + i * 4, 4, reads, name.endsWith('!') ? 4 : 0));

/** 32-bit fields one after another, of which the first byte and the first two can be read alone. */
const leading = (first: number, names: string): Field[] =>
  names.split(' ').flatMap((name, i) => [1, 2, 4].map((bytes) => field(name, first + i * 4, bytes, bytes)));

/** A number that an iterator hands over in a word of its own. */
const argument = (offset: number, name: string): Field[] => [
  ...leading(offset, name),
  field(name, offset, 8, 8),
];

const pointer = (name: string, offset: number, kind: ObjectKind, orNull = false) =>
  field(name, offset, 8, 8, 0, { object: kind, orNull });

/** struct __sk_buff; the names in `writable` can be written, those in `hidden` not even read. */
const skb = (writable: string, hidden: string): Field[] => {
  const canWrite = new Set(writable.split(' '));
  const cannotRead = new Set(hidden.split(' '));
  const all = [
    ...words(
      0,
      'len pkt_type mark queue_mapping protocol vlan_present vlan_tci vlan_proto priority ingress_ifindex ifindex tc_index',
    ),
    field('cb', 48, 20, ANY, ANY),
    ...words(68, 'hash tc_classid'),
    field('data', 76, 4, 4, 0, 'packet'),
    field('data_end', 80, 4, 4, 0, 'packet_end'),
    ...words(84, 'napi_id family'),
    ...words(92, 'remote_ip4 local_ip4', 4),
    field('remote_ip6', 100, 16, 4),
    field('local_ip6', 116, 16, 4),
    ...words(132, 'remote_port local_port'),
    field('data_meta', 140, 4, 4, 0, 'packet_meta'),
    field('flow_keys', 144, 8, 8, 8, { object: 'flow_keys' }),
    field('tstamp', 152, 8, 8),
    ...words(160, 'wire_len gso_segs'),
    pointer('sk', 168, 'sock_common', true),
    ...words(176, 'gso_size'),
    field('tstamp_type', 180, 1, 1),
    field('hwtstamp', 184, 8, 8),
  ];
  return all
    .filter((f) => !cannotRead.has(f.name))
    .map((f) => (f.name === 'cb' ? f : { ...f, writes: canWrite.has(f.name) ? f.bytes : 0 }));
};

const SOCKET_FIELDS = 'family remote_ip4 local_ip4 remote_ip6 local_ip6 remote_port local_port';

/** Every byte of a range, in any size. */
const region = (from: number, to: number, reads = ANY, writes = 0) => [
  field('bytes', from, to - from, reads, writes),
];

/** struct bpf_perf_event_data with so many bytes of registers. */
const sampled = (registers: number) => [
  field('regs', 0, registers, 8),
  field('sample_period', registers, 8, ANY),
  field('addr', registers + 8, 8, ANY),
];

const socketRest = [
  ...words(24, 'src_ip4'),
  field('src_ip6', 28, 16, NARROW),
  ...leading(44, 'src_port'),
  field('dst_port', 48, 2, NARROW),
  field('dst_port and padding', 48, 4, 4),
  ...words(52, 'dst_ip4'),
  field('dst_ip6', 56, 16, NARROW),
  ...leading(72, 'state rx_queue_mapping'),
];
const socket = (writable: '' | '!') => [
  ...words(0, `bound_dev_if${writable}`, 4),
  ...leading(4, 'family type protocol'),
  ...words(16, `mark${writable} priority${writable}`, 4),
  ...socketRest,
];

/** What all hooks for addresses of sockets share. */
const address = [
  ...words(0, 'user_family', 4),
  ...words(4, 'user_ip4!'),
  field('user_ip6', 8, 16, ANY, 4 | 8),
  ...words(24, 'user_port!'),
  ...words(28, 'family type protocol', 4),
  pointer('sk', 64, 'socket'),
];

const sockOpsWords =
  'snd_cwnd srtt_us cb_flags state rtt_min snd_ssthresh rcv_nxt snd_nxt snd_una mss_cache ecn_flags rate_delivered rate_interval_us packets_out retrans_out total_retrans segs_in data_segs_in segs_out data_segs_out lost_out sacked_out sk_txhash!';

export const contexts = {
  socket_filter: skb(
    '',
    `tc_classid data data_meta data_end ${SOCKET_FIELDS} tstamp tstamp_type wire_len hwtstamp flow_keys`,
  ),
  sched_cls: skb('mark tc_index priority tc_classid tstamp queue_mapping', `${SOCKET_FIELDS} flow_keys`),
  cgroup_skb: skb('mark priority tstamp', 'tc_classid data_meta wire_len tstamp_type flow_keys'),
  lwt: skb(
    'mark priority',
    `tc_classid ${SOCKET_FIELDS} data_meta tstamp tstamp_type wire_len hwtstamp flow_keys`,
  ),
  sk_skb: skb(
    'tc_index priority',
    'mark tc_classid data_meta tstamp tstamp_type wire_len hwtstamp flow_keys',
  ).map((f) => (f.name === 'cb' ? { ...f, writes: 0 } : f)),
  flow_dissector: skb('', '').filter((f) => ['data', 'data_end', 'flow_keys'].includes(f.name)),
  xdp: [
    field('data', 0, 4, 4, 0, 'packet'),
    field('data_end', 4, 4, 4, 0, 'packet_end'),
    field('data_meta', 8, 4, 4, 0, 'packet_meta'),
    ...words(12, 'ingress_ifindex rx_queue_index', 4),
  ],
  xdp_devmap: words(20, 'egress_ifindex', 4),
  /** struct pt_regs: of x86-64 the first 168 bytes, of arm64 all. */
  kprobe: region(0, 336),
  /** The first 8 bytes of a record are not for programs. */
  tracepoint: region(8, 8192),
  perf_event: sampled(168),
  /** Registers as struct user_pt_regs has them. */
  perf_event_arm64: sampled(272),
  raw_tracepoint: region(0, 96),
  raw_tracepoint_writable: [field('record', 0, 8, 8, 0, 'record'), ...region(8, 96)],
  syscall: region(0, 65528, ANY, ANY),
  cgroup_sock: socket('!'),
  cgroup_sock_addr: [...address, ...words(40, 'msg_src_ip4!'), field('msg_src_ip6', 44, 16, ANY, 4 | 8)],
  /** Where no message has a source that could be chosen. */
  cgroup_bound_addr: address,
  sock_ops: [
    ...words(0, 'op', 4),
    ...words(4, 'reply!', 4),
    field('args', 8, 12, 4),
    ...words(20, 'family remote_ip4 local_ip4', 4),
    field('remote_ip6', 32, 16, 4),
    field('local_ip6', 48, 16, 4),
    ...words(64, 'remote_port local_port is_fullsock', 4),
    ...words(76, sockOpsWords, 4),
    field('bytes_received', 168, 8, 8),
    field('bytes_acked', 176, 8, 8),
    pointer('sk', 184, 'socket', true),
    field('skb_data', 192, 8, 8, 0, 'packet'),
    field('skb_data_end', 200, 8, 8, 0, 'packet_end'),
    ...words(208, 'skb_len skb_tcp_flags', 4),
    field('skb_hwtstamp', 216, 8, 8),
  ],
  sk_msg: [
    field('data', 0, 8, 8, 0, 'packet'),
    field('data_end', 8, 8, 8, 0, 'packet_end'),
    ...words(16, 'family remote_ip4 local_ip4', 4),
    field('remote_ip6', 28, 16, 4),
    field('local_ip6', 44, 16, 4),
    ...words(60, 'remote_port local_port size', 4),
    pointer('sk', 72, 'socket'),
  ],
  sk_reuseport: [
    field('data', 0, 8, 8, 0, 'packet'),
    field('data_end', 8, 8, 8, 0, 'packet_end'),
    ...words(16, 'len'),
    field('eth_protocol', 20, 4, 2 | 4),
    ...words(24, 'ip_protocol bind_inany'),
    ...words(32, 'hash', 4),
    pointer('sk', 40, 'socket'),
    pointer('migrating_sk', 48, 'sock_common', true),
  ],
  cgroup_device: [...words(0, 'access_type'), ...words(4, 'major minor', 4)],
  cgroup_sysctl: [field('write', 0, 4, NARROW), field('file_pos', 4, 4, NARROW, 4)],
  cgroup_sockopt: [
    pointer('sk', 0, 'socket'),
    field('optval', 8, 8, 8, 0, 'packet'),
    field('optval_end', 16, 8, 8, 0, 'packet_end'),
    ...words(24, 'level! optname! optlen! retval!', 4),
  ],
  sk_lookup: [
    pointer('sk', 0, 'socket', true),
    ...words(8, 'family protocol remote_ip4'),
    field('remote_ip6', 20, 16, NARROW),
    ...words(36, 'remote_port local_ip4'),
    field('local_ip6', 44, 16, NARROW),
    ...words(60, 'local_port ingress_ifindex'),
  ],
  lirc_mode2: words(0, 'sample', 4),
  /** Arguments of a function of the kernel, as many as there may be, and what it returned. */
  traced: [field('arguments', 0, 96, 8, 0, 'kernel')],
  /** Arguments of a member of a struct of functions. */
  member: [field('arguments', 0, 96, ANY, 0, 'kernel')],
  /** What is the same in all iterators: struct bpf_iter_meta. */
  iterated: [pointer('meta', 0, 'iter_meta')],
  /** struct bpf_nf_ctx. */
  netfilter: [field('state', 0, 8, 8, 0, 'kernel'), field('skb', 8, 8, 8, 0, 'kernel')],
} as const satisfies Record<string, readonly Field[]>;

/** struct bpf_iter__NAME: what an iterator hands over after `meta`; at its end there is none of it (bpf_iter_reg_target() and who calls it). */
const element = (name: string, offset = 8, kind: ObjectKind = 'kernel') => pointer(name, offset, kind, true);
const map = field('map', 8, 8, 8, 0, 'kernel');
const key = field('key', 16, 8, 8, 0, 'buffer_read');

export const iterated = {
  bpf_link: [element('link')],
  bpf_map: [element('map', 8, 'kernel_map')],
  bpf_map_elem: [map, key, field('value', 24, 8, 8, 0, 'buffer')],
  bpf_prog: [element('prog')],
  bpf_sk_storage_map: [map, element('sk', 16), field('value', 24, 8, 8, 0, 'buffer')],
  cgroup: [element('cgroup', 8, 'cgroup')],
  dmabuf: [element('dmabuf')],
  ipv6_route: [element('rt')],
  kmem_cache: [element('s')],
  ksym: [element('ksym')],
  netlink: [element('sk')],
  sockmap: [map, key, element('sk', 24)],
  task: [element('task', 8, 'task')],
  task_file: [element('task', 8, 'task'), ...argument(16, 'fd'), element('file', 24)],
  task_vma: [element('task', 8, 'task'), element('vma', 16)],
  tcp: [element('sk_common'), ...argument(16, 'uid')],
  udp: [element('udp_sk'), ...argument(16, 'uid'), ...argument(24, 'bucket')],
  unix: [element('unix_sk'), ...argument(16, 'uid')],
} as const satisfies Record<string, readonly Field[]>;

/** What the kernel keeps there depends on the kernel; loads from it never fault. */
const kernelBytes = [field('bytes', 0, 65528, ANY, 0, 'kernel')];

export const objects: Readonly<Record<ObjectKind, readonly Field[]>> = {
  sock_common: [...words(0, 'bound_dev_if', 4), ...leading(4, 'family'), ...socketRest],
  socket: socket(''),
  tcp_socket: [field('counters', 0, 80, 4), field('bytes', 80, 16, 8), field('more_counters', 96, 16, 4)],
  xdp_socket: words(0, 'queue_id', 4),
  kernel: kernelBytes,
  task: kernelBytes,
  cgroup: kernelBytes,
  cpumask: kernelBytes,
  crypto: kernelBytes,
  conntrack: kernelBytes,
  key: kernelBytes,
  file: kernelBytes,
  path: kernelBytes,
  tcp: kernelBytes,
  ack_sample: kernelBytes,
  rate_sample: kernelBytes,
  mask: kernelBytes,
  hid_context: kernelBytes,
  hid_device: kernelBytes,
  dummy_state: kernelBytes,
  kernel_map: kernelBytes,
  conntrack_new: kernelBytes,
  xfrm_state: kernelBytes,
  css: kernelBytes,
  vma: kernelBytes,
  dentry: kernelBytes,
  half_socket: kernelBytes,
  iter_meta: kernelBytes,
  flow_keys: region(0, 56, ANY, ANY),
  /** struct bpf_map; which of its fields is where depends on the kernel. */
  map: region(0, 256, 4 | 8),
  iter_num: [],
  iter_bits: [],
  iter_scx_dsq: [],
  iter_task: [],
  iter_css: [],
  iter_css_task: [],
  iter_task_vma: [],
  dynptr_local: [],
  dynptr_ringbuf: [],
  dynptr_skb: [],
  dynptr_xdp: [],
};
