/** Where Linux has the program types that are judged for: enum bpf_prog_type, enum bpf_attach_type, and what of the kernel they attach to (include/uapi/linux/bpf.h). */
import { handedAt, type LinuxType } from '../../../abi/index.ts';

export type Place = {
  readonly type: number;
  /** Expected attach types: a program is accepted when it is at one of them. */
  readonly attach: readonly number[];
  /** By the name of a function or type of the kernel. */
  readonly at?: string;
  readonly sleeps?: boolean;
};

const place = (type: number, ...attach: number[]): Place => ({
  type,
  attach: attach.length === 0 ? [0] : attach,
});
const TRACING = 26;
const traced = (attach: number, at: string): Place => ({ type: TRACING, attach: [attach], at });
const hook = (at: string, attach = 27): Place => ({ type: 29, attach: [attach], at: `bpf_lsm_${at}` });
const LSM_CGROUP = 43;
const RAW_TP = 23;
const FENTRY = 24;
const ITERATOR = 28;

/** Types that stand for one of Linux with the same number at its only attach type are left out. */
const places: Partial<Record<LinuxType, Place>> = {
  xdp: place(6, 37),
  cgroup_skb: place(8, 0),
  cgroup_sock: place(9, 2, 12, 13, 34),
  sock_ops: place(13, 3),
  cgroup_device: place(15, 6),
  sk_msg: place(16, 7),
  cgroup_sock_addr: place(18, 10, 11, 14, 15),
  sk_reuseport: place(21, 39, 40),
  flow_dissector: place(22, 17),
  cgroup_sysctl: place(23, 18),
  cgroup_sockopt: place(25, 21, 22),
  tracing: traced(RAW_TP, 'btf_trace_sched_process_fork'),
  lsm: hook('file_open'),
  sk_lookup: place(30, 36),
  syscall: { ...place(31), sleeps: true },
  netfilter: place(32, 45),
  cgroup_skb_egress: place(8, 1),
  cgroup_bind: place(18, 8, 9),
  cgroup_recvmsg: place(18, 19, 20),
  tracing_entry: traced(FENTRY, 'tcp_sendmsg'),
  tracing_iter: traced(ITERATOR, 'bpf_iter_task'),
  lsm_bool: hook('audit_rule_known'),
  lsm_void: hook('task_free'),
  lsm_cgroup: hook('file_open', LSM_CGROUP),
  lsm_cgroup_void: hook('task_free', LSM_CGROUP),
  perf_event_arm64: place(7),
  kprobe_multi: place(2, 42, 56),
  xdp_devmap: place(6, 33),
};

/** Of types whose place here hands over more than addresses, the section that programs would lie in. */
const sections: Partial<Record<LinuxType, string>> = {
  tracing: 'tp_btf/sched_process_fork',
  lsm: 'lsm/file_open',
};

export const handedTo = (name: LinuxType): string => handedAt(sections[name] ?? '').join(' ');

/** The number of the type, where Linux has one for each. */
const FIRST_OWN = 33;

export const placeOf = (name: LinuxType, id: number): Place => {
  const known = places[name];
  if (known) return known;
  if (name.startsWith('iter_')) return traced(ITERATOR, `bpf_${name}`);
  if (id >= FIRST_OWN) throw new Error(`nothing says where programs of type ${name} attach`);
  return place(id);
};
