/** Runs programs on the code that the JIT makes, in qemu's user-mode emulation: machine.c says what is on the pipe. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compiledProgram } from '../../firmware/native.ts';
import { emulatedFlags, emulatedTarget } from './native.ts';

const KERNEL = fileURLToPath(new URL('../../kernel-aarch64', import.meta.url));
const SOURCE = fileURLToPath(new URL('machine.c', import.meta.url));
const QEMU = 'qemu-aarch64';

/** ARMv8.0 only, and with LSE atomics, dot products and CRC-32: bits of enum jit_feature. */
export const FEATURE_SETS = { 'cortex-a53': 0, max: 7 } as const;
export type Cpu = keyof typeof FEATURE_SETS;

export type MachineInput = {
  readonly code: Uint8Array;
  readonly memory: Uint8Array;
  /** Compile with what the verifier proves, and not at all when it refuses. Default: nothing is known. */
  readonly verify?: boolean;
};
const VERIFY = 2 ** 31;
export type MachineAnswer = {
  readonly r0: bigint;
  /** A64 instructions; 0 when it was not compiled. */
  readonly words: number;
  /** A callee-saved register or the stack pointer was not restored. */
  readonly lost: boolean;
  readonly memory: Uint8Array;
};

/** What is missing for these tests, or undefined. */
export const missingTool = (): string | undefined =>
  [QEMU, 'clang-19', 'ld.lld-19'].find((tool) => spawnSync(tool, ['--version']).status !== 0);

export const buildMachine = (): Promise<string> => {
  const parts = ['bpf/jit', 'bpf/verifier', 'neon'].flatMap((part) =>
    readdirSync(join(KERNEL, part))
      .filter((name) => name.endsWith('.c'))
      .map((name) => join(KERNEL, part, name)),
  );
  const lib = ['mem.c', 'crc32.c'].map((name) => join(KERNEL, 'lib', name));
  const flags = [...emulatedTarget, ...emulatedFlags, `-I${KERNEL}`];
  return compiledProgram('jit-machine', [...flags, SOURCE, ...parts, ...lib]);
};

const requestOf = (features: number, { code, memory, verify }: MachineInput) => {
  const header = new Uint32Array([features + (verify ? VERIFY : 0), code.length / 8, memory.length]);
  return Buffer.concat([Buffer.from(header.buffer), code, memory]);
};

/** Answers of all inputs, in order. @throws Error when the emulation ended early: a program crashed it. */
export const runMachine = (program: string, cpu: Cpu, inputs: readonly MachineInput[]): MachineAnswer[] => {
  const input = Buffer.concat(inputs.map((i) => requestOf(FEATURE_SETS[cpu], i)));
  const { stdout } = spawnSync(QEMU, ['-cpu', cpu, program], { input, maxBuffer: 1 << 28, timeout: 600_000 });
  let at = 0;
  return inputs.map(({ memory }, i) => {
    if (stdout.length < at + 16 + memory.length)
      throw new Error(`the machine ended at program ${i} of ${inputs.length}`);
    const answer = {
      r0: stdout.readBigUInt64LE(at),
      words: stdout.readUInt32LE(at + 8),
      lost: stdout.readUInt32LE(at + 12) !== 0,
      memory: new Uint8Array(stdout.subarray(at + 16, at + 16 + memory.length)),
    };
    at += 16 + memory.length;
    return answer;
  });
};
