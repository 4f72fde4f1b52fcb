/** Compiles modules from C with clang's eBPF target. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runClang } from './clang.ts';

export type CompileOptions = {
  /** More folders with headers; modules/include is always one. */
  readonly includes?: readonly string[];
  /** eBPF version, clang's -mcpu. Default v4, which the board has in full. */
  readonly cpu?: 'v1' | 'v2' | 'v3' | 'v4';
  /** More arguments, for example `-DROWS=64`. */
  readonly arguments?: readonly string[];
  /** Compiler to run. Default: the first of clang-19, clang-20, clang-21, clang that is installed. */
  readonly clang?: string;
  /** Ends the compiler. */
  readonly signal?: AbortSignal | undefined;
};

const INCLUDE = fileURLToPath(new URL('../modules/include', import.meta.url));

/**
 * The ELF object that clang makes of a C file.
 * @throws CompileError when clang is missing, or refuses the source; its diagnostics are in the message.
 */
export const compileModule = async (path: string, options: CompileOptions = {}): Promise<Uint8Array> => {
  const folder = await mkdtemp(join(tmpdir(), 'velocity-module-'));
  const object = join(folder, 'module.o');
  const includes = [INCLUDE, ...(options.includes ?? [])].map((i) => `-I${i}`);
  const target = ['--target=bpf', `-mcpu=${options.cpu ?? 'v4'}`, '-O2', '-g', '-c'];
  const args = [...target, ...includes, ...(options.arguments ?? []), '-o', object, path];
  try {
    await runClang(args, path, options.clang, options.signal);
    return new Uint8Array(await readFile(object));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
