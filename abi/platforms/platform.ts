/** How a platform is written down: its program types, what their contexts hold, and the prototypes of its helpers. */

/** Sizes of one access, in bytes, as a mask: 1 | 2 | 4 | 8. */
export type Sizes = number;

/** From 1 on, as enum object_kind in kernel-aarch64/bpf/verifier/platform.h orders them. */
export const OBJECT_KINDS = [
  'sock_common',
  'socket',
  'tcp_socket',
  'xdp_socket',
  'kernel',
  'flow_keys',
  'map',
  'iter_num',
  'iter_bits',
  'dynptr_local',
  'dynptr_ringbuf',
  'dynptr_skb',
  'dynptr_xdp',
  'task',
  'cgroup',
  'cpumask',
  'crypto',
  'conntrack',
  'key',
  'file',
  'path',
  'tcp',
  'ack_sample',
  'rate_sample',
  'mask',
  'hid_context',
  'hid_device',
  'dummy_state',
  'kernel_map',
  'conntrack_new',
  'xfrm_state',
  'css',
  'vma',
  'dentry',
  'half_socket',
  'iter_meta',
  'iter_scx_dsq',
  'iter_task',
  'iter_css',
  'iter_css_task',
  'iter_task_vma',
] as const;
export type ObjectKind = (typeof OBJECT_KINDS)[number];

export type Holds =
  | 'scalar'
  | 'packet'
  | 'packet_end'
  | 'packet_meta'
  | 'kernel'
  | 'buffer'
  | 'buffer_read'
  | 'record'
  | { readonly object: ObjectKind; readonly orNull?: boolean };

/** A field of a context or object, or a range of fields that are alike. */
export type Field = {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  readonly holds: Holds;
  readonly reads: Sizes;
  readonly writes: Sizes;
};

export type ProgramType = {
  readonly id: number;
  /** Bytes of the context. */
  readonly size: number;
  readonly fields: readonly Field[];
  readonly packetWrite?: boolean;
  /** LD_ABS and LD_IND. */
  readonly legacyLoads?: boolean;
  /** Least and greatest r0 at exit; anything when absent. */
  readonly exit?: readonly [number, number];
  /** Only the low 32 bits of r0 count. */
  readonly exit32?: boolean;
  /** What r0 is at exit does not matter, nor whether it is set. */
  readonly silent?: boolean;
  /** What a helper works on is an object that the context leads to, not the context. */
  readonly objects?: boolean;
  /** The context is a socket. */
  readonly socket?: boolean;
  /** The context holds the arguments of a member of a struct of functions, of which all is known. */
  readonly member?: boolean;
  /** Helpers take the context for memory. */
  readonly plain?: boolean;
  /** It may take long, though it does not sleep. */
  readonly patient?: boolean;
};

export type HelperFlag =
  | 'changes_packet'
  | 'acquires'
  | 'casts'
  | 'tail_calls'
  | 'locks'
  | 'unlocks'
  | 'writes_map'
  | 'takes_packet'
  | 'calls_back'
  | 'sleeps'
  | 'iterates'
  | 'throws'
  | 'holds'
  | 'lets_go'
  | 'read_locks'
  | 'read_unlocks'
  | 'slice_reads'
  | 'writes_dynptr'
  | 'takes_rcu'
  | 'owns'
  | 'while_locked';

export type Prototype = {
  readonly id: number;
  readonly name: string;
  /** Names of enum helper_argument and platform_argument, in lower case without `ARG_`. */
  readonly args: readonly string[];
  /** Names of enum helper_return and platform_return, likewise. */
  readonly returns: string;
  readonly object?: ObjectKind;
  readonly flags: readonly HelperFlag[];
  /** Ids of the program types that may call it; all when absent. */
  readonly types?: readonly number[];
  /** Types of maps that it takes; all when absent. */
  readonly maps?: readonly number[];
};
