/** Compiles modules from C with clang's eBPF target. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type CompileOptions = {
  /** More folders with headers; modules/include is always one. */
  readonly includes?: readonly string[];
  /** eBPF version, clang's -mcpu. Default v4, which the board has in full. */
  readonly cpu?: 'v1' | 'v2' | 'v3' | 'v4';
  /** More arguments, for example `-DROWS=64`. */
  readonly arguments?: readonly string[];
  /** Compiler to run. Default: the first of clang-19, clang that is installed. */
  readonly clang?: string;
};

export class CompileError extends Error {
  /** What clang printed. */
  readonly diagnostics: string;
  constructor(what: string, diagnostics: string, options?: ErrorOptions) {
    super(diagnostics === '' ? what : `${what}\n${diagnostics}`, options);
    this.name = 'CompileError';
    this.diagnostics = diagnostics;
  }
}

const COMPILERS = ['clang-19', 'clang'];
const INCLUDE = fileURLToPath(new URL('../modules/include', import.meta.url));
/** A module is a page of C; a compiler that takes longer hangs. */
const TIMEOUT_MS = 60_000;

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

const compileWith = async (clang: string, args: readonly string[], source: string): Promise<void> => {
  try {
    await run(clang, args, { timeout: TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 });
  } catch (error) {
    if (isMissing(error)) throw error;
    const { stderr, killed } = error as { stderr?: string; killed?: boolean };
    const why = killed ? `did not finish in ${TIMEOUT_MS / 1000} s` : 'refused it';
    throw new CompileError(`${source}: ${clang} ${why}`, (stderr ?? '').trim(), { cause: error });
  }
};

const compileWithFirst = async (compilers: readonly string[], args: readonly string[], source: string) => {
  for (const clang of compilers) {
    try {
      await compileWith(clang, args, source);
      return;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  throw new CompileError(
    `${source}: ${compilers.join(' and ')} not found; install clang 19 (\`apt install clang-19\`) or run \`velocity doctor\``,
    '',
  );
};

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
    await compileWithFirst(options.clang ? [options.clang] : COMPILERS, args, path);
    return new Uint8Array(await readFile(object));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
