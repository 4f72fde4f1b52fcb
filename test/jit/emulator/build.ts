/** Builds the executor: a program for AArch64 Linux that runs compiled code under qemu-user. executor.c says how. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const folder = join(root, 'build/jit-emulator');
const here = 'test/jit/emulator';
const target = ['--target=aarch64-linux-gnu', '-ffreestanding', '-march=armv8-a', '-fno-stack-protector'];
const linked = ['-nostdlib', '-static', '-fuse-ld=lld-19', '-mgeneral-regs-only'];
const flags = ['-std=c23', '-Wall', '-Wextra', '-Werror', '-O2', '-Ikernel-aarch64', `-I${here}`];

const clang = (args: readonly string[]) =>
  promisify(execFile)('clang-19', [...target, ...flags, ...args], { cwd: root });

/** C of the half that drives it from this machine, to be compiled with the kernel's JIT, and where its headers lie. */
export const driver = [`-I${here}`, `${here}/compile.c`, `${here}/emulator.c`];

/** What is missing, with its package, or undefined. */
export const missingForEmulator = (): string | undefined => {
  const packages = { 'qemu-aarch64': 'qemu-user', 'clang-19': 'clang-19', 'ld.lld-19': 'lld-19' };
  const missing = Object.entries(packages).find(([tool]) => spawnSync(tool, ['--version']).status !== 0);
  return missing && `${missing[0]} is not installed (apt-get install ${missing[1]})`;
};

const compile = async (): Promise<string> => {
  mkdirSync(folder, { recursive: true });
  const neon = readdirSync(join(root, 'kernel-aarch64/neon')).filter((name) => name.endsWith('.c'));
  const routines = [...neon.map((name) => `kernel-aarch64/neon/${name}`), 'kernel-aarch64/lib/crc32.c'];
  const own = (path: string) => `${path}.${process.pid}`; // another test may be making the same
  const objects = await Promise.all(
    routines.map(async (source) => {
      const object = own(join(folder, `${source.replaceAll('/', '_')}.o`));
      await clang(['-c', '-o', object, source]);
      return object;
    }),
  );
  const executor = join(folder, 'executor');
  await clang([...linked, '-o', own(executor), `${here}/executor.c`, ...objects]);
  renameSync(own(executor), executor);
  return executor;
};

let built: Promise<string> | undefined;

/** Path of the executor. @throws Error with clang's words when it does not compile. */
export const buildExecutor = (): Promise<string> => {
  built ??= compile();
  return built;
};
