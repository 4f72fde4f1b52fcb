/** The kernel's JIT on the host: the A64 code that the board would run. */
import { bpf } from '../../abi/index.ts';
import type { HostInstance } from './instance.ts';
import { errorOfCode, type Program, type ProgramError } from './program.ts';
import { type Verdict, type VerifyOptions, verifyProgram } from './verify.ts';

export type JitOptions = VerifyOptions & {
  /** Address at which the code will run. Default 0x4_0000_0000. */
  readonly codeAddr?: bigint;
  /** Address of the first helper; helper i lies 64·i bytes behind. Default: 1 MiB above codeAddr. */
  readonly helperBase?: bigint;
  /** Bits of enum jit_feature in kernel-aarch64/bpf/jit/jit.h. Default: ARMv8.0, called as the kernel calls programs. */
  readonly features?: number;
};

export type JitResult =
  | {
      readonly ok: true;
      /** A64 instructions and literals. */
      readonly words: Uint32Array;
      /** Slot that each word was compiled from; undefined in the prologue. */
      readonly insnOfWord: readonly (number | undefined)[];
      readonly bound: number;
    }
  | { readonly ok: false; readonly error: ProgramError };

/** JIT_CALLER_KEEPS: guard_call() keeps the callee-saved registers. */
const JIT_CALLER_KEEPS = 1 << 8;
/** JIT_NO_SLOT */
const NO_SLOT = 0xffff_ffff;
const CODE_ADDR = 0x4_0000_0000n;
const HELPER_DISTANCE = 0x10_0000n;
/** Where maps would be: far from the code, as on the board. */
const MAP_ADDR = 0x4_1000_0000n;
/** Words for each slot; far above what the longest expansion takes. */
const WORDS_PER_SLOT = 32;
const WORDS_EXTRA = 256;

const setEnvironment = (host: HostInstance, program: Program, options: JitOptions) => {
  const code = options.codeAddr ?? CODE_ADDR;
  const helpers = options.helperBase ?? code + HELPER_DISTANCE;
  host.exports.host_jit_environment(code, helpers, options.features ?? JIT_CALLER_KEEPS);
  for (const i of (program.maps ?? []).keys())
    host.exports.host_jit_map(i, MAP_ADDR + BigInt(i) * 0x1000n, MAP_ADDR + BigInt(i) * 0x1000n + 0x800n);
};

const words = (host: HostInstance, at: number, count: number) =>
  new Uint32Array(host.exports.memory.buffer.slice(at, at + count * 4));

/** Verifies, then compiles. */
export const compileProgram = (host: HostInstance, program: Program, options: JitOptions): JitResult => {
  const verdict: Verdict = verifyProgram(host, program, options);
  if (!verdict.ok) return { ok: false, error: verdict.error };
  const count = program.code.length / bpf.INSN_BYTES;
  const capacity = count * WORDS_PER_SLOT + WORDS_EXTRA;
  setEnvironment(host, program, options);
  const out = host.allocate(capacity * 4);
  const index = host.allocate((count + 1) * 4);
  const status = host.exports.host_jit(host.exports.host_facts(), out, capacity, index);
  if (status !== 0) return { ok: false, error: errorOfCode(status) };
  const size = host.exports.host_jit_words();
  return {
    ok: true,
    words: words(host, out, size),
    insnOfWord: Array.from({ length: size }, (_, word) => {
      const slot = host.exports.host_jit_slot(index, word) >>> 0;
      return slot === NO_SLOT ? undefined : slot;
    }),
    bound: verdict.bound,
  };
};
