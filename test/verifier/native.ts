/** Builds the verifier and its test programs for this machine, and runs them. */
import { execFile, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { linkedProgram } from '../../firmware/native.ts';
import { driver, driverHeaders } from '../jit/emulator/build.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

const sourcesIn = (folder: string) =>
  readdirSync(`${root}/${folder}`)
    .filter((name) => name.endsWith('.c'))
    .map((name) => `${folder}/${name}`);

const sanitized = ['-gline-tables-only', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

const kernel = (...parts: readonly string[]) =>
  parts.flatMap((part) => sourcesIn(`kernel-aarch64/bpf/${part}`));

const oracle = () => [
  ...driver,
  ...sourcesIn('ebpf/infer'),
  ...sourcesIn('test/verifier/oracle'),
  ...kernel('checker', 'interp', 'jit', 'verifier'),
];

const runner = () => [
  'test/verifier/runner.c',
  'ebpf/wasm/platform.c',
  ...sourcesIn('ebpf/infer'),
  ...kernel('checker', 'verifier'),
];

/** What each program is made of; those with the same flags share what both are made of. */
const programs = {
  runner: { flags: sanitized, sources: runner },
  /** The same without sanitizers: for many programs. */
  verdicts: { flags: ['-O2'], sources: runner },
  domain: { flags: ['-O2'], sources: () => ['test/verifier/domain_check.c'] },
  waiting: {
    flags: sanitized,
    sources: () => [...sourcesIn('test/verifier/waiting'), ...kernel('checker', 'verifier')],
  },
  oracle: { flags: sanitized, sources: oracle },
  /** The same without sanitizers: for millions of programs. */
  soundness: { flags: ['-O2'], sources: oracle },
};

/** Compiles a program and returns its path. */
export const build = (name: keyof typeof programs): Promise<string> => {
  built[name] ??= compile(name);
  return built[name];
};

const built: Partial<Record<keyof typeof programs, Promise<string>>> = {};

const flags = [
  '-std=c23',
  '-D_GNU_SOURCE',
  '-DOTHER_PLATFORMS=1',
  '-Wall',
  '-Wextra',
  '-Werror',
  ...driverHeaders,
  ...['.', 'kernel-aarch64', 'ebpf/infer', 'test/verifier', 'test/verifier/oracle'].map(
    (path) => `-I${path}`,
  ),
];

const compile = (name: keyof typeof programs): Promise<string> => {
  const { flags: own, sources } = programs[name];
  return linkedProgram(`verifier-${name}`, [...flags, ...own], sources());
};

/** Standard output of a program that must end with status 0. */
export const outputOf = async (path: string, args: readonly string[]): Promise<string> =>
  (await run(path, args, { maxBuffer: 1 << 26 })).stdout;

export type Verdict = {
  code: string;
  insn: number;
  message: string;
  bound: number;
  steps: number;
  states: number;
  stack_bytes?: number;
  /** What the inference found, and what the checker said of it; not from the program `verdicts`. */
  certificate: {
    infer: string;
    insn: number;
    message: string;
    check?: string;
    check_insn?: number;
    check_message?: string;
    bytes?: number;
    bound?: number;
    check_steps?: number;
  };
};

/** Verdicts of the native verifier on request lines, in their order. */
export const verifyAll = async (
  requests: readonly string[],
  by: 'runner' | 'verdicts' = 'runner',
): Promise<Verdict[]> => {
  const child = spawn(await build(by), by === 'verdicts' ? ['without certificates'] : [], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(`${requests.join('\n')}\n`);
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (errors !== '') throw new Error(errors);
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Verdict);
};
