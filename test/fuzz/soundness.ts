/** Random programs through verifier, checker, interpreter and JIT: drives the oracle of test/verifier/oracle. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { buildExecutor } from '../jit/emulator/build.ts';
import { build } from '../verifier/native.ts';
import { type BoardProgram, type OracleBoard, openOracleBoard } from './board.ts';
import type { Finding, Limit } from './fuzz.ts';

export type ProgramTarget = {
  readonly name: string;
  readonly doc: string;
  /** Under the address and undefined-behaviour sanitizers, with damaged and forged certificates of each program. */
  readonly sanitized: boolean;
};

/** Between lines that say how far it is. */
const PROGRESS_S = 2;
/** Without sanitizers, one program in so many is tried with damaged and forged certificates as well. */
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
  readonly forged_accepted: number;
  readonly compiled: number;
  readonly compared: number;
  readonly codes: Readonly<Record<string, number>>;
};
type Line =
  | ({ readonly done: boolean } & Totals)
  | BoardProgram
  | {
      readonly finding: string;
      readonly seed: number;
      readonly memory: number;
      readonly code: string;
      readonly certificate: string;
    };

const counted = (n: number) => n.toLocaleString('en');

const detailsOf = (t: Totals) => ({
  seed: t.seed,
  next_seed: t.next_seed,
  accepted: t.accepted,
  certified: t.certified,
  damaged_accepted: t.damaged_accepted,
  forged_accepted: t.forged_accepted,
  states: t.checked + t.certified_checked,
  compiled: t.compiled,
  compared: t.compared,
});

export type Counts = ReturnType<typeof detailsOf>;

export const summaryOf = (programs: number, c: Counts): string =>
  [
    `${counted(programs)} programs, seeds ${c.seed} to ${c.next_seed - 1}`,
    `${counted(c.accepted)} accepted and ${counted(c.certified)} with a certificate`,
    `${counted(c.states)} states checked`,
    `${counted(c.compared)} runs of compiled code compared`,
  ].join(', ');

const replayOf = (target: ProgramTarget, limit: Limit, seed: number) =>
  `\nagain: velocity fuzz --target ${target.name} --runs 1 --seed ${seed}${limit.onBoard ? ' --on board' : ''}`;

const argumentsOf = (
  target: ProgramTarget,
  limit: Limit,
  executor: string | undefined,
  given: string | undefined,
): string[] => [
  ...(given === undefined ? [] : ['-i', given]),
  ...['-n', String(limit.runs ?? Number.MAX_SAFE_INTEGER), '-s', String(limit.seed ?? 1)],
  ...['-t', String(limit.seconds ?? 0), '-p', String(PROGRESS_S)],
  ...(executor === undefined ? ['-b'] : ['-e', executor]),
  ...['-d', String(target.sanitized ? 1 : DAMAGE_EVERY)],
];

/** What the oracle says, line by line, until it ends; a finding of the board ends it. */
const listen = async (
  child: ChildProcessByStdio<null, Readable, Readable>,
  target: ProgramTarget,
  limit: Limit,
  board: OracleBoard | undefined,
  say: (line: string) => void,
  signal: AbortSignal | undefined,
  given: string | undefined,
) => {
  let totals: Totals | undefined;
  let found = '';
  let next: number | undefined;
  const until = performance.now() + 1000 * (limit.seconds ?? Number.POSITIVE_INFINITY);
  const report = (seed: number, what: string, rest: string) => {
    found = `seed ${seed}: ${what}${given ? '' : replayOf(target, limit, seed)}\n${rest}`;
  };
  for await (const read of createInterface({ input: child.stdout })) {
    const line = JSON.parse(read) as Line;
    if ('finding' in line)
      report(
        line.seed,
        line.finding,
        `memory ${line.memory}, certificate ${line.certificate || 'none'}, code ${line.code}`,
      );
    else if ('board' in line) {
      // What was made ahead when the time is over stays away.
      if (signal?.aborted || performance.now() > until) next ??= line.board;
      const complaint = found === '' && next === undefined ? await board?.complaint(line) : undefined;
      if (complaint === undefined) continue;
      report(line.board, complaint, `certificate ${line.certificate || 'none'}, code ${line.code}`);
      child.kill('SIGTERM');
    } else {
      totals = board
        ? { ...line, next_seed: next ?? line.next_seed, compiled: board.programs(), compared: board.runs() }
        : line;
      if (!line.done) say(`${target.name}: ${summaryOf(totals.programs, detailsOf(totals))}`);
    }
  }
  return { totals, found };
};

/** Ends at a limit, at the first finding, or by `signal` with what was done until then. `given` is a file of programs (test/jit/emulator/given.h). */
export const fuzzPrograms = async (
  target: ProgramTarget,
  limit: Limit,
  signal?: AbortSignal,
  say: (line: string) => void = () => {},
  given?: string,
): Promise<Finding> => {
  const [program, executor, board] = await Promise.all([
    build(target.sanitized ? 'oracle' : 'soundness'),
    limit.onBoard ? undefined : buildExecutor(),
    limit.onBoard ? openOracleBoard(say) : undefined,
  ]);
  const child = spawn(program, argumentsOf(target, limit, executor, given), {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stop = () => child.kill('SIGTERM');
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const errors = text(child.stderr);
  const { totals, found } = await listen(child, target, limit, board, say, signal, given).finally(() => {
    child.kill('SIGTERM');
    return board?.stop();
  });
  signal?.removeEventListener('abort', stop);
  const ok = (await ended) === 0 && found === '';
  if (!totals) throw new Error(`the oracle ended without a word: ${await errors}`);
  return {
    target: target.name,
    ok,
    runs: totals.programs,
    features: Object.keys(totals.codes).length,
    report: ok ? '' : `${found}${(await errors).slice(-4000)}`,
    summary: summaryOf(totals.programs, detailsOf(totals)),
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
    doc: 'the same under sanitizers, with damaged and forged certificates of each program',
    sanitized: true,
  },
];
