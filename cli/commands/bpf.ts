import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { registerBpfDisasm } from './bpf-disasm.ts';
import { registerBpfJit } from './bpf-jit.ts';
import { registerBpfRun } from './bpf-run.ts';
import { registerBpfVerify } from './bpf-verify.ts';

/** `velocity bpf …`: eBPF programs, apart from modules. */
export const registerBpf = (program: Command, context: Context): void => {
  const bpf = program.command('bpf').description('verify, run, compile and disassemble eBPF programs');
  registerBpfVerify(bpf, context);
  registerBpfRun(bpf, context);
  registerBpfJit(bpf, context);
  registerBpfDisasm(bpf, context);
};
