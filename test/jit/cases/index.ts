import { aluCases } from './alu.ts';
import { callCases } from './call.ts';
import type { Case } from './case.ts';
import { jumpCases } from './jump.ts';
import { memoryCases } from './memory.ts';

export type { Case } from './case.ts';

/** All conformance cases, by group of RFC 9669. */
export const caseGroups = (): Record<string, Case[]> => ({
  alu: aluCases(),
  jump: jumpCases(),
  memory: memoryCases(),
  call: callCases(),
});
