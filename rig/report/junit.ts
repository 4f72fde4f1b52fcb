/** JUnit XML as Jenkins, GitLab and GitHub read it: a suite for each board and suite, `flakyFailure` for what passed at a later try. */
import type { Cause } from '../cause.ts';
import { type Phase, phasesOf, type Run, type TestRecord, testsOf } from './record.ts';

/** XML 1.0 §2.2: other control characters cannot stand in a document, not even escaped. */
const allowed = (char: string) => /[\t\n\r\u0020-\ud7ff\ue000-\ufffd]/.test(char);

export const xml = (text: string): string =>
  [...text]
    .map((char) => (char.length > 1 || allowed(char) ? char : '\ufffd'))
    .join('')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');

const seconds = (ms: number) => (ms / 1000).toFixed(3);

const failure = (tag: string, cause: Cause | undefined, message: string) => {
  const text = [cause?.sentence ?? message, ...(cause?.advice ? [cause.advice] : [])].join('\n');
  return `<${tag} type="${xml(cause?.code ?? 'failed')}" message="${xml(cause?.sentence ?? message)}">${xml(text)}</${tag}>`;
};

const attemptsOf = ({ attempts, outcome }: TestRecord): string[] =>
  attempts
    .slice(0, -1)
    .map(({ message = 'failed' }) =>
      failure(outcome === 'passed' ? 'flakyFailure' : 'rerunFailure', undefined, message),
    );

const testCase = (record: TestRecord): string => {
  const { board, suite, test, ms, outcome, cause, why = '', log } = record;
  const inner = [
    ...(outcome === 'failed' ? [failure('failure', cause, record.attempts.at(-1)?.message ?? 'failed')] : []),
    ...(outcome === 'skipped' ? [`<skipped message="${xml(why)}"/>`] : []),
    ...attemptsOf(record),
    ...(log.length > 0 ? [`<system-out>${xml(log.join('\n'))}</system-out>`] : []),
  ];
  return `<testcase classname="${xml(`${board}.${suite}`)}" name="${xml(test)}" time="${seconds(ms)}">${inner.join('')}</testcase>`;
};

const phaseCase = ({ board, phase, ms, passed, cause, detail }: Phase): string =>
  `<testcase classname="${xml(`${board}.start`)}" name="${phase}" time="${seconds(ms)}">${passed ? '' : failure('failure', cause, detail)}</testcase>`;

type Counted = {
  readonly cases: readonly string[];
  readonly failed: number;
  readonly skipped: number;
  readonly ms: number;
};

const suiteText = (name: string, time: string, { cases, failed, skipped, ms }: Counted, more = '') =>
  `<testsuite name="${xml(name)}" tests="${cases.length}" failures="${failed}" errors="0" skipped="${skipped}" time="${seconds(ms)}" timestamp="${time}">\n${cases.join('\n')}\n${more}</testsuite>`;

const total = (items: readonly { readonly ms: number }[]) => items.reduce((sum, { ms }) => sum + ms, 0);

export const junitReport = ({ start, events, summary, consoles }: Run): string => {
  const suites = start.boards.flatMap(({ name }) => {
    const phases = phasesOf(events, name);
    const console = consoles[name] ? `<system-out>${xml(consoles[name])}</system-out>` : '';
    const first = suiteText(
      `${name}.start`,
      start.time,
      {
        cases: phases.map(phaseCase),
        failed: phases.filter(({ passed }) => !passed).length,
        skipped: 0,
        ms: total(phases),
      },
      console,
    );
    const tests = testsOf(events, name);
    const bySuite = [...new Set(tests.map(({ suite }) => suite))].map((suite) => {
      const own = tests.filter((test) => test.suite === suite);
      const count = (outcome: string) => own.filter((test) => test.outcome === outcome).length;
      return suiteText(`${name}.${suite}`, start.time, {
        cases: own.map(testCase),
        failed: count('failed'),
        skipped: count('skipped'),
        ms: total(own),
      });
    });
    return [first, ...bySuite];
  });
  const phaseCount = events.filter(({ event }) => event === 'phase').length;
  const all = summary.passed + summary.failed + summary.skipped + phaseCount - brokenPhases(events);
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="velocity rig" tests="${all}" failures="${summary.failed}" errors="0" skipped="${summary.skipped}" time="${seconds(summary.ms)}">\n${suites.join('\n')}\n</testsuites>\n`;
};

const brokenPhases = (events: Run['events']) => events.filter((e) => e.event === 'phase' && !e.passed).length;
