/** Each program before and after what this project has or proposes to make it faster. */
import { hooks } from '../../../abi/index.ts';
import { loadHost } from '../../../ebpf/index.ts';
import { optimise } from '../../../ebpf/optimiser/index.ts';
import { stopSolver } from '../../../ebpf/prover/index.ts';
import { vectorise } from '../../../ebpf/vectoriser/index.ts';
import { optimised } from '../../../evolve/index.ts';
import type { VelocityLink } from '../../../link/index.ts';
import { markdown } from '../markdown.ts';
import { atMost, type Metric, table as metricTable } from '../metric.ts';
import { type BoardRun, compileProgram, runOnBoard, sameResult } from './board.ts';
import { MEMORY_BYTES, type PeerProgram } from './programs.ts';
import { geometricMean, type Row } from './row.ts';

/** Programs whose source has a version with vector helpers. */
const WITH_HELPERS: ReadonlySet<string> = new Set(['gemv']);
/** Proposals that are run, the most promising of each start. */
const MOST_TRIED = 6;

type Proposal = { readonly code: Uint8Array; readonly how: string };
export type Improved = {
  readonly program: string;
  readonly how: string;
  /** By the rules and the recogniser of loops, from the bytecode. */
  readonly executed: number;
  /** As `module load` would send it: the first of their proposals that is cheaper and proven. */
  readonly loaded: number;
  /** Of the C with vector helpers in it, where there is such a source. */
  readonly helped?: number;
};

/** Loops lifted to vector helpers, then rules over the best of that and over what was given. */
const proposals = async (code: Uint8Array): Promise<Proposal[]> => {
  const host = await loadHost();
  const check = (some: Uint8Array) =>
    host.verify({ code: some, hook: 'run' }, { memorySize: MEMORY_BYTES }).ok;
  const lifted = vectorise(code, { check }).map((v) => ({ code: v.code, how: v.helpers.join(', ') }));
  const starts = [{ code, how: '' }, ...lifted.slice(0, 1)];
  const rewritten = starts.flatMap((start) =>
    optimise(start.code, { check })
      .slice(0, MOST_TRIED)
      .map((o) => ({ code: o.code, how: [start.how, ...o.rules].filter(Boolean).join(', ') })),
  );
  return [...lifted, ...rewritten].filter((p) => check(p.code));
};

/** What `module load` makes of it. @throws Error when that does something else */
const loadedOf = async (link: VelocityLink, program: PeerProgram, code: Uint8Array, before: BoardRun) => {
  const { id: hookId } = hooks.run;
  const given = { name: program.name, section: 'run', hook: 'run' as const, hookId, code, maps: [] };
  const { program: made } = await optimised(given, { memorySize: MEMORY_BYTES }).finally(stopSolver);
  const run = await runOnBoard(link, program, made.code);
  if (!sameResult(run, before)) throw new Error(`${program.name}: what was proven equivalent is not`);
  return run.executed;
};

/** The best proposal for a program, by what it executes on the board; results and memory are the same. */
export const improve = async (
  link: VelocityLink,
  program: PeerProgram,
  code: Uint8Array,
  before: BoardRun,
): Promise<Improved> => {
  const loaded = await loadedOf(link, program, code, before);
  let best: Improved = { program: program.name, how: 'nothing better', executed: before.executed, loaded };
  for (const proposal of await proposals(code)) {
    const run = await runOnBoard(link, program, proposal.code);
    if (sameResult(run, before) && run.executed < best.executed)
      best = { ...best, how: proposal.how, executed: run.executed };
  }
  if (!WITH_HELPERS.has(program.name)) return best;
  const run = await runOnBoard(link, program, await compileProgram(program, ['-DVECTOR']));
  return sameResult(run, before) ? { ...best, helped: run.executed } : best;
};

const count = (value: number) => value.toLocaleString('en');

const lineOf = ({ program, how, executed, loaded, helped }: Improved, rows: readonly Row[]): string[] => {
  const { linux, velocity, native } = rows.find((row) => row.program === program)!;
  const by = helped === undefined ? how : `${how} (${count(helped)} with vector helpers in the C)`;
  return [
    program,
    ...[linux, velocity, loaded, executed, native].map(count),
    (executed / native).toFixed(2),
    by,
  ];
};

/** What the programs then execute, of native code. Rows with wrong results don't count. */
export const improvedMetrics = (improved: readonly Improved[], rows: readonly Row[]): Metric[] => {
  const ratios = (of: 'executed' | 'loaded') =>
    improved.flatMap(({ program, [of]: executed }) => {
      const row = rows.find((one) => one.program === program);
      return row && row.wrong.length === 0 ? [executed / row.native] : [];
    });
  const mean = (of: 'executed' | 'loaded') => Number(geometricMean(ratios(of)).toFixed(3));
  if (ratios('loaded').length === 0) return [];
  return [
    atMost('peers_loaded_of_native', mean('loaded'), 'ratio', 1.15),
    atMost('peers_improved_of_native', mean('executed'), 'ratio', 1.15),
  ];
};

export const improvedSection = (improved: readonly Improved[], rows: readonly Row[]): string =>
  `## Before and after

**loaded** is what the board gets of the program by \`velocity module load\`: the first proposal of the recogniser of loops and then of the rules that executes less machine code in runs on random inputs and that is proven equivalent. **after** is what the host could propose: the best of what its recogniser of loops and its rules make of the bytecode, by executed instructions, of those that the board's verifier accepts and that give the same result and memory here. Not each of these can be proven within the prover's limits. Fibonacci and GEMV are the two programs that the field quotes.

\`\`\`
${metricTable(improvedMetrics(improved, rows))}
\`\`\`

${markdown([['program', 'Linux', 'before', 'loaded', 'after', 'native', '/native', 'how'], ...improved.map((one) => lineOf(one, rows))])}
`;
