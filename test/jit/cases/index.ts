import { aluCases } from './alu.ts';
import { callCases } from './call.ts';
import type { Case } from './case.ts';
import { jumpCases } from './jump.ts';
import { memoryCases } from './memory.ts';
import { type PacketCase, packetCases } from './packet.ts';

export type { Case } from './case.ts';
export { type PacketCase, packetCases };

/** All conformance cases but those of packets, by group of RFC 9669. */
export const caseGroups = (): Record<string, Case[]> => ({
  alu: aluCases(),
  jump: jumpCases(),
  memory: memoryCases(),
  call: callCases(),
});
