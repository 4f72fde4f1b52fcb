/** What Linux has only for programs whose license goes with the GPL: `gpl_only` of struct bpf_func_proto, include/linux/license.h. */
import { isKernelFunction } from './linux-functions.ts';
import { linuxHelpers } from './linux-helpers.ts';

const compatible = [
  'GPL',
  'GPL v2',
  'GPL and additional rights',
  'Dual BSD/GPL',
  'Dual MIT/GPL',
  'Dual MPL/GPL',
];

export const isGplCompatible = (license: string): boolean => compatible.includes(license);

const helperNames = new Set(
  'probe_read probe_read_str probe_read_user probe_read_kernel probe_read_user_str probe_read_kernel_str probe_write_user trace_printk trace_vprintk snprintf perf_event_read perf_event_read_value perf_prog_read_value perf_event_output skb_output xdp_output seq_printf seq_write seq_printf_btf get_stackid get_stack get_current_task get_current_task_btf task_pt_regs copy_from_user_task override_return get_func_ip read_branch_records get_branch_snapshot fib_lookup check_mtu rc_repeat rc_keydown rc_pointer_rel tcp_check_syncookie tcp_gen_syncookie tcp_raw_gen_syncookie_ipv4 tcp_raw_gen_syncookie_ipv6 tcp_raw_check_syncookie_ipv4 tcp_raw_check_syncookie_ipv6 timer_init timer_set_callback timer_start timer_cancel'.split(
    ' ',
  ),
);
const helpers = new Set(linuxHelpers.filter(({ name }) => helperNames.has(name)).map(({ id }) => id));

/** Whether the helper, or function of the kernel, is only for them. */
export const isGplOnly = (id: number): boolean => isKernelFunction(id) || helpers.has(id);

/** Whether programs of this section must be such. */
export const isGplSection = (section: string): boolean => /^\??(lsm|struct_ops)/.test(section);
