/** Compiles the programs of this test for Linux's eBPF target, as its users do. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runClang } from '../../ebpf/clang.ts';

export const CPUS = ['v1', 'v2', 'v3', 'v4'] as const;
export type Cpu = (typeof CPUS)[number];

const folder = fileURLToPath(new URL('programs/', import.meta.url));

/** Names of the sources, without `.c`. */
export const sources = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith('.c')).map((name) => name.slice(0, -2));

export const sourceText = (name: string): Promise<string> => readFile(join(folder, `${name}.c`), 'utf8');

/** Where the C library of this machine keeps the kernel's <asm/types.h>. */
const architectureHeaders = async (): Promise<string[]> =>
  (await readdir('/usr/include'))
    .filter((name) => name.endsWith('-linux-gnu'))
    .map((name) => `/usr/include/${name}`);

/** @throws CompileError */
export const compile = async (name: string, cpu: Cpu): Promise<Uint8Array> => {
  const output = await mkdtemp(join(tmpdir(), 'velocity-platform-'));
  try {
    const object = join(output, 'a.o');
    const includes = (await architectureHeaders()).map((path) => `-idirafter${path}`);
    const flags = ['--target=bpf', `-mcpu=${cpu}`, '-O2', '-g', '-Wall', '-Wno-unused', '-Werror'];
    await runClang(
      [...flags, ...includes, '-c', join(folder, `${name}.c`), '-o', object],
      `${name}.c for Linux`,
    );
    return await readFile(object);
  } finally {
    await rm(output, { recursive: true });
  }
};
