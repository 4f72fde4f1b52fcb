/** Runs clang, whichever name it is installed under. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

export class CompileError extends Error {
  /** What clang printed. */
  readonly diagnostics: string;
  readonly exit = 'build_failed';
  /** What to do about it, where clang's words lead elsewhere. */
  hint?: string;
  constructor(what: string, diagnostics: string, options?: ErrorOptions) {
    super(diagnostics === '' ? what : `${what}\n${diagnostics}`, options);
    this.name = 'CompileError';
    this.diagnostics = diagnostics;
  }
}

const COMPILERS = ['clang-19', 'clang-20', 'clang-21', 'clang'];
/** Everything compiled here takes seconds of a CPU, which others may want too; a compiler that takes longer hangs. */
const TIMEOUT_MS = 600_000;

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** What LLVM says where the disk is full, before it asks to be told of a crash. */
const NO_ROOM = /no space left on device|disk quota exceeded/i;
const noRoom = (what: string, clang: string, args: readonly string[], cause: unknown) =>
  Object.assign(
    new Error(`${what}: ${clang} finds no room for ${args[args.indexOf('-o') + 1] ?? 'its output'}`, {
      cause,
    }),
    { code: 'ENOSPC' },
  );

const tryOne = async (
  clang: string,
  args: readonly string[],
  what: string,
  signal?: AbortSignal,
): Promise<string> => {
  try {
    const { stderr } = await run(clang, args, {
      timeout: TIMEOUT_MS,
      maxBuffer: 16 * 1024 * 1024,
      ...(signal && { signal }),
    });
    return stderr.trim();
  } catch (error) {
    if (isMissing(error) || signal?.aborted) throw error;
    const { stderr, killed } = error as { stderr?: string; killed?: boolean };
    if (NO_ROOM.test(stderr ?? '')) throw noRoom(what, clang, args, error);
    const why = killed ? `did not finish in ${TIMEOUT_MS / 1000} s` : 'refused it';
    throw new CompileError(`${what}: ${clang} ${why}`, (stderr ?? '').trim(), { cause: error });
  }
};

/**
 * Runs the first clang that is installed, or the one given, until `signal`, and returns what it warned of.
 * @throws CompileError when none is, or when it fails, an error with the code ENOSPC where the disk is full; `what` says what was being compiled.
 */
export const runClang = async (
  args: readonly string[],
  what: string,
  clang?: string,
  signal?: AbortSignal,
): Promise<string> => {
  const compilers = clang === undefined ? COMPILERS : [clang];
  for (const compiler of compilers) {
    try {
      return await tryOne(compiler, args, what, signal);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  const hint = 'install clang 19 (`apt install clang-19 lld-19`) or run `velocity doctor`';
  throw new CompileError(`${what}: ${compilers.join(', ')} not found; ${hint}`, '');
};
