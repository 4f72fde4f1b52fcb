import { aluCases } from './alu.ts';
import { callCases } from './call.ts';
import type { Case } from './case.ts';
import { jumpCases } from './jump.ts';
import { memoryCases } from './memory.ts';
import { packetCases } from './packet.ts';

export type { Case } from './case.ts';
export { packetCases };

/** All conformance cases but those of packets, by group of RFC 9669. */
export const caseGroups = (): Record<string, Case[]> => ({
  alu: aluCases(),
  jump: jumpCases(),
  memory: memoryCases(),
  call: callCases(),
});
