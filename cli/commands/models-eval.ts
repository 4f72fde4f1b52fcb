import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import {
  ALL,
  type Contestant,
  evaluateProgram,
  evaluationPage,
  Memo,
  type ProgramResult,
  quarters,
  summarise,
  summaryCells,
  WITHOUT,
} from '../../evolve/evaluation/index.ts';
import {
  llmProposer,
  type Proposer,
  rulesProposer,
  searchProposer,
  vectoriseProposer,
} from '../../evolve/index.ts';
import { requireTool, root } from '../../firmware/index.ts';
import { writeChanged } from '../../firmware/write.ts';
import {
  type EvaluationProgram,
  evaluationHash,
  evaluationSet,
  heldOutLoops,
  published,
  vectorisable,
} from '../../models/evaluation/set.ts';
import { resolveModel } from '../../models/index.ts';
import { inColumns } from '../columns.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../failure.ts';
import { wholeNumber } from '../numbers.ts';
import { needsSources } from '../sources.ts';
import { installTools } from '../system-packages.ts';

const PAGE = join(root, 'docs/reference/proposers.md');

const compilerVersion = () =>
  execFileSync(requireTool('clang'), ['--version'], { encoding: 'utf8' }).split('\n')[0]!.trim();

const objectives = ['speed', 'balanced', 'size'] as const;
const cpus = ['v1', 'v2', 'v3', 'v4'] as const;

type EvalOptions = {
  readonly proposer?: readonly string[];
  readonly program?: readonly string[];
  readonly objective: (typeof objectives)[number];
  readonly cpu: (typeof cpus)[number];
  readonly model?: string;
  readonly beside?: readonly string[];
  readonly besidePrograms?: number;
  readonly attempts: number;
  readonly proofSeconds: number;
  readonly write?: boolean;
};

const contestants = (options: EvalOptions, { cleanup }: Context): Contestant[] => {
  const search = searchProposer();
  const single: Proposer[] = [vectoriseProposer, rulesProposer, search];
  const without = [...single];
  // Asked in other orders they get elsewhere: so more is known of what the usual order misses.
  const orders: Contestant[] = [
    { name: 'rules first', proposers: [rulesProposer, search, vectoriseProposer] },
  ];
  const model = resolveModel(options.model);
  if (model) {
    const asked = llmProposer(model);
    cleanup.add(asked.stop);
    single.push(asked);
    orders.push({ name: 'model first', proposers: [asked, ...without] });
  }
  const beside = (options.beside ?? []).map((name): Contestant => {
    const other = resolveModel(name);
    if (!other) throw new UsageError(`${name} is no model`, '--beside takes names or GGUF files of models');
    const asked = llmProposer(other);
    cleanup.add(asked.stop);
    return { name, proposers: [asked] };
  });
  const all = [
    ...single.map((p) => ({ name: p.name, proposers: [p] })),
    ...beside,
    ...(model ? [{ name: WITHOUT, proposers: without }] : []),
    ...orders,
    { name: ALL, proposers: single },
  ];
  const wanted = options.proposer ?? all.map((c) => c.name);
  const unknown = wanted.find((name) => !all.some((c) => c.name === name));
  if (unknown)
    throw new UsageError(
      `there is no proposer ${unknown} here`,
      `there are ${all.map((c) => c.name).join(', ')}`,
    );
  return all.filter((c) => wanted.includes(c.name));
};

const chosen = (
  set: readonly EvaluationProgram[],
  names: readonly string[],
): readonly EvaluationProgram[] => {
  const unknown = names.find((name) => !set.some((e) => e.program.name === name));
  if (unknown)
    throw new UsageError(`the set has no program ${unknown}`, 'leave --program away to see all of them');
  return set.filter((e) => names.includes(e.program.name));
};

const change = (after: number, before: number) => `${(((after - before) * 100) / before).toFixed(1)} %`;

const lineOf = (r: ProgramResult) =>
  `${r.contestant.padEnd(9)} ${r.program.padEnd(20)} ${`${r.before.slots} → ${r.after.slots}`.padEnd(12)} slots, ` +
  `executed ${r.before.executed.toFixed(1)} → ${r.after.executed.toFixed(1)} (${change(r.after.executed, r.before.executed)})`;

/** Beside the published percentages of programs of the same function. Their sources are others, so only percentages compare. */
const publishedTable = (rows: readonly ProgramResult[]): string =>
  [
    'Programs of the function of published ones, written anew (not the same source): static size, here and published (the better of K2 and Merlin)',
    ...rows.flatMap((r) => {
      const other = published[r.program];
      if (!other) return [];
      return `  ${r.program.padEnd(20)} ${change(r.after.slots, r.before.slots).padStart(8)}  ${change(other.best, other.clang).padStart(8)}`;
    }),
  ].join('\n');

