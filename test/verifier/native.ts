/** Builds the verifier and its test programs for this machine, and runs them. */
import { execFile, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { compiledProgram } from '../../firmware/native.ts';
import { driver } from '../jit/emulator/build.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

const sourcesIn = (folder: string) =>
  readdirSync(`${root}/${folder}`)
    .filter((name) => name.endsWith('.c'))
    .map((name) => `${folder}/${name}`);

const sanitizers = ['-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];

const oracle = () => [
  '-Itest/verifier/oracle',
  '-Iebpf/infer',
  ...driver,
  ...sourcesIn('ebpf/infer'),
  ...sourcesIn('test/verifier/oracle'),
  ...['checker', 'interp', 'jit', 'verifier'].flatMap((part) => sourcesIn(`kernel-aarch64/bpf/${part}`)),
];

const runner = () => [
  '-I.',
  '-Iebpf/infer',
  'test/verifier/runner.c',
  'ebpf/wasm/platform.c',
  ...sourcesIn('ebpf/infer'),
  ...sourcesIn('kernel-aarch64/bpf/checker'),
  ...sourcesIn('kernel-aarch64/bpf/verifier'),
];

/** What each program is made of. */
const programs = {
  runner: () => [...sanitizers, ...runner()],
  /** The same without sanitizers and certificates: for many programs. */
  verdicts: () => ['-O2', '-DVERDICTS_ONLY', ...runner()],
  domain: () => ['-O2', 'test/verifier/domain_check.c'],
  waiting: () => [
    ...sanitizers,
    '-Itest/verifier',
    ...sourcesIn('test/verifier/waiting'),
    ...['checker', 'verifier'].flatMap((part) => sourcesIn(`kernel-aarch64/bpf/${part}`)),
  ],
  oracle: () => ['-O2', ...sanitizers.slice(2), ...oracle()],
  /** The same without sanitizers: for many programs. */
  soundness: () => ['-O2', ...oracle()],
};

/** Compiles a program and returns its path. */
export const build = (name: keyof typeof programs): Promise<string> => {
  built[name] ??= compile(name);
  return built[name];
};

const built: Partial<Record<keyof typeof programs, Promise<string>>> = {};

const compile = (name: keyof typeof programs): Promise<string> => {
  const flags = [
    '-std=c23',
    '-D_GNU_SOURCE',
    '-DOTHER_PLATFORMS=1',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-Ikernel-aarch64',
  ];
  return compiledProgram(`verifier-${name}`, [...flags, ...programs[name]()]);
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
  const child = spawn(await build(by), { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end(`${requests.join('\n')}\n`);
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (errors !== '') throw new Error(errors);
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Verdict);
};
