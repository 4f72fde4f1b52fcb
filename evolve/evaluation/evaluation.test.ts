import test from 'ava';
import { loadHost } from '../../ebpf/index.ts';
import { stopSolver } from '../../ebpf/prover/index.ts';
import { evaluationSet, heldOutLoops, published, vectorisable } from '../../models/evaluation/set.ts';
import { type Proposer, ProposerError, rulesProposer } from '../proposer.ts';
import {
  evaluateProgram,
  evaluationPage,
  Memo,
  type MutantCounts,
  modelShares,
  type Part,
  type ProgramResult,
  summarise,
  summaryCells,
  tryMutants,
} from './index.ts';

test.after.always(() => stopSolver());

test('the_set_has_a_hundred_programs_that_every_version_of_the_compiler_gives_and_the_verifier_takes', async (t) => {
  const host = await loadHost();
  for (const cpu of ['v1', 'v4'] as const) {
    const set = await evaluationSet({ cpu });
    const names = set.map((e) => e.program.name);
    t.true(set.length >= 100, `${set.length}`);
    t.is(new Set(names).size, names.length);
    for (const name of [...Object.keys(published), ...vectorisable]) t.true(names.includes(name), name);
    if (cpu === 'v1') continue;
    for (const { program } of set) {
      const verdict = host.verify(program);
      t.true(verdict.ok, verdict.ok ? '' : `${program.name}: ${verdict.error.message}`);
    }
  }
});

test('held_out_loops_are_programs_of_their_own', async (t) => {
  const host = await loadHost();
  const names = (await evaluationSet()).map((e) => e.program.name);
  const loops = await heldOutLoops();
  t.true(loops.length >= 14);
  for (const { program } of loops) {
    t.false(names.includes(program.name), program.name);
    t.true(host.verify(program).ok, program.name);
  }
});

test('a_gain_is_measured_on_other_runs_than_those_that_judged_it', async (t) => {
  const set = await evaluationSet();
  const entry = set.find((e) => e.program.name === 'xdp1')!;
  const contestant = { name: 'rules', proposers: [rulesProposer] };
  const row = await evaluateProgram(contestant, entry, { policy: { objective: 'balanced' }, runs: 64 });
  t.true(row.accepted >= 1 && row.proofs.proven >= 1, JSON.stringify(row.refused));
  t.true(row.after.slots < row.before.slots && row.after.executed < row.before.executed);
  const summary = summarise('rules', [row]);
  t.true(summary.improved === 1 && summary.executed < 1);
  t.regex(summaryCells([summary])[1]!.join(' '), /^rules 1 1 -/);
  const rows = new Map([
    ['rules', [row]],
    ['all', [row]],
  ]);
  const facts = {
    set: 'ab12',
    cpu: 'v4',
    objective: 'balanced',
    proofSeconds: 5,
    compiler: 'clang',
    rows,
    heldOut: [row],
  };
  const page = evaluationPage(facts);
  t.regex(page, /\| rules \| 1 \| 1 \| -/);
  t.regex(page, /met by 0 of 0 of those .* and by 0 of 1 held-out ones/);
  t.regex(page, /\| xdp1 \| \d+ → \d+ \| -[\d.]+ % \| 61 → 55 \|/);
});

const rowOf = (contestant: string, program: string, before: number, after: number): ProgramResult => ({
  contestant,
  group: 'signal',
  program,
  before: { slots: 20, words: 20, executed: before },
  after: { slots: 10, words: 10, executed: after },
  proposals: 1,
  accepted: 1,
  refused: {},
  proofs: { asked: 1, decided: 1, quick: 1, proven: 1, ms: [1] },
  notes: ['vectorise: vl_histogram_u8'],
  ms: 1,
});
const rowsOf = (...all: [contestant: string, program: string, before: number, after: number][]) =>
  new Map(
    all.map(([name]) => [name, all.filter(([other]) => other === name).map((row) => rowOf(...row))] as const),
  );

test('what_the_model_adds_is_held_against_all_that_is_left_and_the_best_that_is_known', (t) => {
  const rows = rowsOf(
    ['without model', 'a', 800, 400],
    ['without model', 'b', 800, 400],
    ['model first', 'a', 800, 100],
    ['model first', 'b', 800, 800],
    ['all', 'a', 800, 200],
    ['all', 'b', 800, 400],
  );
  const [executed, slots] = modelShares(rows);
  t.is(executed!.without.toFixed(6), '0.500000');
  t.is(executed!.with.toFixed(6), '0.353553');
  t.is(executed!.ofLeft.toFixed(4), '0.2929');
  t.is(executed!.ofKnown!.toFixed(6), '0.500000');
  t.is(slots!.ofKnown, undefined);
  t.deepEqual(modelShares(rowsOf(['all', 'a', 8, 4])), []);
});

