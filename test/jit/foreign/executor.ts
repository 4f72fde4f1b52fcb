/** Runs programs for Linux compiled and interpreted, in emulation: executor.c says how. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runClang } from '../../../ebpf/clang.ts';
import { loadLinuxFunctions } from '../../../ebpf/elf/index.ts';
import { type CpuName, type JitOptions, type JitResult, loadHost } from '../../../ebpf/index.ts';
import type { LinuxProgram } from '../../../ebpf/wasm/index.ts';
import { compiledProgram } from '../../../firmware/native.ts';
import { emulatedFlags, emulatedTarget } from '../native.ts';

const HERE = 'test/jit/foreign';
const folder = fileURLToPath(new URL('.', import.meta.url));
const sources = ['executor', 'interpret'].map((name) => `${HERE}/${name}.c`);
const interpreter = ['alu', 'memory'].map((name) => `kernel-aarch64/bpf/interp/${name}.c`);

/** As record.h has it. */
const CODE_ADDR = 0x6_0000_0000n;
const HELPER_ADDR = 0x6_0010_0000n;
const ARENA_ADDR = 0x7_0000_0000n;
const NO_SLOT = 0xffff_ffff;

export const buildExecutor = (): Promise<string> =>
  compiledProgram('jit-foreign', [
    ...emulatedTarget,
    ...emulatedFlags,
    '-mgeneral-regs-only',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-Ikernel-aarch64',
    ...sources,
    ...interpreter,
  ]);

/** Programs by their names; of those that the verifier refuses its words. */
export type Compiled = { readonly name: string; readonly program: LinuxProgram; readonly result: JitResult };

const options = (cpu: CpuName): JitOptions => ({
  cpu,
  codeAddr: CODE_ADDR,
  helperBase: HELPER_ADDR,
  arenaAddr: ARENA_ADDR,
  stepBudget: 500_000,
  workspaceBytes: 1 << 25,
});

export const compileProgram = async (
  name: string,
  program: LinuxProgram,
  cpu: CpuName,
): Promise<Compiled> => {
  const host = await loadHost();
  return { name, program, result: host.jitCompile(program, options(cpu)) };
};

/** What an object for Linux has, compiled. @throws ElfError, CompileError */
export const compileObject = async (object: Uint8Array, cpu: CpuName): Promise<Compiled[]> => {
  const host = await loadHost();
  return loadLinuxFunctions(object).flatMap((f) => {
    if ('error' in f) return [];
    return [{ name: f.name, program: f.program, result: host.jitCompile(f.program, options(cpu)) }];
  });
};

const architectureHeaders = async (): Promise<string[]> =>
  (await readdir('/usr/include'))
    .filter((name) => name.endsWith('-linux-gnu'))
    .map((name) => `-idirafter/usr/include/${name}`);

/** Object of C that may include random.h. @throws CompileError */
export const compileSource = async (text: string, cpu: string, level = '-O2'): Promise<Uint8Array> => {
  const output = await mkdtemp(join(tmpdir(), 'velocity-foreign-'));
  const [source, object] = [join(output, 'a.c'), join(output, 'a.o')];
  try {
    await writeFile(source, text);
    const flags = [
      '--target=bpf',
      `-mcpu=${cpu}`,
      level,
      '-g',
      '-w',
      `-I${folder}`,
      ...(await architectureHeaders()),
    ];
    await runClang([...flags, '-c', source, '-o', object], 'C for Linux');
    return await readFile(object);
  } finally {
    await rm(output, { recursive: true });
  }
};

const words = (numbers: readonly number[]) => Buffer.from(Uint32Array.from(numbers).buffer);

export const recordOf = (
  { program, result }: Compiled,
  runs: number,
  seed: number,
  guarded: boolean,
): Buffer => {
  if (!result.ok) throw new Error(result.error.message);
  const { code, maps = [] } = program;
  const head = [code.length / 8, result.words.length, maps.length, runs, Number(guarded), seed];
  const shapes = maps.flatMap((m) => [m.type, m.keySize, m.valueSize, m.maxEntries]);
  const slots = result.insnOfWord.map((slot) => slot ?? NO_SLOT);
  return Buffer.concat([words([...head, ...shapes]), code, words([...result.words]), words(slots)]);
};

/** Names of those that do not do the same compiled as interpreted. @throws Error when one of them crashes */
export const runCompiled = (
  executor: string,
  all: readonly Compiled[],
  runs: number,
  seed: number,
  cpu: CpuName,
) => {
  const input = Buffer.concat(all.map((one) => recordOf(one, runs, seed, cpu === 'max')));
  const { stdout, status } = spawnSync('qemu-aarch64', ['-cpu', 'max,pauth-impdef=on', executor], { input });
  const answers = stdout.toString().trimEnd().split('\n');
  if (status !== 0 || answers.length !== all.length)
    throw new Error(
      `${all[stdout.length === 0 ? 0 : answers.length]?.name} ends the executor with ${status}`,
    );
  return all.filter((_, i) => answers[i] !== 'same').map(({ name }) => name);
};
