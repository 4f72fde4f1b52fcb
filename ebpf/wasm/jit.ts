/** The kernel's JIT on the host: the A64 code that the board would run. */
import { bpf } from '../../abi/index.ts';
import type { HostInstance } from './instance.ts';
import { errorOfCode, type LinuxProgram, type Program, type ProgramError } from './program.ts';
import { FACT, type Verdict, type VerifyOptions, verifyProgram } from './verify.ts';

/** Bits of enum jit_feature in kernel-aarch64/bpf/jit/jit.h. */
const CPU = {
  lse: 1,
  dotprod: 2,
  crc32: 4,
  bti: 8,
  inOrder: 16,
  erratum835769: 32,
  callerKeeps: 256,
} as const;

export type JitOptions = VerifyOptions & {
  /** Address at which the code will run. Default 0x4_0000_0000. */
  readonly codeAddr?: bigint;
  /** Address of the first helper; helper i lies 64·i bytes behind. Default: 1 MiB above codeAddr. */
  readonly helperBase?: bigint;
  /** Linux: where an arena lies for the kernel. Default 0x5_0000_0000. */
  readonly arenaAddr?: bigint;
  /** Default: cortex-a72. */
  readonly cpu?: CpuName;
};

/** Features of the CPUs that the boards have; `max` has all that the compiler knows. */
export const cpuFeatures = {
  'cortex-a53': CPU.crc32 | CPU.inOrder | CPU.erratum835769,
  'cortex-a72': CPU.crc32,
  'cortex-a76': CPU.lse | CPU.dotprod | CPU.crc32,
  'cortex-a78ae': CPU.lse | CPU.dotprod | CPU.crc32,
  max: CPU.lse | CPU.dotprod | CPU.crc32 | CPU.bti,
} as const;
export type CpuName = keyof typeof cpuFeatures;

export type JitResult =
  | {
      readonly ok: true;
      /** A64 instructions and literals. */
      readonly words: Uint32Array;
      /** Slot that each word was compiled from; undefined in the prologue. */
      readonly insnOfWord: readonly (number | undefined)[];
      /** How often each slot was compiled: the JIT writes out up to four turns of a loop. */
      readonly turnsOfInsn: readonly number[];
      /** Slots that a run may come to, as far as the verifier sees: constants that a loader sets switch much off. */
      readonly reached: number;
      readonly bound: number;
    }
  | { readonly ok: false; readonly error: ProgramError };

/** JIT_NO_SLOT */
const NO_SLOT = 0xffff_ffff;
const CODE_ADDR = 0x4_0000_0000n;
const HELPER_DISTANCE = 0x10_0000n;
/** Where maps would be: far from the code, as on the board. */
const MAP_ADDR = 0x4_1000_0000n;
/** A map that is memory at any address (enum bpf_map_type). */
const ARENA = 33;
/** Where an arena is for the kernel, and for users: a multiple of 4 GiB. */
const ARENA_ADDR = 0x5_0000_0000n;
const ARENA_USER_ADDR = 0x7f00_0000_0000n;
/** Words for each slot; far above what the longest expansion takes. */
const WORDS_PER_SLOT = 32;
const WORDS_EXTRA = 256;

const setEnvironment = (host: HostInstance, program: Program | LinuxProgram, options: JitOptions) => {
  const code = options.codeAddr ?? CODE_ADDR;
  const helpers = options.helperBase ?? code + HELPER_DISTANCE;
  const features = cpuFeatures[options.cpu ?? 'cortex-a72'] | CPU.callerKeeps;
  host.exports.host_jit_environment(code, helpers, features);
  host.exports.host_jit_arena(options.arenaAddr ?? ARENA_ADDR, ARENA_USER_ADDR);
  for (const [i, { type }] of (program.maps ?? []).entries()) {
    const map = MAP_ADDR + BigInt(i) * 0x1000n;
    host.exports.host_jit_map(i, map, type === ARENA ? ARENA_USER_ADDR : map + 0x800n);
  }
};

const words = (host: HostInstance, at: number, count: number) =>
  new Uint32Array(host.exports.memory.buffer.slice(at, at + count * 4));

/** RFC 9669 §5.4, by opcode. */
const LOAD_IMM64 = 0x18;

const reachedSlots = (code: Uint8Array, flags: Uint8Array): number =>
  flags.reduce((total, flag, slot) => {
    if (!(flag & FACT.reached)) return total;
    return total + (code[slot * bpf.INSN_BYTES] === LOAD_IMM64 ? 2 : 1);
  }, 0);

/** Verifies, then compiles. Of a program for Linux helpers and context accesses stay what they are in the bytecode. */
export const compileProgram = (
  host: HostInstance,
  program: Program | LinuxProgram,
  options: JitOptions,
): JitResult => {
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
    turnsOfInsn: Array.from({ length: count }, (_, slot) => host.exports.host_jit_turns(index, slot)),
    reached: reachedSlots(program.code, verdict.facts.flags),
    bound: verdict.bound,
  };
};