test('the_page_says_why_a_loop_of_a_helper_with_a_floor_misses_a_quarter', (t) => {
  const page = (after: number) =>
    evaluationPage({
      set: 'ab12',
      cpu: 'v4',
      objective: 'balanced',
      proofSeconds: 5,
      compiler: 'clang',
      rows: rowsOf(['without model', 'histogram', 2800, 2800], ['all', 'histogram', 2800, after]),
      heldOut: [],
    });
  t.regex(
    page(1200),
    /`histogram` can't come to a quarter: vl_histogram_u8 executes 4\.\d\d instructions for each element/,
  );
  t.notRegex(page(600), /can't come to a quarter/);
  t.regex(page(1200), /\| executed \| 0\.0 % \| -57\.1 % \| 57\.1 % \| 100\.0 % \|/);
});

test('who_proposes_nothing_gains_nothing', async (t) => {
  const [entry] = await evaluationSet();
  const idle = { name: 'nobody', async *propose() {} };
  const row = await evaluateProgram({ name: 'nobody', proposers: [idle] }, entry!, { runs: 16 });
  t.deepEqual(row.before, row.after);
  t.is(row.proposals, 0);
});

test('two_models_of_one_name_are_asked_each', async (t) => {
  const [entry] = await evaluationSet();
  const asked: string[] = [];
  const model = (file: string): Proposer => ({
    name: 'model',
    // biome-ignore lint/correctness/useYield: only that it is asked counts
    async *propose() {
      asked.push(file);
    },
  });
  const [one, other] = [model('one'), model('other')];
  const memo = new Memo();
  for (const proposer of [one!, other!, one!])
    await evaluateProgram({ name: 'a', proposers: [proposer] }, entry!, { runs: 16, memo });
  t.deepEqual(asked, ['one', 'other']);
});

test('who_fails_on_a_program_has_proposed_nothing_and_the_table_goes_on', async (t) => {
  const [entry] = await evaluationSet();
  const slow = {
    name: 'slow',
    // biome-ignore lint/correctness/useYield: it fails before
    async *propose(): AsyncGenerator<never> {
      throw new ProposerError('no answer in time');
    },
  };
  const row = await evaluateProgram({ name: 'slow', proposers: [slow] }, entry!, { runs: 16 });
  t.deepEqual([row.proposals, row.accepted], [0, 0]);
});

test('wrong_proposals_are_refused_by_one_layer_or_another', async (t) => {
  const names = ['xdp_exception', 'snat', 'can_decode', 'debounce', 'bogon'];
  const programs = (await evaluationSet()).map((e) => e.program).filter((p) => names.includes(p.name));
  const policy = { differentialRuns: 16, proofTimeoutMs: 3000 };
  const counts = await tryMutants(programs, { count: 120, seed: 11, policy });
  t.log(counts);
  t.is(counts.wrong, 0);
  t.is(counts.count, 120);
  for (const layer of ['verifier', 'differential'] as const) t.true((counts.refused[layer] ?? 0) > 10, layer);
  t.true(counts.proofs.different > 0, 'none of them was left for the proof to catch');
});

test('parts_of_an_attack_and_what_is_left_of_one_are_what_the_whole_tries', async (t) => {
  const names = ['xdp_exception', 'can_decode', 'debounce'];
  const programs = (await evaluationSet()).map((e) => e.program).filter((p) => names.includes(p.name));
  const policy = { differentialRuns: 8, proofTimeoutMs: 3000 };
  const attack = (options: { count: number; skip?: number; part?: Part }) =>
    tryMutants(programs, { seed: 5, policy, against: 'right', ...options });
  const total = (...all: MutantCounts[]) => {
    const sum: Record<string, number> = {};
    for (const { refused, accepted } of all)
      for (const [layer, n] of Object.entries({ ...refused, accepted })) sum[layer] = (sum[layer] ?? 0) + n;
    return sum;
  };
  const part = { index: 1, of: 2 };
  const whole = await attack({ count: 30, part });
  const halves = [await attack({ count: 12, part }), await attack({ count: 18, skip: 12, part })];
  t.is(whole.wrong, 0);
  t.deepEqual(total(...halves), total(whole));
  t.is(programs.filter((_, i) => i % 2 === 1).length, 1);
});
