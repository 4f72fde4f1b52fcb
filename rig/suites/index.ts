/** Every test of the rig. */
import { bootSuite } from './boot.ts';
import { conformanceSuite } from './conformance.ts';
import { faultsSuite } from './faults.ts';
import { linkSuite } from './link.ts';
import { modulesSuite } from './modules.ts';
import type { SuiteName } from './names.ts';
import { steadySuite } from './steady.ts';
import type { Case } from './suite.ts';
import { swapSuite } from './swap.ts';

export { type Bench, type Case, DEFAULT_TIMEOUT_SECONDS } from './suite.ts';

const all: readonly Case[] = [
  ...bootSuite,
  ...linkSuite,
  ...modulesSuite,
  ...conformanceSuite,
  ...swapSuite,
  ...faultsSuite,
  ...steadySuite,
];

export type Selection = { readonly suites: readonly SuiteName[]; readonly filter?: string };

/** Names are matched with the suite's before them, without regard to case; spaces are as good as underscores. */
export const selectCases = ({ suites, filter }: Selection): Case[] => {
  const wanted = filter?.toLowerCase().replaceAll(' ', '_');
  return all.filter(
    ({ suite, name }) =>
      suites.includes(suite) && (!wanted || `${suite}:_${name}`.toLowerCase().includes(wanted)),
  );
};
