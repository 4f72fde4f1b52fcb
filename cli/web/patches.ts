/** What the monitor's page tells of patches, from the ledger: who proposed each, what proved it, what it changes. Reads only. */
import { existsSync, statSync } from 'node:fs';
import { disassembleText, jitCompile, type ModuleProgram } from '../../ebpf/index.ts';
import {
  type Entry,
  historiesOf,
  historyOf,
  type Ledger,
  type PatchHistory,
  programsOf,
  readLedger,
} from '../../evolve/index.ts';
import { type Routes, SAFETY } from '../../monitor/index.ts';
import { disassembleA64 } from '../a64-text.ts';
import { type Pair, sideBySide } from '../line-diff.ts';

const text = (value: unknown): string => (value === undefined || value === null ? '' : String(value));

/** Read again only when it was written to. */
const ledgerReader = (path: string): (() => Ledger) => {
  let known: { state: string; ledger: Ledger } | undefined;
  return () => {
    const { size, mtimeMs } = existsSync(path) ? statSync(path) : { size: 0, mtimeMs: 0 };
    const state = `${size} ${mtimeMs}`;
    if (known?.state !== state) known = { state, ledger: readLedger(path) };
    return known.ledger;
  };
};

const rowOf = ({ proposal, push, outcome }: PatchHistory) => ({
  line: proposal.seq,
  time: proposal.time,
  module: proposal.module,
  candidate: text(proposal.candidate),
  parent: text(proposal.parent),
  proposer: text(proposal.proposer),
  note: text(proposal.note),
  verdict: text(proposal.verdict),
  layer: text(proposal.layer),
  reason: text(proposal.reason),
  version: push?.version ?? null,
  outcome: outcome ? text(outcome.verdict) : '',
  outcomeReason: text(outcome?.reason),
  cyclesBefore: outcome?.cycles_before === undefined ? null : Number(outcome.cycles_before),
  cyclesAfter: outcome?.cycles_after === undefined ? null : Number(outcome.cycles_after),
});

/** Newest first. */
const rowsOf = (ledger: Ledger) => historiesOf(ledger).map(rowOf).reverse();

const bpfLines = ({ code }: ModuleProgram): string[] =>
  disassembleText(code, { labels: true, helperNames: true }).trimEnd().split('\n');

const hex = (word: number) => (word >>> 0).toString(16).padStart(8, '0');

/** What a board's JIT makes of it; a refused program has none. */
const a64Lines = async (program: ModuleProgram): Promise<string[]> => {
  const result = await jitCompile(program);
  if (!result.ok) return [`not compiled: ${result.error.message}`];
  const lines = disassembleA64(result.words);
  return [...result.words].map((word, i) => (lines ? lines[i]! : hex(word)));
};

type Changes = { readonly bpf: readonly Pair[]; readonly a64: readonly Pair[] };

const changesOf = async (history: PatchHistory): Promise<Changes | undefined> => {
  if (!history.proposal.setting) return undefined; // written before the ledger kept them
  const { before, after } = programsOf(history);
  return {
    bpf: sideBySide(bpfLines(before), bpfLines(after)),
    a64: sideBySide(await a64Lines(before), await a64Lines(after)),
  };
};

const fieldsOf = (entry: Entry | undefined, names: readonly string[]) =>
  Object.fromEntries(names.filter((name) => entry?.[name] !== undefined).map((name) => [name, entry![name]]));

const detailOf = async (ledger: Ledger, line: string) => {
  const history = historyOf(ledger, line);
  const { proposal, detection } = history;
  return {
    ...rowOf(history),
    detection: fieldsOf(detection, ['seq', 'rule', 'reason', 'version']),
    proof: proposal.proof ?? null,
    bounds: fieldsOf(proposal, ['bound_before', 'bound_after', 'words_before', 'words_after']),
    provenance: fieldsOf(proposal, ['modelHash', 'promptHash', 'prev']),
    changes: (await changesOf(history)) ?? null,
  };
};

/** `/patches.json`, and `/patch.json?line=N`. */
export const patchRoutes = (path: string): Routes => {
  const read = ledgerReader(path);
  const answer =
    (work: (query: URLSearchParams) => unknown): Routes[string] =>
    async (request, response) => {
      const query = new URL(request.url ?? '/', 'http://page').searchParams;
      const send = (status: number, value: unknown) => {
        response.writeHead(status, { ...SAFETY, 'Content-Type': 'application/json' });
        response.end(request.method === 'HEAD' ? undefined : JSON.stringify(value));
      };
      try {
        send(200, await work(query));
      } catch (error) {
        send(422, { error: (error as Error).message });
      }
    };
  return {
    '/patches.json': answer(() => rowsOf(read())),
    '/patch.json': answer((query) => detailOf(read(), query.get('line') ?? '')),
  };
};
