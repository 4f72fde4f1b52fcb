/** Program types of Linux by their number (enum bpf_prog_type), and the section names that stand for them (libbpf, iproute2). */

import { isAwakeHook } from './linux-attach.ts';
import { contexts, iterated } from './linux-contexts.ts';
import { securityHookArguments } from './linux-hooks.ts';
import type { ProgramType } from './platform.ts';

const BOOLEAN = [0, 1] as const;
const skb = { size: 192, legacyLoads: true };

const iteration = { size: 96, exit: BOOLEAN, objects: true, patient: true };
const traced = { size: 96, objects: true };
const secured = { ...traced, patient: true };
const member = { ...traced, fields: contexts.member, member: true };
const iterator = (id: number, name: keyof typeof iterated) => ({
  id,
  ...iteration,
  fields: [...contexts.iterated, ...iterated[name]],
});

/** Types from 33 up are Linux's too, told apart by where they attach, which decides what they may return; so are 0, 27 and 28, by the struct whose member a program implements. */
export const programTypes = {
  socket_filter: { id: 1, ...skb, fields: contexts.socket_filter },
  kprobe: { id: 2, size: 168, fields: contexts.kprobe },
  sched_cls: { id: 3, ...skb, fields: contexts.sched_cls, packetWrite: true },
  sched_act: { id: 4, ...skb, fields: contexts.sched_cls, packetWrite: true },
  tracepoint: { id: 5, size: 8192, fields: contexts.tracepoint },
  xdp: { id: 6, size: 24, fields: contexts.xdp, packetWrite: true },
  perf_event: { id: 7, size: 184, fields: contexts.perf_event },
  cgroup_skb: { id: 8, ...skb, fields: contexts.cgroup_skb, exit: BOOLEAN },
  cgroup_sock: { id: 9, size: 80, fields: contexts.cgroup_sock, exit: BOOLEAN, socket: true },
  lwt_in: { id: 10, ...skb, fields: contexts.lwt },
  lwt_out: { id: 11, ...skb, fields: contexts.lwt },
  lwt_xmit: { id: 12, ...skb, fields: contexts.lwt, packetWrite: true },
  sock_ops: { id: 13, size: 224, fields: contexts.sock_ops, exit: BOOLEAN },
  sk_skb: { id: 14, ...skb, fields: contexts.sk_skb, packetWrite: true },
  cgroup_device: { id: 15, size: 12, fields: contexts.cgroup_device, exit: BOOLEAN },
  sk_msg: { id: 16, size: 80, fields: contexts.sk_msg, packetWrite: true },
  raw_tracepoint: { id: 17, size: 96, fields: contexts.raw_tracepoint },
  cgroup_sock_addr: { id: 18, size: 72, fields: contexts.cgroup_sock_addr, exit: BOOLEAN },
  lwt_seg6local: { id: 19, ...skb, fields: contexts.lwt },
  lirc_mode2: { id: 20, size: 4, fields: contexts.lirc_mode2 },
  sk_reuseport: { id: 21, size: 56, fields: contexts.sk_reuseport, objects: true },
  flow_dissector: { id: 22, size: 192, fields: contexts.flow_dissector },
  cgroup_sysctl: { id: 23, size: 8, fields: contexts.cgroup_sysctl, exit: BOOLEAN },
  raw_tracepoint_writable: { id: 24, size: 96, fields: contexts.raw_tracepoint_writable },
  cgroup_sockopt: {
    id: 25,
    size: 40,
    fields: contexts.cgroup_sockopt,
    packetWrite: true,
    exit: BOOLEAN,
    objects: true,
  },
  tracing: { id: 26, ...traced, fields: contexts.traced },
  lsm: { id: 29, ...secured, fields: contexts.traced, exit: [-4095, 0], exit32: true },
  sk_lookup: { id: 30, size: 72, fields: contexts.sk_lookup, exit: BOOLEAN },
  syscall: { id: 31, size: 65535, fields: contexts.syscall, objects: true, plain: true },
  netfilter: { id: 32, size: 16, fields: contexts.netfilter, exit: BOOLEAN, objects: true },
  cgroup_skb_egress: { id: 33, ...skb, fields: contexts.cgroup_skb, exit: [0, 3] },
  cgroup_bind: { id: 34, size: 72, fields: contexts.cgroup_bound_addr, exit: [0, 3] },
  cgroup_recvmsg: { id: 35, size: 72, fields: contexts.cgroup_bound_addr, exit: [1, 1] },
  tracing_entry: { id: 36, ...traced, fields: contexts.traced, exit: [0, 0] },
  tracing_iter: { id: 37, ...iteration, fields: contexts.traced },
  lsm_bool: { id: 38, ...secured, fields: contexts.traced, exit: BOOLEAN, exit32: true },
  lsm_void: { id: 39, ...secured, fields: contexts.traced, silent: true },
  kprobe_multi: { id: 40, size: 168, fields: contexts.kprobe },
  xdp_devmap: { id: 41, size: 24, fields: [...contexts.xdp, ...contexts.xdp_devmap], packetWrite: true },
  iter_bpf_link: iterator(42, 'bpf_link'),
  iter_bpf_map: iterator(43, 'bpf_map'),
  iter_bpf_map_elem: iterator(44, 'bpf_map_elem'),
  iter_bpf_prog: iterator(45, 'bpf_prog'),
  iter_bpf_sk_storage_map: iterator(46, 'bpf_sk_storage_map'),
  iter_cgroup: iterator(47, 'cgroup'),
  iter_dmabuf: iterator(48, 'dmabuf'),
  iter_ipv6_route: iterator(49, 'ipv6_route'),
  iter_kmem_cache: iterator(50, 'kmem_cache'),
  iter_ksym: iterator(51, 'ksym'),
  iter_netlink: iterator(52, 'netlink'),
  iter_sockmap: iterator(53, 'sockmap'),
  iter_task: iterator(54, 'task'),
  iter_task_file: iterator(55, 'task_file'),
  iter_task_vma: iterator(56, 'task_vma'),
  iter_tcp: iterator(57, 'tcp'),
  iter_udp: iterator(58, 'udp'),
  iter_unix: iterator(59, 'unix'),
  lsm_cgroup: { id: 61, ...secured, fields: contexts.traced, exit: BOOLEAN },
  lsm_cgroup_void: { id: 62, ...secured, fields: contexts.traced, exit: [1, 1] },
  struct_ops_dummy: { id: 0, ...member },
  struct_ops_tcp: { id: 27, ...member },
  struct_ops_scx: { id: 28, ...member },
  struct_ops_hid: { id: 63, ...member },
  perf_event_arm64: { id: 60, size: 288, fields: contexts.perf_event_arm64 },
} as const satisfies Record<string, ProgramType>;

