/** A run for people: one line a test, and after a failure its cause. */
import type { Cause } from '../cause.ts';
import type { Phase, RigEvent, RunStarted, Summary, TestRecord } from './record.ts';

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

export const causeLines = (cause: Cause, indent: string): string[] => [
  `${indent}cause   ${cause.code}: ${cause.sentence.replaceAll('\n', `\n${indent}        `)}`,
  ...(cause.advice ? [`${indent}advice  ${cause.advice}`] : []),
];

const runLines = ({ boards, bench, folder }: RunStarted): string[] => [
  `bench    ${bench}: ${boards.map(({ name, kind, board }) => `${name} (${kind} ${board})`).join(', ')}`,
  `report   ${folder}`,
];

const phaseLines = ({ board, phase, passed, detail, ms, cause }: Phase): string[] => [
  `${passed ? 'ok  ' : 'FAIL'} ${board}  ${phase}: ${detail} (${seconds(ms)})`,
  ...(cause ? causeLines(cause, '       ') : []),
];

const marks = { passed: 'ok  ', failed: 'FAIL', skipped: 'skip' } as const;

const attemptLines = ({ attempts, retried }: TestRecord): string[] =>
  attempts.length < 2
    ? []
    : [
        `       tried ${attempts.length} times (${retried ?? ''}):`,
        ...attempts.map(
          ({ passed, message }, i) => `         ${i + 1}. ${passed ? 'passed' : `failed: ${message ?? ''}`}`,
        ),
      ];

const testLines = (record: TestRecord): string[] => {
  const { outcome, board, suite, test, ms, why, cause, log } = record;
  return [
    `${marks[outcome]} ${board}  ${suite}: ${test.replaceAll('_', ' ')} ${why ? `(${why})` : `(${seconds(ms)})`}`,
    ...attemptLines(record),
    ...(outcome === 'failed' ? log.map((line) => `       ${line}`) : []),
    ...(cause ? causeLines(cause, '       ') : []),
  ];
};

const summaryLines = ({ verdicts, ok, ms }: Summary): string[] => [
  '',
  ...verdicts.flatMap(({ board, passed, failed, skipped, retried, cause }) => [
    `${failed > 0 || passed === 0 ? 'FAIL' : 'ok  '} ${board}: ${passed} passed, ${failed} failed, ${skipped} skipped${retried > 0 ? `, ${retried} tried again` : ''}`,
    ...(cause ? causeLines(cause, '       ') : []),
  ]),
  `${ok ? 'every board is as it should be' : 'not every board is as it should be'} (${seconds(ms)})`,
];

/** The lines that an event prints; some print none. */
export const peopleLines = (event: RigEvent): string[] => {
  switch (event.event) {
    case 'run':
      return runLines(event);
    case 'phase':
      return phaseLines(event);
    case 'test':
      return testLines(event);
    case 'note':
      return [`note ${event.board}  ${event.text}`];
    case 'board_end':
      return [];
    case 'summary':
      return summaryLines(event);
  }
};
