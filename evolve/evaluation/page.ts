/** The page of docs that `velocity models eval --write` writes. */
import { type Measured, routines } from '../../ebpf/vector-costs.ts';
import { published, vectorisable } from '../../models/evaluation/set.ts';
import type { ProgramResult } from './evaluate.ts';
import { modelShares } from './share.ts';
import { type Summary, summarise, summaryCells } from './summary.ts';

export type PageFacts = {
  /** SHA-256 of the set's sources. */
  readonly set: string;
  readonly cpu: string;
  readonly objective: string;
  readonly proofSeconds: number;
  readonly compiler: string;
  /** Rows of the table and, for each, its programs. */
  readonly rows: ReadonlyMap<string, readonly ProgramResult[]>;
  /** What all proposers together make of loops that none was developed on. */
  readonly heldOut: readonly ProgramResult[];
};

const percent = (after: number, before: number) => `${(((after - before) * 100) / before).toFixed(1)} %`;

const table = (cells: readonly (readonly string[])[]): string => {
  const [head, ...rest] = cells;
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`;
  return [line(head!), line(head!.map((_, i) => (i === 0 ? '---' : '--:'))), ...rest.map(line)].join('\n');
};

const goal = (name: string, value: number, most: number): string[] => [
  name,
  `${((value - 1) * 100).toFixed(1)} %`,
  `≤ ${((most - 1) * 100).toFixed(0)} %`,
  value <= most ? 'met' : 'missed',
];

const share = (part: number | undefined) => (part === undefined ? '–' : `${(part * 100).toFixed(1)} %`);

const modelSection = (rows: PageFacts['rows']): string => {
  const shares = modelShares(rows);
  if (shares.length === 0) return '';
  const cells = shares.map((s) => [
    s.measure,
    percent(s.without, 1),
    percent(s.with, 1),
    share(s.ofLeft),
    share(s.ofKnown),
  ]);
  return `## What the model adds

The goal is a tenth of the gain that rules, search and vectorise miss. Nobody knows how much that is: at most all that is left behind them, at least what the best row of the table saves more on each program, and the rows that ask in another order are there to find more. The model's share lies between the two; below zero it gave away what another measure gained.

${table([['', 'without the model', 'with it', 'of all that is left', 'of what is known to be missed'], ...cells])}

`;
};

/** Why a helper can't do better, however many elements there are. */
const floors: Readonly<Record<string, string>> = {
  vl_histogram_u8:
    'four are the least: it is taken out of the word that it was loaded with, and its bin is loaded, added to and stored ([NEON has no scatter](vector-benchmark.md))',
};

/** A64 instructions that one more element takes, as measured. */
const perElement = ({ first, executed: [row] }: Measured): number => {
  const last = first.length - 1;
  return (row![last]! - row![last - 1]!) / (first[last]! - first[last - 1]!);
};

/** What stands in the way of loops that miss the goal, where it was measured. */
const floorNotes = (rows: readonly ProgramResult[]): string =>
  rows
    .filter((r) => !isQuarter(r))
    .flatMap((r) =>
      Object.entries(floors)
        .filter(([helper]) => r.notes.some((note) => note.includes(helper)))
        .map(
          ([helper, why]) =>
            `\`${r.program}\` can't come to a quarter: ${helper} executes ${perElement(routines[helper]!).toFixed(2)} instructions for each element ([measured](vector-costs.md)), and ${why}.\n\n`,
        ),
    )
    .join('');

const publishedRows = (rows: readonly ProgramResult[]): string[][] =>
  rows.flatMap((r) => {
    const other = published[r.program];
    if (!other) return [];
    const [here, there] = [r.after.slots / r.before.slots, other.best / other.clang];
    const cells = [`${r.before.slots} → ${r.after.slots}`, percent(r.after.slots, r.before.slots)];
    return [
      [
        r.program,
        ...cells,
        `${other.clang} → ${other.best}`,
        percent(other.best, other.clang),
        here < there ? 'fewer' : here === there ? 'the same' : 'more',
      ],
    ];
  });