export type LinuxType = keyof typeof programTypes;

/** Names that stand for what differs in its context only. */
const groups: Readonly<Record<string, readonly LinuxType[]>> = {
  xdp: ['xdp', 'xdp_devmap'],
  perf_event: ['perf_event', 'perf_event_arm64'],
  struct_ops: (Object.keys(programTypes) as LinuxType[]).filter((name) => name.startsWith('struct_ops')),
  iterators: (Object.keys(programTypes) as LinuxType[]).filter((name) => /^(tracing_)?iter/.test(name)),
};

const COMMONEST: LinuxType = 'sched_cls';

/** Names of the structs or typedefs that contexts are of; programs whose contexts have no such are not listed (Linux include/linux/bpf_types.h, and btf_is_prog_ctx_type()). */
const contextStructs: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^(socket_filter|sched_|cgroup_skb|lwt_|sk_skb|flow_dissector)/, ['__sk_buff', 'sk_buff']],
  [/^xdp/, ['xdp_md', 'xdp_buff']],
  [/^kprobe/, ['bpf_user_pt_regs_t', 'pt_regs', 'user_pt_regs']],
  [/^perf_event/, ['bpf_perf_event_data']],
  [/^raw_tracepoint/, ['bpf_raw_tracepoint_args']],
  [/^cgroup_sock$/, ['bpf_sock']],
  [/^cgroup_(sock_addr|bind|recvmsg)$/, ['bpf_sock_addr']],
  [/^cgroup_device$/, ['bpf_cgroup_dev_ctx']],
  [/^cgroup_sysctl$/, ['bpf_sysctl']],
  [/^cgroup_sockopt$/, ['bpf_sockopt']],
  [/^sock_ops$/, ['bpf_sock_ops']],
  [/^sk_msg$/, ['sk_msg_md']],
  [/^sk_reuseport$/, ['sk_reuseport_md']],
  [/^sk_lookup$/, ['bpf_sk_lookup']],
  [/^netfilter$/, ['bpf_nf_ctx']],
];

