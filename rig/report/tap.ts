/**
 * TAP version 13 (testanything.org), which 14 includes and Perl's own `prove` reads: phases and tests are test points, causes
 * are their diagnostics.
 */
import { stringify } from 'yaml';
import { type Phase, phasesOf, type Run, type TestRecord, testsOf } from './record.ts';

type Point = {
  readonly ok: boolean;
  readonly name: string;
  readonly directive: string;
  readonly more: object;
};

const escaped = (text: string) => text.replaceAll('\\', '\\\\').replaceAll('#', '\\#').replaceAll('\n', ' ');

const phasePoint = ({ board, phase, passed, detail, ms, cause }: Phase): Point => ({
  ok: passed,
  name: `${board} ${phase}: ${detail}`,
  directive: '',
  more: { duration_ms: ms, ...(cause ? { cause } : {}) },
});

const testPoint = (record: TestRecord): Point => ({
  ok: record.outcome !== 'failed',
  name: `${record.board} ${record.suite}: ${record.test}`,
  directive: record.outcome === 'skipped' ? ` # SKIP ${escaped(record.why ?? '')}` : '',
  more: {
    duration_ms: record.ms,
    ...(record.attempts.length > 1 ? { retried: record.retried, attempts: record.attempts } : {}),
    ...(record.cause ? { cause: record.cause } : {}),
  },
});

const pointText = ({ ok, name, directive, more }: Point, i: number): string => {
  const yaml = stringify(more, { lineWidth: 0 }).trimEnd().replaceAll(/^/gm, '  ');
  return `${ok ? 'ok' : 'not ok'} ${i + 1} - ${escaped(name)}${directive}\n  ---\n${yaml}\n  ...\n`;
};

export const tapReport = ({ start, events }: Run): string => {
  const points = start.boards.flatMap(({ name }) => [
    ...phasesOf(events, name).map(phasePoint),
    ...testsOf(events, name).map(testPoint),
  ]);
  return `TAP version 13\n1..${points.length}\n${points.map(pointText).join('')}`;
};