const isQuarter = (r: ProgramResult) => r.after.executed <= r.before.executed / 4;

const vectorRows = (rows: readonly ProgramResult[]): string[][] =>
  rows.map((r) => [
    r.program,
    `${r.before.executed.toFixed(0)} → ${r.after.executed.toFixed(0)}`,
    (r.after.executed / r.before.executed).toFixed(2),
    isQuarter(r) ? 'met' : 'missed',
    r.notes.join('; ') || '–',
  ]);

const vectorTable = (rows: readonly ProgramResult[]): string =>
  table([['program', 'executed', 'ratio', '', 'what was accepted'], ...vectorRows(rows)]);

/** Of how many loops a quarter or less is left. */
export const quarters = (rows: readonly ProgramResult[]): string =>
  `${rows.filter(isQuarter).length} of ${rows.length}`;

/** Which rows are about fewer programs. */
const shorter = (summaries: readonly Summary[], all: number): string =>
  summaries
    .filter(({ programs }) => programs < all)
    .map(
      ({ contestant, programs }) =>
        `\`${contestant}\` was asked about the first ${programs} programs only.\n\n`,
    )
    .join('');

export const evaluationPage = (facts: PageFacts): string => {
  const summaries: Summary[] = [...facts.rows].map(([name, rows]) => summarise(name, rows));
  const last = summaries.at(-1)!;
  const best = [...facts.rows.values()].at(-1)!;
  const known = best.filter((r) => vectorisable.has(r.program));
  return `<!-- Written by \`velocity models eval --write\`; do not edit. -->
# What proposers gain

${last.programs} programs that no proposer was built from (\`models/evaluation/\`, set ${facts.set.slice(0, 12)}), compiled by ${facts.compiler} with -O2 -mcpu=${facts.cpu}. Each row is a proposer by itself, asked again until it gains nothing more; the last one is all of them in turn. What counts as cheaper: \`${facts.objective}\`. A proof may take ${facts.proofSeconds} s.

- **model** is the one that ships with Velocity; rows with names of models are those of others ([list](commands.md#velocity-models-list)), asked through the same code, by themselves.
- **executed**: eBPF instructions in the interpreter over 512 runs with other inputs than those that judged the proposals; a call of a vector helper counts as the A64 instructions that it executes on a Cortex-A72 ([measured](vector-costs.md)), a search as far as it looks. **static**: slots. **A64**: compiled words, with vector code in place. Changes are geometric means over all programs, those without a gain among them.
- **decided**, **in 5 s**, **proven**: shares of the proposals that reached the prover. What it does not decide is refused.
- **ms**: wall time of a program, proposals and proofs together: median and most. It depends on the machine and what else it does.

${table(summaryCells(summaries))}

${shorter(summaries, last.programs)}## Goals

${table([
  ['all together', 'here', 'goal', ''],
  goal('executed', last.executed, 0.8),
  goal('static', last.slots, 0.75),
  [
    'decided within 5 s',
    `${(last.quick * 100).toFixed(1)} %`,
    '≥ 95 %',
    last.quick >= 0.95 ? 'met' : 'missed',
  ],
])}

${modelSection(facts.rows)}## Programs of the function of published ones

Written anew: not the sources that K2 and Merlin started from, so only percentages compare. Published is the better of both papers.

${table([['program', 'here', 'change', 'published', 'change', 'here'], ...publishedRows(best)])}

## Loops over buffers

The goal is at most a quarter of the executed instructions: met by ${quarters(known)} of those that the recogniser of loops was developed on, and by ${quarters(facts.heldOut)} held-out ones.

Developed on, part of the set:

${vectorTable(known)}

${floorNotes(known)}Held out, not part of the set: \`models/evaluation/loops.c\`, written after the recogniser and without looking at it.

${vectorTable(facts.heldOut)}
`;
};