/** What a pointer to the context of such programs points to. */
export const contextNames = (type: LinuxType): readonly string[] =>
  contextStructs.find(([pattern]) => pattern.test(type))?.[1] ?? [];

/** The type of a function that takes a pointer to a struct or typedef of one of these names, its context; the commonest without one. */
export const typeTaking = (names: readonly string[]): LinuxType =>
  [COMMONEST, ...(Object.keys(programTypes) as LinuxType[])].find((type) =>
    contextNames(type).some((name) => names.includes(name)),
  ) ?? COMMONEST;

/** Numbers of types by their names. */
export const typeIds = (names: string): number[] =>
  names
    .split(' ')
    .flatMap((name) => groups[name] ?? [name as LinuxType])
    .map((name) => programTypes[name].id);

/** Sections by name or by the part before `/`; the longest that fits is taken. */
const sections: readonly (readonly [LinuxType, string])[] = [
  ['socket_filter', 'socket socket_filter filter socket1 socket2 socket3'],
  [
    'kprobe',
    'kprobe kretprobe uprobe uretprobe uprobe.s uretprobe.s uprobe.multi uretprobe.multi uprobe.multi.s uretprobe.multi.s ksyscall kretsyscall usdt usdt.s',
  ],
  ['kprobe_multi', 'kprobe.multi kretprobe.multi kprobe.session uprobe.session uprobe.session.s'],
  [
    'sched_cls',
    'tc tcx tcx/ingress tcx/egress tc/ingress tc/egress classifier netkit netkit/primary netkit/peer ingress egress',
  ],
  ['sched_act', 'action'],
  ['tracepoint', 'tracepoint tp'],
  ['xdp', 'xdp xdp.frags xdp/cpumap xdp.frags/cpumap'],
  ['xdp_devmap', 'xdp/devmap xdp.frags/devmap'],
  ['perf_event', 'perf_event'],
  ['cgroup_skb', 'cgroup/skb cgroup_skb cgroup_skb/ingress'],
  ['cgroup_skb_egress', 'cgroup_skb/egress'],
  ['cgroup_sock', 'cgroup/sock cgroup/sock_create cgroup/sock_release cgroup/post_bind4 cgroup/post_bind6'],
  ['lwt_in', 'lwt_in'],
  ['lwt_out', 'lwt_out'],
  ['lwt_xmit', 'lwt_xmit'],
  ['lwt_seg6local', 'lwt_seg6local'],
  ['sock_ops', 'sockops sock_ops'],
  ['sk_skb', 'sk_skb sk_skb/stream_parser sk_skb/stream_verdict sk_skb/verdict'],
  ['cgroup_device', 'cgroup/dev cgroup_dev'],
  ['sk_msg', 'sk_msg'],
  ['raw_tracepoint', 'raw_tracepoint raw_tp'],
  ['raw_tracepoint_writable', 'raw_tracepoint.w raw_tp.w'],
  [
    'cgroup_sock_addr',
    'cgroup/connect4 cgroup/connect6 cgroup/connect_unix cgroup/sendmsg4 cgroup/sendmsg6 cgroup/sendmsg_unix',
  ],
  ['cgroup_bind', 'cgroup/bind4 cgroup/bind6'],
  [
    'cgroup_recvmsg',
    'cgroup/recvmsg4 cgroup/recvmsg6 cgroup/recvmsg_unix cgroup/getpeername4 cgroup/getpeername6 cgroup/getpeername_unix cgroup/getsockname4 cgroup/getsockname6 cgroup/getsockname_unix',
  ],
  ['lirc_mode2', 'lirc_mode2'],
  ['sk_reuseport', 'sk_reuseport sk_reuseport/migrate'],
  ['flow_dissector', 'flow_dissector'],
  ['cgroup_sysctl', 'cgroup/sysctl'],
  ['cgroup_sockopt', 'cgroup/getsockopt cgroup/setsockopt'],
  ['sk_lookup', 'sk_lookup'],
  ['syscall', 'syscall'],
  ['tracing', 'fmod_ret fmod_ret.s tp_btf'],
  ['tracing_entry', 'fentry fentry.s fexit fexit.s fsession'],
  ['tracing_iter', 'iter iter.s'],
  ...Object.keys(iterated).map(
    (name) => [`iter_${name}` as LinuxType, `iter/${name} iter.s/${name}`] as const,
  ),
  ['lsm', 'lsm lsm.s'],
  ['netfilter', 'netfilter'],
];

