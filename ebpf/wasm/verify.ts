/** The kernel's verifier on the host: the same C, the same verdict. */
import { bpf } from '../../abi/index.ts';
import type { HostInstance } from './instance.ts';
import { errorOfCode, hand, type LinuxProgram, type Program, type ProgramError, refuse } from './program.ts';

export type VerifyOptions = {
  /** Hook run: bytes that r1 points to. Default 0. */
  readonly memorySize?: number;
  /** Instructions that the analysis may walk. Default: what the board allows. */
  readonly stepBudget?: number;
  /** Working memory of the analysis, in bytes. Default: what the board lends. */
  readonly workspaceBytes?: number;
  /** Milliseconds that the analysis may take, about. Default: no limit but the step budget. */
  readonly timeMs?: number;
};

/** enum bpf_fact in kernel-aarch64/bpf/program.h: what may have been proven of a slot. */
export const FACT = {
  reached: 1,
  dstUpperZero: 2,
  srcUpperZero: 4,
  srcNonzero: 8,
  alwaysTaken: 16,
  neverTaken: 32,
} as const;

/** What was proven of each slot: bits of enum bpf_fact in kernel-aarch64/bpf/program.h. */
export type Facts = { readonly flags: Uint8Array; readonly stackBytes: number };

export type Verdict =
  | {
      readonly ok: true;
      /** Proven upper bound of executed eBPF instructions. */
      readonly bound: number;
      readonly steps: number;
      readonly states: number;
      readonly facts: Facts;
    }
  | { readonly ok: false; readonly error: ProgramError; readonly steps: number; readonly states: number };

/** As in kernel-aarch64/patch/compile.c, so that host and board agree on programs at the limit; a test compares them. */
export const BOARD_STEP_BUDGET = 4_000_000;
export const BOARD_WORKSPACE_BYTES = 1024 * 1024;

/** struct bpf_facts: a byte for each slot that a program may have, then stack_bytes. */
const readFacts = (host: HostInstance, count: number): Facts => {
  const at = host.exports.host_facts();
  const limit = host.exports.host_program_limit();
  const flags = host.bytes(at, count).slice();
  const stackBytes = new DataView(host.exports.memory.buffer).getUint32(at + limit, true);
  return { flags, stackBytes };
};

export const verifyProgram = (
  host: HostInstance,
  program: Program | LinuxProgram,
  options: VerifyOptions,
): Verdict => {
  const refused = refuse(program);
  if (refused) return { ok: false, error: refused, steps: 0, states: 0 };
  host.reset();
  hand(host, program, options.memorySize ?? 0);
  const size = options.workspaceBytes ?? BOARD_WORKSPACE_BYTES;
  const { exports } = host;
  host.limitTime(options.timeMs ?? Number.POSITIVE_INFINITY);
  const status = exports.host_verify(host.lend(size), size, BigInt(options.stepBudget ?? BOARD_STEP_BUDGET));
  const steps = Number(exports.host_verifier_steps());
  const states = exports.host_states();
  if (status !== 0) {
    const error = errorOfCode(status, host.text(exports.host_message()), exports.host_insn());
    return { ok: false, error, steps, states };
  }
  const facts = readFacts(host, program.code.length / bpf.INSN_BYTES);
  return { ok: true, bound: Number(BigInt.asUintN(64, exports.host_bound())), steps, states, facts };
};
