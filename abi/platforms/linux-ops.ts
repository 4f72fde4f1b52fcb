/** Structs of functions that programs of Linux 6.12 may implement: of which members, and what those get (net/ipv4/bpf_tcp_ca.c, kernel/sched/ext.c, drivers/hid/bpf/hid_bpf_struct_ops.c, net/bpf/bpf_dummy_struct_ops.c). */
import type { Handed } from './linux-handed.ts';
import type { LinuxType } from './linux-types.ts';
import type { ObjectKind } from './platform.ts';

export type StructRules = {
  readonly type: LinuxType;
  /** The functions among its members that programs may implement. */
  readonly members: ReadonlySet<string>;
  /** Of these, who may sleep; all when absent. */
  readonly sleeping?: ReadonlySet<string>;
  /** By member, numbers of arguments that may be null. */
  readonly nullable: Readonly<Record<string, readonly number[]>>;
  /** What pointers to structs of these names lead to, as far as more is known of it. */
  readonly objects: Readonly<Record<string, Handed>>;
};

const names = (text: string) => new Set(text.split(' '));

const structs: Readonly<Record<string, StructRules>> = {
  tcp_congestion_ops: {
    type: 'struct_ops_tcp',
    members: names(
      'ssthresh cong_avoid set_state cwnd_event in_ack_event pkts_acked min_tso_segs cong_control undo_cwnd sndbuf_expand init release',
    ),
    nullable: {},
    objects: { sock: 'tcp', ack_sample: 'ack_sample', rate_sample: 'rate_sample' },
  },
  sched_ext_ops: {
    type: 'struct_ops_scx',
    members: names(
      'select_cpu enqueue dequeue dispatch tick runnable running stopping quiescent yield core_sched_before set_weight set_cpumask update_idle cpu_acquire cpu_release init_task exit_task enable disable cgroup_init cgroup_exit cgroup_prep_move cgroup_move cgroup_cancel_move cgroup_set_weight cpu_online cpu_offline init exit dump dump_cpu dump_task',
    ),
    sleeping: names('init_task cgroup_init cgroup_exit cgroup_prep_move cpu_online cpu_offline init exit'),
    nullable: { dispatch: [1], yield: [1] },
    objects: { task_struct: 'task', cgroup: 'cgroup', cpumask: 'mask' },
  },
  hid_bpf_ops: {
    type: 'struct_ops_hid',
    members: names('hid_device_event hid_rdesc_fixup hid_hw_request hid_hw_output_report'),
    sleeping: names('hid_rdesc_fixup hid_hw_request hid_hw_output_report'),
    nullable: {},
    objects: { hid_bpf_ctx: 'hid_context' },
  },
  bpf_dummy_ops: {
    type: 'struct_ops_dummy',
    members: names('test_1 test_2 test_sleepable'),
    sleeping: names('test_sleepable'),
    nullable: { test_1: [0] },
    objects: { bpf_dummy_ops_state: 'dummy_state' },
  },
};

/** Undefined when programs can't implement a struct of this name. */
export const structRules = (name: string): StructRules | undefined => structs[name];

/** As enum bpf_part in kernel-aarch64/bpf/program.h orders them. */
export const PARTS = [
  'size',
  'written',
  'written_whole',
  'points',
  'points_rcu',
  'holds',
  'bytes',
  'closed',
  'read',
  'exit',
] as const;

/** What is known of a place in an object, by the names of fields: how large the object is, where programs write it, and what it leads to. */
export type PartRule = {
  readonly object: ObjectKind;
  readonly what: (typeof PARTS)[number];
  readonly struct: string;
  /** Names joined by `.`; the struct itself when empty. */
  readonly field: string;
  /** Kind of the object there. */
  readonly to?: ObjectKind;
  /** Bytes at its end that do not count. */
  readonly without?: number;
  /** Where it holds; everywhere when absent. */
  readonly type?: LinuxType;
};

