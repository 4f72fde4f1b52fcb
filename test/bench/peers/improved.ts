/** Each program before and after what this project has or proposes to make it faster. */
import { loadHost } from '../../../ebpf/index.ts';
import { optimise } from '../../../ebpf/optimiser/index.ts';
import { vectorise } from '../../../ebpf/vectoriser/index.ts';
import type { VelocityLink } from '../../../link/index.ts';
import { atMost, type Metric, table as metricTable } from '../metric.ts';
import { type BoardRun, compileProgram, runOnBoard, sameResult } from './board.ts';
import { MEMORY_BYTES, type PeerProgram } from './programs.ts';
import { geometricMean, type Row } from './row.ts';
import { markdown } from './table.ts';

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

/** The best proposal for a program, by what it executes on the board; results and memory are the same. */
export const improve = async (
  link: VelocityLink,
  program: PeerProgram,
  code: Uint8Array,
  before: BoardRun,
): Promise<Improved> => {
  let best: Improved = { program: program.name, how: 'nothing better', executed: before.executed };
  for (const proposal of await proposals(code)) {
    const run = await runOnBoard(link, program, proposal.code);
    if (sameResult(run, before) && run.executed < best.executed)
      best = { program: program.name, how: proposal.how, executed: run.executed };
  }
  if (!WITH_HELPERS.has(program.name)) return best;
  const run = await runOnBoard(link, program, await compileProgram(program, ['-DVECTOR']));
  return sameResult(run, before) ? { ...best, helped: run.executed } : best;
};

const count = (value: number) => value.toLocaleString('en');

const lineOf = ({ program, how, executed, helped }: Improved, rows: readonly Row[]): string[] => {
  const { linux, velocity, native } = rows.find((row) => row.program === program)!;
  const by = helped === undefined ? how : `${how} (${count(helped)} with vector helpers in the C)`;
  return [program, ...[linux, velocity, executed, native].map(count), (executed / native).toFixed(2), by];
};

/** What the programs then execute, of native code. Rows with wrong results don't count. */
export const improvedMetrics = (improved: readonly Improved[], rows: readonly Row[]): Metric[] => {
  const ratios = improved.flatMap(({ program, executed }) => {
    const row = rows.find((one) => one.program === program);
    return row && row.wrong.length === 0 ? [executed / row.native] : [];
  });
  if (ratios.length === 0) return [];
  return [atMost('peers_improved_of_native', Number(geometricMean(ratios).toFixed(3)), 'ratio', 1.15)];
};

export const improvedSection = (improved: readonly Improved[], rows: readonly Row[]): string =>
  `## Before and after

What the host proposes for each program: the best of what its recogniser of loops and its rules make of the bytecode, by executed instructions, of those that the board's verifier accepts and that give the same result and memory here. Before a board gets such a patch it is proven, too, and a call of a vector helper has to pay as its bound, so that not each of these is one that the loop would push. Fibonacci and GEMV are the two programs that the field quotes.

\`\`\`
${metricTable(improvedMetrics(improved, rows))}
\`\`\`

${markdown([['program', 'Linux', 'before', 'after', 'native', '/native', 'how'], ...improved.map((one) => lineOf(one, rows))])}
`;
