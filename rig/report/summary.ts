/** Adds a run up, and names for each board the cause that explains its failures. */
import { type Cause, rootCause } from '../cause.ts';
import { phasesOf, type RigEvent, type Summary, type TestRecord, testsOf, type Verdict } from './record.ts';

const count = (tests: readonly TestRecord[], outcome: TestRecord['outcome']) =>
  tests.filter((test) => test.outcome === outcome).length;

export const verdictOn = (events: readonly RigEvent[], board: string): Verdict => {
  const tests = testsOf(events, board);
  const brokenPhases = phasesOf(events, board).filter(({ passed }) => !passed);
  const found = [...brokenPhases, ...tests].flatMap(({ cause }): Cause[] => (cause ? [cause] : []));
  const cause = rootCause(found);
  return {
    board,
    passed: count(tests, 'passed'),
    failed: count(tests, 'failed') + brokenPhases.length,
    skipped: count(tests, 'skipped'),
    retried: tests.filter(({ attempts }) => attempts.length > 1).length,
    ...(cause ? { cause } : {}),
  };
};

export const summaryOf = (events: readonly RigEvent[], boards: readonly string[], ms: number): Summary => {
  const verdicts = boards.map((board) => verdictOn(events, board));
  const sum = (key: 'passed' | 'failed' | 'skipped' | 'retried') =>
    verdicts.reduce((total, verdict) => total + verdict[key], 0);
  return {
    event: 'summary',
    ok: sum('failed') === 0 && verdicts.every(({ passed }) => passed > 0),
    passed: sum('passed'),
    failed: sum('failed'),
    skipped: sum('skipped'),
    retried: sum('retried'),
    ms,
    verdicts,
  };
};
