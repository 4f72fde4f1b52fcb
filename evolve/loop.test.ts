import { generateKeyPairSync } from 'node:crypto';
import test from 'ava';
import { assemble } from '../ebpf/index.ts';
import { stopSolver } from '../ebpf/prover/index.ts';
import {
  type Detection,
  descentOf,
  hexHash,
  historyOf,
  Ledger,
  Loop,
  type LoopEvent,
  makeSlower,
  makeUnsafe,
  memoryStore,
  NotInLedgerError,
  type Proposer,
  ProposerError,
  parseHours,
  programsOf,
  replay,
  rulesProposer,
  Schedule,
  WrongVersionError,
} from './index.ts';
import { EmulatedBoard } from './test/emulated-board.ts';
import { code, program } from './test/sum-program.ts';

test.after.always(() => stopSolver());

const { privateKey } = generateKeyPairSync('ed25519');
const key = { privateKey, publicKey: new Uint8Array(32) };

const detection: Detection = {
  rule: 'over-budget',
  cyclesPerCall: 110,
  threshold: 50,
  calls: 64,
  reason: 'slow',
};

const setUp = (proposers: readonly Proposer[], ratio = 1000) => {
  const board = new EmulatedBoard('sum', program);
  const events: LoopEvent[] = [];
  const store = memoryStore();
  const ledger = new Ledger(store);
  const loop = new Loop({
    board: board.port(),
    ledger,
    key,
    proposers,
    canary: { ratio },
    onEvent: (e) => events.push(e),
    watchTimeoutMs: 1000,
  });
  return { board, events, ledger, loop, store, target: { name: 'sum', program } };
};

test.serial('a_slow_module_is_replaced_by_a_proven_faster_one', async (t) => {
  const { loop, target, events, board, ledger } = setUp([rulesProposer]);
  const { target: after } = await loop.improve(target, detection);
  t.deepEqual(
    events.map((e) => e.event),
    ['detect', 'proposal', 'swap', 'promoted'],
  );
  const [, proposal, , promoted] = events;
  t.true(
    proposal?.event === 'proposal' && proposal.verdict === 'accepted' && proposal.proof?.verdict === 'proven',
  );
  t.true(promoted?.event === 'promoted' && promoted.cycles_before >= (promoted.cycles_after * 13n) / 10n);
  t.deepEqual(board.program.code, after.program.code);
  t.deepEqual(
    ledger.entries('sum').map((e) => e.kind),
    ['detect', 'proposal', 'push', 'outcome'],
  );
});

test.serial('in_quiet_hours_nothing_is_tried_and_the_ledger_says_why', async (t) => {
  const { target, events, board, ledger } = setUp([]);
  const schedule = new Schedule({ quiet: parseHours('22:00-06:00') }, () => new Date('2026-03-04T23:00:00'));
  const onEvent = (e: LoopEvent) => void events.push(e);
  const loop = new Loop({ board: board.port(), ledger, key, proposers: [rulesProposer], schedule, onEvent });
  const { attempts } = await loop.improve(target, detection);
  t.deepEqual(attempts, []);
  t.is(board.installs, 0);
  t.regex(String(ledger.entries('sum').at(-1)?.reason), /quiet hours, until 06:00/);
});

test.serial('an_unsafe_proposal_is_refused_by_the_verifier_and_never_tried_again', async (t) => {
  const { loop, target, events, board } = setUp([]);
  const attempt = await loop.attempt(target, await makeUnsafe(program));
  t.true(attempt?.outcome === 'refused' && attempt.judgement.layer === 'verifier');
  t.true(attempt?.outcome === 'refused' && attempt.judgement.reason.length > 10);
  t.is(await loop.attempt(target, await makeUnsafe(program)), undefined);
  t.is(board.installs, 0);
  t.is(events.length, 1);
});

test.serial('a_slower_program_is_refused_by_cost_and_if_pushed_is_taken_back_by_the_board', async (t) => {
  const { loop, target, events, ledger } = setUp([]);
  const refused = await loop.attempt(target, makeSlower(code, 50));
  t.true(refused?.outcome === 'refused' && refused.judgement.layer === 'cost');
  const pushed = await loop.attempt(target, makeSlower(code, 60), { mustBeCheaper: false });
  t.is(pushed?.outcome, 'rolled_back');
  const last = events.at(-1)!;
  t.true(
    last.event === 'rollback' && last.reason === 'canary_slower' && last.cycles_after > last.cycles_before,
  );
  t.is(ledger.entries().at(-1)!.verdict, 'rolled_back');
});

