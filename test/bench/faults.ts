/** Faults injected on the board, and what it says about each of them. */
import { statusNamed } from '../../abi/index.ts';
import type { Response, VelocityLink } from '../../link/index.ts';

/** Places for evidence on the board (kernel-aarch64/telemetry/evidence.h). */
const BATCH = 16;
/** The address that the faulting code of the benchmark reads (kernel-aarch64/patch/bench.c), and its register. */
const FAR = 0xdead_0000_0000_0000n;
const REGISTER = 9;
const DATA_ABORT_AT_EL1 = 0x25n; // ESR_EL1.EC, Arm ARM D19.2.37

const isCorrect = (record: Response<'evidence'>) =>
  record.name === 'bench' &&
  record.reason === statusNamed('module_fault').code &&
  record.esr >> 26n === DATA_ABORT_AT_EL1 &&
  record.regs.length === 31 * 8 &&
  Buffer.from(record.regs).readBigUInt64LE(REGISTER * 8) === FAR;

export type FaultCount = { caught: number; correct: number };

/** Injects n faults; counts those that the board caught and rolled back, and the records that describe one correctly. */
export const injectFaults = async (link: VelocityLink, n: number): Promise<FaultCount> => {
  const count = { caught: 0, correct: 0 };
  while (count.caught < n) {
    const done = await link.request('bench', { what: 'fault', n: Math.min(BATCH, n - count.caught) });
    count.caught += done.n;
    for (const record of await link.evidenceAll()) {
      if (isCorrect(record)) count.correct += 1;
      await link.evidenceAck(record.id);
    }
  }
  return count;
};
