/** The kernel's verifier on the host: the same C, the same verdict. */
import { bpf, statusOf } from '../../abi/index.ts';
import { certify } from './certify.ts';
import type { HostInstance } from './instance.ts';
import { errorOfCode, hand, type LinuxProgram, type Program, type ProgramError, refuse } from './program.ts';
import { type Facts, proven } from './proven.ts';

export type VerifyOptions = {
  /** Hook run: bytes that r1 points to. Default 0. */
  readonly memorySize?: number;
  /** Instructions that the analysis may walk. Default: what the board allows. */
  readonly stepBudget?: number;
  /** Working memory of the analysis, in bytes. Default: what the board lends. */
  readonly workspaceBytes?: number;
  /** Milliseconds of processor time that the analysis may take, about. Default: no limit but the step budget. */
  readonly timeMs?: number;
  /** Milliseconds by the clock, for a machine that has others to serve. Default: half as much again as `timeMs`. */
  readonly wallMs?: number;
  /** Keep what was known before each instruction. Default false: it takes memory and time. */
  readonly explain?: boolean;
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

/** Whatever the ways that came by have in common. */
export type Known = {
  readonly insn: number;
  /** Times that the analysis came by; 0 = no run comes here, or it ended before. */
  readonly ways: number;
  /** By name, `r0` to `r9`; those that are set on every way. */
  readonly registers: Readonly<Record<string, string>>;
  /** Whole words kept on the stack, by offset from r10. */
  readonly stack: Readonly<Record<string, string>>;
};

export type Verdict = { readonly explanation?: readonly Known[] } & (
  | {
      readonly ok: true;
      /** Proven upper bound of executed eBPF instructions. */
      readonly bound: number;
      /** Instructions that the analysis stepped, and most abstract states that it held at a time. */
      readonly steps: number;
      readonly states: number;
      readonly facts: Facts;
      /** What the board's checker needs to prove the same in one pass; empty when none was found. */
      readonly certificate: Uint8Array;
      /** Instructions that the checker stepped with it; 0 without one. */
      readonly checkInsns: number;
      /** Milliseconds that the search for the certificate took, or the walk without one. */
      readonly inferMs: number;
    }
  | {
      readonly ok: false;
      readonly error: ProgramError;
      /** The registers of the refused instruction before it, by name. */
      readonly registers: Readonly<Record<string, string>>;
      readonly steps: number;
      readonly states: number;
    }
);

/** As in kernel-aarch64/patch/compile.c, so that host and board agree on programs at the limit; a test compares them. */
export const BOARD_STEP_BUDGET = 4_000_000;
export const BOARD_WORKSPACE_BYTES = 1024 * 1024;

const REGISTERS = 10;
const STACK_SLOTS = 64;

const explanationOf = (host: HostInstance, count: number): Known[] => {
  const { exports } = host;
  const named = (insn: number, first: number, places: number, name: (i: number) => string) =>
    Object.fromEntries(
      Array.from({ length: places }, (_, i) => [
        name(i),
        host.text(exports.host_explain_place(insn, first + i)),
      ]).filter(([, text]) => text !== ''),
    );
  return Array.from({ length: count }, (_, insn) => {
    const ways = exports.host_explain_ways(insn);
    if (ways === 0) return { insn, ways, registers: {}, stack: {} };
    const registers = named(insn, 0, REGISTERS, (i) => `r${i}`);
    return {
      insn,
      ways,
      registers,
      stack: named(insn, REGISTERS, STACK_SLOTS, (i) => `${8 * i - 8 * STACK_SLOTS}`),
    };
  });
};

/** Registers that a refused instruction reads or writes. */
const registersOf = (host: HostInstance, program: Program | LinuxProgram, insn: number) => {
  const at = insn * bpf.INSN_BYTES;
  const [opcode, regs] = [program.code[at], program.code[at + 1]];
  if (opcode === undefined || regs === undefined) return {};
  const calls = opcode === (bpf.classes.jmp | bpf.jumpOps.call);
  const exits = opcode === (bpf.classes.jmp | bpf.jumpOps.exit);
  const names = calls ? [1, 2, 3, 4, 5] : exits ? [0] : [...new Set([regs & 15, regs >> 4])];
  return Object.fromEntries(
    names
      .filter((r) => r < REGISTERS)
      .map((r) => [`r${r}`, host.text(host.exports.host_refused_register(insn, r))])
      .filter(([, text]) => text !== ''),
  );
};

/** Of a refusal that is about the time that the analysis took: the instruction is where most of it went. */
export const mostOften = (what: string) => `${what}, this one most often`;

/** Walks the program turn by turn, as the board does without a certificate. */
const walk = (host: HostInstance, program: Program | LinuxProgram, options: VerifyOptions): Verdict => {
  const size = options.workspaceBytes ?? BOARD_WORKSPACE_BYTES;
  const { exports } = host;
  const count = program.code.length / bpf.INSN_BYTES;
  exports.host_explain(options.explain ? host.lend(count * exports.host_explain_bytes()) : 0);
  const started = performance.now();
  const status = exports.host_verify(host.lend(size), size, BigInt(options.stepBudget ?? BOARD_STEP_BUDGET));
  const inferMs = performance.now() - started;
  const explained = options.explain ? { explanation: explanationOf(host, count) } : {};
  if (status === 0)
    return { ...proven(host, program), certificate: new Uint8Array(0), checkInsns: 0, inferMs, ...explained };
  const particulars = host.text(exports.host_message());
  const isOverBudget = statusOf(status).name === 'budget_exceeded' && exports.host_verifier_steps() > 0n;
  const insn = isOverBudget ? exports.host_busiest() : exports.host_insn();
  const error = errorOfCode(status, isOverBudget ? mostOften(particulars) : particulars, insn);
  const steps = Number(exports.host_verifier_steps());
  const registers = registersOf(host, program, insn);
  return { ok: false, error, registers, steps, states: exports.host_states(), ...explained };
};

export const verifyProgram = (
  host: HostInstance,
  program: Program | LinuxProgram,
  options: VerifyOptions,
): Verdict => {
  const refused = refuse(program);
  if (refused) return { ok: false, error: refused, registers: {}, steps: 0, states: 0 };
  host.reset();
  hand(host, program, options.memorySize ?? 0);
  const { timeMs = Number.POSITIVE_INFINITY } = options;
  host.limitTime(timeMs, options.wallMs ?? 1.5 * timeMs);
  const isTyped = 'type' in program && (program.globals?.size ?? 0) > 0; // no certificate says what functions take
  const certified = options.explain || isTyped ? undefined : certify(host, program, options);
  return certified ?? walk(host, program, options);
};