test.serial('what_is_only_smaller_is_not_pushed_to_a_board_that_asks_for_speed', async (t) => {
  const smaller: Proposer = {
    name: 'smaller',
    async *propose() {
      yield {
        code: Buffer.concat([code.subarray(0, -16), code.subarray(-8)]),
        proposer: 'smaller',
        note: '',
      };
    },
  };
  const outcomeWith = async (ratio: number) => {
    const { loop, target } = setUp([smaller], ratio);
    return (await loop.improve(target, detection)).attempts[0];
  };
  t.is((await outcomeWith(1000))?.outcome, 'promoted');
  const refused = await outcomeWith(990);
  t.true(refused?.outcome === 'refused' && refused.judgement.code === 'not_cheaper');
});

test.serial('a_proposal_with_another_result_is_refused', async (t) => {
  const { loop, target } = setUp([]);
  const wrong = assemble('r0 = 0\n exit');
  const attempt = await loop.attempt(target, { code: wrong, proposer: 'test', note: '' });
  t.true(attempt?.outcome === 'refused');
  t.true(attempt?.outcome === 'refused' && ['differential', 'equivalence'].includes(attempt.judgement.layer));
});

test.serial('garbage_and_a_failing_proposer_cost_nothing_but_a_line_in_the_ledger', async (t) => {
  const broken: Proposer = {
    name: 'model',
    // biome-ignore lint/correctness/useYield: it fails before it can
    async *propose() {
      throw new ProposerError('model /x.gguf: does not exist');
    },
  };
  const rambling: Proposer = {
    name: 'rambling',
    async *propose() {
      yield { code: new Uint8Array(0), proposer: 'rambling', note: 'as a language model' };
      yield { code: new Uint8Array(16).fill(0xff), proposer: 'rambling', note: '' };
    },
  };
  const { loop, target, events, board } = setUp([broken, rambling]);
  const { attempts } = await loop.improve(target, detection);
  t.deepEqual(
    attempts.map((a) => a.outcome),
    ['refused', 'refused'],
  );
  t.is(board.installs, 0);
  t.deepEqual(
    events.map((e) => e.event),
    ['detect', 'rest', 'proposal', 'proposal', 'rest'],
  );
});

test.serial('attempts_are_limited', async (t) => {
  const endless: Proposer = {
    name: 'endless',
    async *propose() {
      for (let i = 0; ; i++) yield { code: new Uint8Array(i), proposer: 'endless', note: '' };
    },
  };
  const board = new EmulatedBoard('sum', program);
  const options = { ledger: new Ledger(memoryStore()), key, proposers: [endless], attempts: 3 };
  const loop = new Loop({ board: board.port(), ...options });
  t.is((await loop.improve({ name: 'sum', program }, detection)).attempts.length, 3);
});

test.serial('another_version_on_the_board_stops_the_loop_before_it_pushes', async (t) => {
  const { loop, board, target } = setUp([rulesProposer]);
  board.program = { ...program, code: assemble('r0 = 0\n exit') };
  await t.throwsAsync(loop.improve(target, detection), { instanceOf: WrongVersionError });
});

test.serial('what_the_loop_made_is_known_from_the_ledger_and_can_be_worked_on_again', async (t) => {
  const { loop, target, ledger, store, board } = setUp([rulesProposer]);
  await loop.improve(target, detection);
  const made = descentOf(new Ledger(memoryStore(store.text)), 'sum', hexHash(board.program));
  t.deepEqual(made?.program.code, board.program.code);
  t.is(made?.from.at(-1), hexHash(program));
  await t.throwsAsync(loop.improve(target, detection), { instanceOf: WrongVersionError });
  await t.notThrowsAsync(loop.improve({ name: 'sum', program: made!.program }, detection));
  t.is(descentOf(ledger, 'sum', hexHash(program)), undefined, 'what was there before it');
  t.is(descentOf(ledger, 'other', hexHash(board.program)), undefined);
});

test.serial('any_patch_can_be_explained_and_judged_again_from_the_ledger', async (t) => {
  const { loop, target, ledger, store } = setUp([rulesProposer]);
  await loop.improve(target, detection);
  const read = new Ledger(memoryStore(store.text));
  const proposal = read.entries().find((e) => e.kind === 'proposal')!;
  const history = historyOf(read, String(proposal.candidate).slice(0, 10));
  t.is(history.detection?.rule, 'over-budget');
  t.is(history.outcome?.verdict, 'promoted');
  t.deepEqual(programsOf(history).before, program);
  t.deepEqual(historyOf(ledger, String(proposal.seq)).push?.seq, history.push?.seq);
  const { judgement, agrees } = await replay(history);
  t.true(agrees, judgement.reason);
  const forged = { ...history, proposal: { ...history.proposal, after: history.proposal.before } };
  t.false((await replay(forged as typeof history)).agrees);
  t.throws(() => historyOf(read, '99'), { instanceOf: NotInLedgerError });
});
