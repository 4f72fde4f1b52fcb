/** The search for a certificate, and its check as the board does it. */
import { bpf, hooks } from '../../abi/index.ts';
import type { HostInstance } from './instance.ts';
import type { LinuxProgram, Program } from './program.ts';
import { proven } from './proven.ts';
import type { Verdict, VerifyOptions } from './verify.ts';

/** As in kernel-aarch64/bpf/checker/checker.h and patch/compile.c: what the board lends its checker. */
export const BOARD_CHECKER_BYTES = 192 * 1024;
export const BOARD_CHECKER_STEPS_PER_INSN = 64;
/** The search for a certificate: memory, most of it never touched, and instructions that it may step. */
const INFER_BYTES = 64 * 1024 * 1024;
const INFER_STEPS = 2_000_000;
/** Of programs that are larger than any board takes. */
const HOST_CHECKER_BYTES = 16 * 1024 * 1024;

/** Checks a certificate as the board does. */
const check = (host: HostInstance, program: Program | LinuxProgram, certificate: Uint8Array): number => {
  const size = 'type' in program ? HOST_CHECKER_BYTES : BOARD_CHECKER_BYTES;
  const budget = (BOARD_CHECKER_STEPS_PER_INSN * program.code.length) / bpf.INSN_BYTES;
  const at = host.place(certificate);
  return host.exports.host_check(at, certificate.length, host.lend(size), size, BigInt(budget));
};

/** Looks for a certificate and checks it; undefined when there is none. */
export const certify = (
  host: HostInstance,
  program: Program | LinuxProgram,
  options: VerifyOptions,
): Verdict | undefined => {
  const { exports } = host;
  const budget = BigInt(Math.min(options.stepBudget ?? INFER_STEPS, INFER_STEPS));
  exports.host_explain(0);
  const started = performance.now();
  if (exports.host_infer(host.lend(INFER_BYTES), INFER_BYTES, budget) !== 0) return undefined;
  const inferMs = performance.now() - started;
  const certificate = host.bytes(exports.host_certificate(), exports.host_certificate_size()).slice();
  if (check(host, program, certificate) !== 0) return undefined;
  const { steps, ...verdict } = proven(host, program);
  const overBudget = !('type' in program) && verdict.bound > hooks[program.hook].budget;
  return overBudget ? undefined : { ...verdict, steps, certificate, checkInsns: steps, inferMs };
};
