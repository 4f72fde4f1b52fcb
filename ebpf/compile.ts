/** Compiles modules from C with clang's eBPF target. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CompileError, runClang } from './clang.ts';

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
  /** Gets what clang warns of in a source that it takes. */
  readonly onWarnings?: (text: string) => void;
};

/** Of mistakes that clang's words do not name: the header that is missing, and what eBPF does not have. */
const hints: readonly (readonly [said: RegExp, hint: string])[] = [
  [
    /'(asm|bits|bpf|linux|sys|std\w+|string|vmlinux)[./].* file not found/,
    'a board has no C library and no header of Linux: include "velocity.h" only; what is for Linux compile with its headers yourself, and name the object',
  ],
  [/undeclared function 'bpf_/, 'a board has no such helper: velocity.h declares those that it has'],
  [/undeclared (library )?function/, 'a board has no C library: velocity.h declares what it has'],
  [
    /built-in function 'mem/,
    'give a size that is a constant, or call vl_mem_copy, vl_mem_fill or vl_mem_compare',
  ],
  [/built-in function '__\w*[sd]f/, 'eBPF has no floating point: use integers'],
  [
    /built-in function '__\w*ti/,
    'eBPF has no numbers of 128 bits; clang makes them of loops whose sum it computes, too',
  ],
  [/stack limit is exceeded/, 'a module has 512 bytes of stack: keep what is larger in a map'],
  [/type name requires a specifier/, 'include "velocity.h" first'],
];

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
    const warnings = await runClang(args, path, options.clang, options.signal);
    if (warnings !== '') options.onWarnings?.(warnings);
    return new Uint8Array(await readFile(object));
  } catch (error) {
    const hint = error instanceof CompileError && hints.find(([said]) => said.test(error.diagnostics))?.[1];
    if (hint) error.hint = hint;
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
