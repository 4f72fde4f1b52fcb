/** What the C side proved in its last verification or check. */
import { bpf } from '../../abi/index.ts';
import type { HostInstance } from './instance.ts';
import type { LinuxProgram, Program } from './program.ts';

/** What was proven of each slot: bits of enum bpf_fact in kernel-aarch64/bpf/program.h. */
export type Facts = { readonly flags: Uint8Array; readonly stackBytes: number };

const readFacts = ({ exports }: HostInstance, count: number): Facts => ({
  flags: new Uint8Array(exports.memory.buffer, exports.host_facts(), count).slice(),
  stackBytes: exports.host_stack_bytes(),
});

export const proven = (host: HostInstance, program: Program | LinuxProgram) => ({
  ok: true as const,
  bound: Number(BigInt.asUintN(64, host.exports.host_bound())),
  steps: Number(host.exports.host_verifier_steps()),
  states: host.exports.host_states(),
  facts: readFacts(host, program.code.length / bpf.INSN_BYTES),
});
