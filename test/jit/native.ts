/** Compiles small C programs against the kernel's headers: for the machine the tests run on, or for qemu's user-mode emulation. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const KERNEL = fileURLToPath(new URL('../../kernel-aarch64', import.meta.url));

/** For a program that runs under qemu-aarch64 without a C library. */
export const emulatedTarget = [
  '--target=aarch64-linux-gnu',
  '-ffreestanding',
  '-nostdlib',
  '-static',
  '-fuse-ld=lld-19',
];
/** Of one that runs compiled code beside its own: it has its atomics in itself, and nothing of a newer CPU. */
export const emulatedFlags = [
  '-std=c23',
  '-O2',
  '-march=armv8-a',
  '-mno-outline-atomics',
  '-fno-stack-protector',
];

/** Whether a tool can be run; tests that need it say so and are skipped where it is missing. */
export const hasTool = (tool: string) => spawnSync(tool, ['--version']).status === 0;

/** Path of the program that clang-19 makes of this source. */
export const compileNative = (source: string, sources: readonly string[] = []): string => {
  const folder = mkdtempSync(join(tmpdir(), 'velocity-jit-'));
  const file = join(folder, 'test.c');
  const program = join(folder, 'test');
  writeFileSync(file, source);
  const paths = sources.map((path) => join(KERNEL, path));
  execFileSync('clang-19', [
    '-std=c23',
    '-O1',
    '-Wall',
    '-Wextra',
    '-Werror',
    `-I${KERNEL}`,
    '-o',
    program,
    file,
    ...paths,
  ]);
  return program;
};

export const runNative = (program: string, input = ''): string =>
  execFileSync(program, { input, maxBuffer: 1 << 26 }).toString();
