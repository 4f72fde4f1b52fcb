/** The table over all programs of one contestant. */
import { type Layer, layers } from '../judge.ts';
import type { ProgramResult } from './evaluate.ts';

export type Summary = {
  readonly contestant: string;
  readonly programs: number;
  readonly improved: number;
  /** Geometric means of after / before. */
  readonly slots: number;
  readonly words: number;
  readonly executed: number;
  readonly proposals: number;
  readonly accepted: number;
  readonly refused: Readonly<Partial<Record<Layer, number>>>;
  /** Shares of the proposals that reached the prover. */
  readonly decided: number;
  readonly quick: number;
  readonly proven: number;
  /** Times in ms of one program, and of one proof. */
  readonly msMedian: number;
  readonly msMost: number;
  readonly proofMsMedian: number;
};

const geometricMean = (ratios: readonly number[]): number =>
  ratios.length === 0 ? 1 : Math.exp(ratios.reduce((sum, r) => sum + Math.log(r), 0) / ratios.length);

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
};

const total = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0);

export const summarise = (contestant: string, rows: readonly ProgramResult[]): Summary => {
  const mean = (key: 'slots' | 'words' | 'executed') =>
    geometricMean(rows.filter((r) => r.before[key] > 0).map((r) => r.after[key] / r.before[key]));
  const asked = total(rows.map((r) => r.proofs.asked));
  const share = (n: number) => (asked === 0 ? 1 : n / asked);
  const refused = Object.fromEntries(
    layers
      .map((layer) => [layer, total(rows.map((r) => r.refused[layer] ?? 0))] as const)
      .filter(([, n]) => n > 0),
  );
  return {
    contestant,
    programs: rows.length,
    improved: rows.filter((r) => r.accepted > 0).length,
    slots: mean('slots'),
    words: mean('words'),
    executed: mean('executed'),
    proposals: total(rows.map((r) => r.proposals)),
    accepted: total(rows.map((r) => r.accepted)),
    refused,
    decided: share(total(rows.map((r) => r.proofs.decided))),
    quick: share(total(rows.map((r) => r.proofs.quick))),
    proven: share(total(rows.map((r) => r.proofs.proven))),
    msMedian: median(rows.map((r) => r.ms)),
    msMost: Math.max(0, ...rows.map((r) => r.ms)),
    proofMsMedian: median(rows.flatMap((r) => r.proofs.ms)),
  };
};

const percent = (ratio: number) => `${((ratio - 1) * 100).toFixed(1)} %`;
const share = (ratio: number) => `${(ratio * 100).toFixed(1)} %`;

const columns: readonly [string, (s: Summary) => string][] = [
  ['proposers', (s) => s.contestant],
  ['programs', (s) => `${s.programs}`],
  ['improved', (s) => `${s.improved}`],
  ['executed', (s) => percent(s.executed)],
  ['static', (s) => percent(s.slots)],
  ['A64', (s) => percent(s.words)],
  ['proposals', (s) => `${s.proposals}`],
  ['accepted', (s) => `${s.accepted}`],
  ['decided', (s) => share(s.decided)],
  ['in 5 s', (s) => share(s.quick)],
  ['proven', (s) => share(s.proven)],
  [
    'refused by',
    (s) =>
      Object.entries(s.refused)
        .map(([layer, n]) => `${layer} ${n}`)
        .join(' ') || '-',
  ],
  ['ms', (s) => `${s.msMedian} (${s.msMost})`],
];

/** Heads and cells. */
export const summaryCells = (summaries: readonly Summary[]): string[][] => [
  columns.map(([head]) => head),
  ...summaries.map((s) => columns.map(([, cell]) => cell(s))),
];