/** Hooks of security modules that return 0 or 1, that return nothing, and that programs can't have (Linux kernel/bpf/bpf_lsm.c, include/linux/lsm_hook_defs.h). */
const lsmBool = new Set('audit_rule_known inode_xattr_skipcap'.split(' '));
const lsmVoid = new Set(
  'audit_rule_free backing_file_free bdev_free_security bpf_map_free bpf_prog_free bpf_token_free bprm_committed_creds bprm_committing_creds cred_free cred_getlsmprop cred_getsecid cred_transfer current_getlsmprop_subj current_getsecid_subj d_instantiate file_free_security file_release file_set_fowner inet_conn_established inet_csk_clone initramfs_populated inode_free_security inode_free_security_rcu inode_getlsmprop inode_getsecid inode_invalidate_secctx inode_post_create_tmpfile inode_post_remove_acl inode_post_removexattr inode_post_set_acl inode_post_setattr inode_post_setxattr ipc_getlsmprop ipc_getsecid key_free key_post_create_or_update msg_msg_free_security msg_queue_free_security path_post_mknod release_secctx req_classify_flow sb_delete sb_free_mnt_opts sb_free_security sctp_sk_clone secmark_refcount_dec secmark_refcount_inc sem_free_security shm_free_security sk_clone_security sk_free_security sk_getsecid sock_graft task_free task_getlsmprop_obj task_getsecid_obj task_to_inode xfrm_policy_free_security xfrm_state_free_security'.split(
    ' ',
  ),
);
const lsmClosed = new Set(
  'audit_rule_match getprocattr getselfattr inode_copy_up_xattr inode_getsecurity inode_listsecurity inode_need_killpriv ismaclabel key_getsecurity setprocattr vm_enough_memory'.split(
    ' ',
  ),
);

const lsmType = (section: string): LinuxType | 'closed' | undefined => {
  const [, how, hook] = /^(lsm|lsm\.s|lsm_cgroup)\/(.*)$/.exec(section) ?? [];
  if (how === undefined || hook === undefined) return undefined;
  if (lsmClosed.has(hook) || (maySleep(section) && isAwakeHook(hook))) return 'closed';
  if (how === 'lsm_cgroup') return lsmVoid.has(hook) ? 'lsm_cgroup_void' : 'lsm_cgroup';
  return lsmVoid.has(hook) ? 'lsm_void' : lsmBool.has(hook) ? 'lsm_bool' : 'lsm';
};

/** Where a program attaches whose context holds arguments of a function of the kernel, and how: `fentry`, `lsm`, … */
export const tracedAt = (section: string): { readonly how: string; readonly name: string } | undefined => {
  const [, how, name] = /^\??(fentry|fexit|fmod_ret|lsm|tp_btf)(?:\.s|_cgroup)?\/(.+)$/.exec(section) ?? [];
  return how !== undefined && name !== undefined ? { how, name } : undefined;
};