type Asked = {
  readonly contestant: Contestant;
  readonly set: readonly EvaluationProgram[];
  readonly memo: Memo;
};

/** What one row of the table makes of each program. */
const rowsOf = async (
  { output, cleanup }: Context,
  options: EvalOptions,
  { contestant, set, memo }: Asked,
): Promise<ProgramResult[]> => {
  const { objective, attempts } = options;
  const policy = { objective, proofTimeoutMs: options.proofSeconds * 1000 };
  const rows: ProgramResult[] = [];
  for (const entry of set) {
    cleanup.signal.throwIfAborted();
    output.progress(`${contestant.name}: ${rows.length + 1}/${set.length} ${entry.program.name}`);
    const { signal } = cleanup;
    const row = await evaluateProgram(contestant, entry, { policy, attempts, memo, signal });
    rows.push(row);
    if (output.json) output.fact({ event: 'program', ...row }, '');
    else if (options.program) output.print(lineOf(row));
  }
  return rows;
};

const evaluate = async (context: Context, options: EvalOptions) => {
  const { output } = context;
  needsSources('models eval');
  installTools(['clang'], (line) => output.progress(line));
  const asked = contestants(options, context);
  const { objective, cpu } = options;
  const [fixed, loops] = [await evaluationSet({ cpu }), await heldOutLoops({ cpu })];
  const set = options.program ? chosen([...fixed, ...loops], options.program) : fixed;
  output.print(
    `${set.length} programs of set ${evaluationHash().slice(0, 12)}, clang -O2 -mcpu=${cpu}, objective ${objective}`,
  );
  const summaries = [];
  const memo = new Memo();
  const table = new Map<string, readonly ProgramResult[]>();
  for (const contestant of asked) {
    const asks = options.beside?.includes(contestant.name) ? set.slice(0, options.besidePrograms) : set;
    const rows = await rowsOf(context, options, { contestant, set: asks, memo });
    const summary = summarise(contestant.name, rows);
    summaries.push(summary);
    table.set(contestant.name, rows);
    if (output.json) output.fact({ event: 'summary', set: evaluationHash(), cpu, objective, ...summary }, '');
  }
  const cells = summaryCells(summaries);
  output.print(inColumns(cells, cells[0]!.length));
  if (options.program) return;
  const rows = table.get(asked.at(-1)!.name)!;
  output.print(publishedTable(rows));
  const heldOut = await rowsOf(context, options, { contestant: asked.at(-1)!, set: loops, memo });
  const known = rows.filter((r) => vectorisable.has(r.program));
  output.print(
    `loops to a quarter: ${quarters(known)} that the recogniser was developed on, ${quarters(heldOut)} held out`,
  );
  if (!options.write) return;
  const facts = { set: evaluationHash(), cpu, objective, proofSeconds: options.proofSeconds };
  writeChanged(PAGE, evaluationPage({ ...facts, compiler: compilerVersion(), rows: table, heldOut }));
  output.print(`wrote ${PAGE}`);
};

const list = (value: string, before: readonly string[] = []) => [...before, ...value.split(',')];

export const registerModelsEval = (models: Command, context: Context): void => {
  models
    .command('eval')
    .description(
      'measure proposers on a fixed set of programs: what they gain, what was proven, what was refused',
    )
    .option('--proposer <names>', 'only these rows of the table, with commas; default: all', list)
    .option(
      '--program <names>',
      'only these programs of the set, or held-out loops, with commas, a line each',
      list,
    )
    .addOption(new Option('--objective <what>', 'what cheaper means').choices(objectives).default('balanced'))
    .addOption(new Option('--cpu <version>', "clang's -mcpu").choices(cpus).default('v4'))
    .option('--model <model>', 'name or GGUF file of the language model in the row `model` and among all')
    .option('--beside <models>', 'more of them, with commas: a row for each, by itself', list)
    .option('--beside-programs <n>', 'ask those about the first programs of the set only', wholeNumber(1))
    .option('--attempts <n>', 'proposals judged per proposer and turn', wholeNumber(1), 6)
    .option('--proof-seconds <n>', 'longest proof', wholeNumber(1), 5)
    .option('--write', 'write what was measured into docs/reference/proposers.md')
    .addHelpText('after', '\nExample:\n  velocity models eval --proposer rules --json')
    .action((options: EvalOptions) => evaluate(context, options));
};
