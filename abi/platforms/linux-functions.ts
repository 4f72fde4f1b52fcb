/** Functions of Linux that programs may call by name, as far as they are known here (kernel/bpf/helpers.c, cpumask.c and others, Documentation/bpf/kfuncs.rst). */
import { type More, prototype } from './linux-helpers.ts';
import { type LinuxType, programTypes } from './linux-types.ts';
import type { Prototype } from './platform.ts';

/** Their numbers here follow those of all helpers. */
export const KERNEL_FUNCTIONS_FIRST = 256;

const ids = (names: string) => names.split(' ').map((name) => programTypes[name as LinuxType].id);
/** Who gets the functions for any use: programs that only probe don't. */
const GENERIC = ids(
  'sched_cls sched_act xdp tracing tracing_entry tracing_iter tracepoint perf_event lsm lsm_bool lsm_void syscall cgroup_skb cgroup_skb_egress cgroup_sock cgroup_sock_addr cgroup_bind cgroup_recvmsg cgroup_sockopt cgroup_sysctl cgroup_device sock_ops',
);

type Row = readonly [name: string, args?: string, returns?: string, more?: More];

const rows: readonly Row[] = [
  ['bpf_iter_num_new', 'iterator_new any any', 'scalar', { object: 'iter_num' }],
  ['bpf_iter_num_next', 'iterator', 'element_or_null', { object: 'iter_num', flags: ['iterates'] }],
  ['bpf_iter_num_destroy', 'iterator_end', 'nothing', { object: 'iter_num' }],
  ['bpf_iter_bits_new', 'iterator_new any any', 'scalar', { object: 'iter_bits' }],
  ['bpf_iter_bits_next', 'iterator', 'element_or_null', { object: 'iter_bits', flags: ['iterates'] }],
  ['bpf_iter_bits_destroy', 'iterator_end', 'nothing', { object: 'iter_bits' }],
  ['bpf_throw', 'any', 'nothing', { flags: ['throws'], types: GENERIC }],
];

export const linuxFunctions: readonly Prototype[] = rows.map(([name, args, returns, more], i) =>
  prototype(KERNEL_FUNCTIONS_FIRST + i, name, args, returns, more),
);

const byName = new Map(linuxFunctions.map(({ name, id }) => [name, id]));

/** The number of a function; what follows `___` in a name tells variants of one apart. */
export const kernelFunctionId = (name: string): number | undefined => byName.get(name.replace(/___.*$/, ''));