/** Bytes of the context of a program that gets so many arguments, and maybe what the function returns. */
export const tracedBytes = (how: string, count: number, returns: boolean): number =>
  8 * (count + (returns && how !== 'fentry' && how !== 'tp_btf' ? 1 : 0));

/** Bytes of the context of programs of this section, when that says more than their type. */
export const contextBytesAt = (section: string): number | undefined => {
  const at = tracedAt(section);
  const count = at?.how === 'lsm' ? securityHookArguments(at.name) : undefined;
  return count === undefined ? undefined : tracedBytes('lsm', count, !lsmVoid.has(at!.name));
};

/** Sections whose programs take the place of a function of another program, whose type they get. */
const replacing = /^\??freplace(\/|$)/;
export const isReplacingSection = (section: string) => replacing.test(section);
/** And from what the members of a struct are that the object defines. */
const ofMember = /^\??struct_ops(\.s)?(\/|$)/;
export const isMemberSection = (section: string) => ofMember.test(section);

const bySection = new Map(
  sections.flatMap(([type, names]) => names.split(' ').map((name) => [name, type] as const)),
);

/** Programs of these sections may sleep. */
const sleepable =
  /^(fentry\.s|fexit\.s|fmod_ret\.s|iter\.s|lsm\.s|uprobe\.s|uretprobe\.s|uprobe\.multi\.s|uretprobe\.multi\.s|uprobe\.session\.s|usdt\.s|syscall|struct_ops\.s)(\/|$)/;
export const maySleep = (section: string) => sleepable.test(section.replace(/^\?/, ''));

/** The longest leading part of the section name, up to a `/`, that has a type. */
const named = (section: string): LinuxType | undefined => {
  for (let name = section; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('/')))) {
    const type = bySection.get(name);
    if (type) return type;
  }
  return undefined;
};

const hints: readonly (readonly [RegExp, LinuxType])[] = [
  [/^k(ret)?probe/, 'kprobe'],
  [/^u(ret)?probe/, 'kprobe'],
  [/^(tracepoint|tp_)/, 'tracepoint'],
  [/^raw_t/, 'raw_tracepoint'],
  [/^perf_event/, 'perf_event'],
  [/^socket/, 'socket_filter'],
  [/^sockops|^sock_ops/, 'sock_ops'],
  [/^sk_skb/, 'sk_skb'],
  [/^sk_msg/, 'sk_msg'],
  [/^cgroup\/.*skb|^cgroup_skb/, 'cgroup_skb'],
  [/xdp/, 'xdp'],
  [/^(tc|cls|classifier|ingress|egress)/, 'sched_cls'],
];

const hinted = (name: string): LinuxType | undefined =>
  hints.find(([pattern]) => pattern.test(name.toLowerCase()))?.[1];

/**
 * The type of the programs of a section. Loaders like iproute2 are told the type by their user, so a section that says
 * nothing counts as what its name or the name of its file hints at, and as a classifier, the commonest, without a hint.
 * @returns `typed` for programs that only types say more of, `closed` for hooks that no program gets.
 */
export const linuxTypeOf = (section: string, file = ''): LinuxType | 'typed' | 'closed' => {
  const name = section.replace(/^\?/, '');
  if (replacing.test(name) || ofMember.test(name)) return 'typed';
  const known = lsmType(name) ?? named(name);
  if (known) return known;
  return hinted(name) ?? hinted(file.split('/').at(-1)!) ?? COMMONEST;
};

/** What iproute2 loads from sections of any name. */
const LOADED_BY_NAME: readonly LinuxType[] = ['sched_cls', 'xdp', 'lwt_xmit', 'lwt_in', 'lwt_seg6local'];

/** The types that the programs of a section may have beside linuxTypeOf(), where whoever loads them says which. */
export const otherTypesOf = (section: string, file = ''): readonly LinuxType[] => {
  const name = section.replace(/^\?/, '');
  if (name === 'filter') return ['sched_cls'];
  const type = linuxTypeOf(section, file);
  return named(name) || hinted(name) || !LOADED_BY_NAME.includes(type as LinuxType)
    ? []
    : LOADED_BY_NAME.filter((other) => other !== type);
};