const written = (type: LinuxType, object: ObjectKind, struct: string, fields: string, without = 0) =>
  fields.split(' ').map((field): PartRule => ({ object, what: 'written', struct, field, without, type }));
/** The write begins where the field does. */
const fromFirst = (struct: string, fields: string) =>
  written('struct_ops_tcp', 'tcp', struct, fields).map(
    (rule): PartRule => ({ ...rule, what: 'written_whole' }),
  );
const size = (object: ObjectKind, struct: string): PartRule => ({ object, what: 'size', struct, field: '' });

export const partRules: readonly PartRule[] = [
  size('tcp', 'tcp_sock'),
  size('ack_sample', 'ack_sample'),
  size('rate_sample', 'rate_sample'),
  size('hid_context', 'hid_bpf_ctx'),
  size('dummy_state', 'bpf_dummy_ops_state'),
  ...fromFirst('sock', 'sk_pacing_rate sk_pacing_status'),
  ...fromFirst('inet_connection_sock', 'icsk_ack.pending'),
  ...fromFirst('tcp_sock', 'snd_cwnd snd_cwnd_cnt snd_cwnd_stamp snd_ssthresh ecn_flags app_limited'),
  ...written('struct_ops_tcp', 'tcp', 'inet_connection_sock', 'icsk_ca_priv'),
  ...written('struct_ops_scx', 'task', 'task_struct', 'scx.slice scx.dsq_vtime scx.disallow'),
  ...written('struct_ops_hid', 'hid_context', 'hid_bpf_ctx', 'retval'),
  ...written('struct_ops_hid', 'hid_device', 'hid_device', 'name uniq phys', 1),
  ...written('struct_ops_dummy', 'dummy_state', 'bpf_dummy_ops_state', ''),
  { object: 'hid_context', what: 'points_rcu', struct: 'hid_bpf_ctx', field: 'hid', to: 'hid_device' },
  { object: 'task', what: 'points_rcu', struct: 'task_struct', field: 'cpus_ptr', to: 'mask' },
  { object: 'task', what: 'points_rcu', struct: 'task_struct', field: 'real_parent', to: 'task' },
  { object: 'task', what: 'points_rcu', struct: 'task_struct', field: 'group_leader', to: 'task' },
  { object: 'task', what: 'bytes', struct: 'task_struct', field: 'comm' },
  { object: 'task', what: 'holds', struct: 'task_struct', field: 'cpus_mask', to: 'mask' },
  { object: 'file', what: 'holds', struct: 'file', field: 'f_path', to: 'path' },
  { object: 'css', what: 'points_rcu', struct: 'cgroup_subsys_state', field: 'cgroup', to: 'cgroup' },
  ...(['conntrack', 'conntrack_new'] as const).map(
    (object): PartRule => ({ object, what: 'written_whole', struct: 'nf_conn', field: 'mark' }),
  ),
];

/** Helpers that any of these programs may call (bpf_base_func_proto()), and those of some. */
const base = new Set([
  1, 2, 3, 5, 6, 7, 8, 12, 14, 35, 42, 80, 87, 88, 89, 93, 94, 105, 106, 112, 113, 114, 115, 118, 120, 123,
  125, 130, 131, 132, 133, 134, 149, 153, 154, 158, 164, 165, 169, 170, 171, 172, 175, 177, 181, 182, 194,
  195, 197, 198, 199, 200, 201, 202, 203, 208, 209, 210, 211,
]);
const more: Readonly<Partial<Record<LinuxType, readonly number[]>>> = {
  struct_ops_tcp: [49, 57, 107, 108, 116, 160],
  struct_ops_scx: [156, 157],
};

/** Whether programs of this type get the helper of this number. */
export const memberGets = (type: LinuxType, helper: number): boolean =>
  type !== 'struct_ops_dummy' && (base.has(helper) || more[type]?.includes(helper) === true);
