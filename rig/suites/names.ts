/** The suites, in the order in which they run. */
export const suiteNames = ['boot', 'link', 'modules', 'conformance', 'swap', 'faults', 'soak'] as const;
export type SuiteName = (typeof suiteNames)[number];
