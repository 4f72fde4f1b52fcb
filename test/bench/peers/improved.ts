/** The two programs that the field quotes, before and after what this project has or proposes to make them faster. */
import { loadHost } from '../../../ebpf/index.ts';
import { optimise } from '../../../ebpf/optimiser/index.ts';
import { vectorise } from '../../../ebpf/vectoriser/index.ts';
import type { VelocityLink } from '../../../link/index.ts';
import { type BoardRun, compileProgram, runOnBoard, sameResult } from './board.ts';
import { MEMORY_BYTES, type PeerProgram } from './programs.ts';
import type { Row } from './row.ts';
import { markdown } from './table.ts';

/** Where a program's source has a version with vector helpers, what chooses it. */
const QUOTED: Readonly<Record<string, readonly string[]>> = { fibonacci: [], gemv: ['-DVECTOR'] };
/** Proposals that are run, the most promising of each kind. */
const MOST_TRIED = 6;

type Proposal = { readonly code: Uint8Array; readonly how: string };
export type Improved = { readonly program: string; readonly how: string; readonly executed: number };

const withHelpers = async (program: PeerProgram): Promise<Proposal[]> => {
  const flags = QUOTED[program.name]!;
  return flags.length > 0 ? [{ code: await compileProgram(program, flags), how: 'vl_dot_i8, in C' }] : [];
};

const proposals = async (code: Uint8Array): Promise<Proposal[]> => {
  const host = await loadHost();
  const verdict = (some: Uint8Array) =>
    host.verify({ code: some, hook: 'run' }, { memorySize: MEMORY_BYTES });
  const check = (some: Uint8Array) => verdict(some).ok;
  return [
    ...vectorise(code, { check }).map(({ code: made, helpers }) => ({ code: made, how: helpers.join(', ') })),
    ...optimise(code, { check })
      .slice(0, MOST_TRIED)
      .map(({ code: made, rules }) => ({ code: made, how: rules.join(', ') })),
  ].filter(({ code: made }) => check(made));
};

/** The best proposal for a program that the field quotes, by what it executes on the board; undefined for others. */
export const improve = async (
  link: VelocityLink,
  program: PeerProgram,
  code: Uint8Array,
  before: BoardRun,
): Promise<Improved | undefined> => {
  if (!QUOTED[program.name]) return undefined;
  let best: Improved = { program: program.name, how: 'nothing better', executed: before.executed };
  for (const proposal of [...(await withHelpers(program)), ...(await proposals(code))]) {
    const run = await runOnBoard(link, program, proposal.code);
    if (sameResult(run, before) && run.executed < best.executed)
      best = { program: program.name, how: proposal.how, executed: run.executed };
  }
  return best;
};

const count = (value: number) => value.toLocaleString('en');

export const improvedSection = (improved: readonly Improved[], rows: readonly Row[]): string => {
  const lines = improved.map(({ program, how, executed }) => {
    const { linux, velocity, native } = rows.find((row) => row.program === program)!;
    return [program, ...[linux, velocity, executed, native].map(count), how];
  });
  return `## Fibonacci and GEMV, before and after

The two programs that the field quotes: in Linux, here as the C is, and here after the best of what the C with vector helpers, this project's rules and its vectoriser make of them, of those that give the same result and memory.

${markdown([['program', 'Linux', 'before', 'after', 'native', 'how'], ...lines])}
`;
};
