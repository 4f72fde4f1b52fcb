/** Fuzzes a target: those of the board with libFuzzer and the sanitizers, from generated seeds and what earlier runs found. */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, type Tool } from '../../firmware/index.ts';
import { linkedProgram } from '../../firmware/native.ts';
import { fuzzCompiled } from './compiled.ts';
import { fuzzEquivalence } from './equivalence/equivalence.ts';
import { fuzzHost } from './host.ts';
import { fuzzVerdicts } from './linux/verdicts.ts';
import { fuzzModules } from './modules/modules.ts';
import { fuzzPrograms } from './soundness.ts';
import type { BoardTarget, Target } from './targets.ts';

const flags = [
  '-std=gnu23',
  '-O1',
  '-gline-tables-only',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-fsanitize=fuzzer,address,undefined',
  '-fno-sanitize-recover=all',
];
const sanitizers: readonly Tool[] = ['sanitizers'];
const runtimeStandIns = ['kernel-aarch64/test/runtime/fakes'];
const includes = ['kernel-aarch64', 'test/fuzz', '.'];

export type Limit = {
  readonly seconds?: number;
  readonly runs?: number;
  readonly seed?: number;
  /** Of programs: compiled code runs on an emulated board, not under qemu-user. */
  readonly onBoard?: boolean;
};
export type Finding = {
  readonly target: string;
  readonly ok: boolean;
  readonly runs: number;
  readonly features: number;
  /** Of a failure: what libFuzzer said, and where the input lies. */
  readonly report: string;
  /** What was done, in words; else runs and features say it. */
  readonly summary?: string;
  /** Of programs: what else was counted. */
  readonly details?: Readonly<Record<string, number>>;
  /** What is no failure and worth to be read. */
  readonly remarks?: readonly string[];
};

const folderOf = (target: BoardTarget) => join(root, 'build/fuzz', target.name);

export const buildTarget = (target: BoardTarget): Promise<string> => {
  const folder = folderOf(target);
  mkdirSync(join(folder, 'corpus'), { recursive: true });
  mkdirSync(join(folder, 'seeds'), { recursive: true });
  target.seeds().forEach((seed, i) => {
    writeFileSync(join(folder, 'seeds', String(i)), seed);
  });
  const folders = [...(target.standIns ?? runtimeStandIns), ...includes];
  const own = `test/fuzz/${target.name}.c`;
  return linkedProgram(
    `fuzz-${target.name}`,
    [...flags, ...folders.map((path) => `-I${path}`)],
    [own, ...target.sources],
  );
};

const numberIn = (text: string, pattern: RegExp) => Number(text.match(pattern)?.[1] ?? 0);

/** Ends by itself when a limit is reached; `signal` ends it before. `say` is told how far it is. */
export const fuzz = (
  target: Target,
  limit: Limit,
  signal?: AbortSignal,
  say?: (line: string) => void,
): Promise<Finding> => {
  if ('read' in target) return fuzzHost(target, limit, signal);
  if ('proofs' in target) return fuzzEquivalence(target, limit, signal, say);
  if ('compiler' in target) return fuzzCompiled(target, limit, signal, say);
  if ('sanitized' in target) return fuzzPrograms(target, limit, signal, say);
  if ('lives' in target) return fuzzModules(target, limit, signal, say);
  if ('verdicts' in target) return fuzzVerdicts(target, limit, signal, say);
  return fuzzBoard(target, limit, signal);
};

/** Tools to fuzz it with. */
export const toolsFor = (target: Target): readonly Tool[] => {
  if ('sanitized' in target) return ['clang', 'lld', 'qemuUser', ...(target.sanitized ? sanitizers : [])];
  if ('verdicts' in target) return ['clang', 'lld', 'qemu'];
  if ('lives' in target) return ['clang', 'lld', 'dtc', 'qemu'];
  if ('proofs' in target) return ['clang'];
  return ['clang', 'dtc', ...sanitizers];
};

const fuzzBoard = async (target: BoardTarget, limit: Limit, signal?: AbortSignal): Promise<Finding> => {
  const program = await buildTarget(target);
  const folder = folderOf(target);
  const args = [
    ...(limit.seconds === undefined ? [] : [`-max_total_time=${limit.seconds}`]),
    ...(limit.runs === undefined ? [] : [`-runs=${limit.runs}`]),
    ...(limit.seed === undefined ? [] : [`-seed=${limit.seed}`]),
    `-max_len=${target.maxBytes}`,
    '-timeout=10',
    '-print_final_stats=1',
    `-artifact_prefix=${folder}/`,
    ...(limit.seed === undefined ? [join(folder, 'corpus')] : []), // a run with a seed repeats: no corpus of earlier ones
    join(folder, 'seeds'),
  ];
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], ...(signal ? { signal } : {}) });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk).slice(-65_536);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const features = [...said.matchAll(/ ft: (\d+)/g)].at(-1)?.[1];
  return {
    target: target.name,
    ok: code === 0,
    runs: numberIn(said, /stat::number_of_executed_units: (\d+)/),
    features: Number(features ?? 0),
    report: code === 0 ? '' : said.slice(-4000),
  };
};
