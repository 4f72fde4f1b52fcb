/** Builds the executor: a program for AArch64 Linux that runs compiled code under qemu-user. executor.c says how. */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compiledProgram } from '../../../firmware/native.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const here = 'test/jit/emulator';
const target = ['--target=aarch64-linux-gnu', '-ffreestanding', '-march=armv8-a', '-fno-stack-protector'];
const linked = ['-nostdlib', '-static', '-fuse-ld=lld-19', '-mgeneral-regs-only'];
const flags = ['-std=c23', '-Wall', '-Wextra', '-Werror', '-O2', '-Ikernel-aarch64', `-I${here}`];

/** C of the half that drives it from this machine, to be compiled with the kernel's JIT, and where its headers lie, before the kernel's. */
export const driver = [
  ...['compile', 'emulator', 'given', 'ring'].map((name) => `${here}/${name}.c`),
  'kernel-aarch64/bpf/maps/ring.c',
];
export const driverHeaders = ['kernel-aarch64/test/runtime/fakes', here].map((path) => `-I${path}`);

/** What is missing, with its package, or undefined. */
export const missingForEmulator = (): string | undefined => {
  const packages = { 'qemu-aarch64': 'qemu-user', 'clang-19': 'clang-19', 'ld.lld-19': 'lld-19' };
  const missing = Object.entries(packages).find(([tool]) => spawnSync(tool, ['--version']).status !== 0);
  return missing && `${missing[0]} is not installed (apt-get install ${missing[1]})`;
};

const compile = async (): Promise<string> => {
  const neon = readdirSync(join(root, 'kernel-aarch64/neon')).filter((name) => name.endsWith('.c'));
  const routines = [...neon.map((name) => `kernel-aarch64/neon/${name}`), 'kernel-aarch64/lib/crc32.c'];
  const objects = await Promise.all(
    routines.map((source) =>
      compiledProgram(source.replaceAll('/', '_'), [...target, ...flags, '-c', source]),
    ),
  );
  const main = `${here}/executor.c`;
  return compiledProgram('jit-executor', [...target, ...flags, ...linked, main, ...objects]);
};

let built: Promise<string> | undefined;

/** Path of the executor. @throws Error with clang's words when it does not compile. */
export const buildExecutor = (): Promise<string> => {
  built ??= compile();
  return built;
};
