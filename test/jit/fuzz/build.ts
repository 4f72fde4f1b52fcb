/** Builds the fuzzer: one half for this machine, one for AArch64 Linux under qemu-user. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const here = 'test/jit/fuzz';
const flags = [
  '-std=c23',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-O2',
  '-Ikernel-aarch64',
  '-Itest/verifier/oracle',
  `-I${here}`,
];
const bare = ['--target=aarch64-linux-gnu', '-ffreestanding', '-march=armv8-a', '-fno-stack-protector'];
const linked = ['-nostdlib', '-static', '-fuse-ld=lld-19', '-mgeneral-regs-only'];

const sourcesIn = (folder: string) =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.c') && name !== 'executor.c')
    .map((name) => `${folder}/${name}`);

const clang = (args: readonly string[]) => execFileSync('clang-19', args, { cwd: root });

/** What is missing, with its package, or undefined. */
export const missingForFuzz = (): string | undefined => {
  const packages = { 'qemu-aarch64': 'qemu-user', 'clang-19': 'clang-19', 'ld.lld-19': 'lld-19' };
  const missing = Object.entries(packages).find(([tool]) => spawnSync(tool, ['--version']).status !== 0);
  return missing && `${missing[0]} is not installed (apt-get install ${missing[1]})`;
};

export type Fuzzer = { readonly path: string; readonly executor: string };

/** Compiles both halves into build/jit-fuzz. @throws Error with clang's words when it does not compile. */
export const buildFuzzer = (): Fuzzer => {
  const folder = join(root, 'build/jit-fuzz');
  mkdirSync(folder, { recursive: true });
  const [path, executor] = [join(folder, 'fuzz'), join(folder, 'executor')];
  const kernel = ['jit', 'interp', 'verifier'].flatMap((part) => sourcesIn(`kernel-aarch64/bpf/${part}`));
  const routines = [...sourcesIn('kernel-aarch64/neon'), 'kernel-aarch64/lib/crc32.c'].map((source) => {
    const object = join(folder, `${source.replaceAll('/', '_')}.o`);
    clang([...bare, ...flags, '-c', '-o', object, source]);
    return object;
  });
  clang([...bare, ...linked, ...flags, '-o', executor, `${here}/executor.c`, ...routines]);
  clang(['-D_GNU_SOURCE', '-g', ...flags, '-o', path, ...sourcesIn(here), ...kernel]);
  return { path, executor };
};
