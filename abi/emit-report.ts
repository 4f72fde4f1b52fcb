/** Emits the numbers that a report of telemetry is made of, for the kernel, and their meaning for people. */
import { header } from './emit-c.ts';
import { REPORT_BINS, REPORT_LAST, REPORT_PLACE_BYTES, REPORT_VALUES, reportScalars } from './report.ts';

export const emitReport = () =>
  header(
    'report.ts',
    [
      `enum report_value {\n${Object.entries(reportScalars)
        .map(([name, doc]) => `    REPORT_${name.toUpperCase()}, /* ${doc} */`)
        .join(
          '\n',
        )}\n    REPORT_BINS, /* the first of the histogram's */\n    REPORT_VALUES = ${REPORT_VALUES},\n};`,
      `static_assert(REPORT_BINS == ${REPORT_BINS});`,
      `#define REPORT_LAST ${REPORT_LAST}u /* with the number of the last value of a place */\n#define REPORT_PLACE_BYTES ${REPORT_PLACE_BYTES}u /* what the changes of one place take at most */`,
    ].join('\n\n'),
  );

export const reportRows = (): (readonly [string, string, string])[] => [
  ...Object.entries(reportScalars).map(([name, doc], i) => [String(i), name, doc] as const),
  [
    `${REPORT_BINS}–${REPORT_VALUES - 1}`,
    'histogram',
    'calls that took [2^i, 2^(i+1)) cycles, bin by bin; their sum is the number of calls',
  ],
];
