/** Random programs through verifier, checker, interpreter and JIT: drives the oracle of test/verifier/oracle. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { buildExecutor } from '../jit/emulator/build.ts';
import { build } from '../verifier/native.ts';
import type { Finding, Limit } from './fuzz.ts';

export type ProgramTarget = {
  readonly name: string;
  readonly doc: string;
  /** Under the address and undefined-behaviour sanitizers, with damaged certificates of each program. */
  readonly sanitized: boolean;
};

/** Between lines that say how far it is. */
const PROGRESS_S = 2;
/** Without sanitizers, one program in so many is tried with damaged certificates as well. */
const DAMAGE_EVERY = 16;

/** Lines of the oracle: report.h. */
type Totals = {
  readonly programs: number;
  readonly seed: number;
  readonly next_seed: number;
  readonly accepted: number;
  readonly checked: number;
  readonly certified: number;
  readonly certified_checked: number;
  readonly damaged_accepted: number;
  readonly compiled: number;
  readonly compared: number;
  readonly codes: Readonly<Record<string, number>>;
};
type Line =
  | ({ readonly done: boolean } & Totals)
  | { readonly finding: string; readonly seed: number; readonly memory: number; readonly code: string };

const counted = (n: number) => n.toLocaleString('en');

const summaryOf = (t: Totals): string =>
  [
    `${counted(t.programs)} programs, seeds ${t.seed} to ${t.next_seed - 1}`,
    `${counted(t.accepted)} accepted and ${counted(t.certified)} with a certificate`,
    `${counted(t.checked + t.certified_checked)} states checked`,
    `${counted(t.compared)} runs of compiled code compared`,
  ].join(', ');

const detailsOf = (t: Totals) => ({
  seed: t.seed,
  next_seed: t.next_seed,
  accepted: t.accepted,
  certified: t.certified,
  damaged_accepted: t.damaged_accepted,
  states: t.checked + t.certified_checked,
  compiled: t.compiled,
  compared: t.compared,
});

const replayOf = (target: ProgramTarget, seed: number) =>
  `again: velocity fuzz --target ${target.name} --runs 1 --seed ${seed}`;

const argumentsOf = (target: ProgramTarget, limit: Limit, executor: string): string[] => [
  ...['-n', String(limit.runs ?? Number.MAX_SAFE_INTEGER), '-s', String(limit.seed ?? 1)],
  ...['-t', String(limit.seconds ?? 0), '-p', String(PROGRESS_S), '-e', executor],
  ...['-d', String(target.sanitized ? 1 : DAMAGE_EVERY)],
];

/** Ends at a limit, at the first finding, or by `signal` with what was done until then. */
export const fuzzPrograms = async (
  target: ProgramTarget,
  limit: Limit,
  signal?: AbortSignal,
  say: (line: string) => void = () => {},
): Promise<Finding> => {
  const [program, executor] = await Promise.all([
    build(target.sanitized ? 'oracle' : 'soundness'),
    buildExecutor(),
  ]);
  const child = spawn(program, argumentsOf(target, limit, executor), { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const errors = text(child.stderr);
  let totals: Totals | undefined;
  let found = '';
  for await (const read of createInterface({ input: child.stdout })) {
    const line = JSON.parse(read) as Line;
    if ('finding' in line) {
      found = `seed ${line.seed}: ${line.finding}\n${replayOf(target, line.seed)}\nmemory ${line.memory}, code ${line.code}`;
    } else {
      totals = line;
      if (!line.done) say(`${target.name}: ${summaryOf(line)}`);
    }
  }
  signal?.removeEventListener('abort', stop);
  const ok = (await ended) === 0;
  if (!totals) throw new Error(`the oracle ended without a word: ${await errors}`);
  return {
    target: target.name,
    ok,
    runs: totals.programs,
    features: Object.keys(totals.codes).length,
    report: ok ? '' : `${found}${(await errors).slice(-4000)}`,
    summary: summaryOf(totals),
    details: detailsOf(totals),
  };
};

export const programTargets: readonly ProgramTarget[] = [
  {
    name: 'soundness',
    doc: 'random programs: their runs stay in the states of the verifier, compiled they do the same',
    sanitized: false,
  },
  {
    name: 'soundness-sanitized',
    doc: 'the same under sanitizers, with damaged certificates of each program',
    sanitized: true,
  },
];
