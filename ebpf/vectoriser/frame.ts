/** Room in the frame for what has to be kept over calls. */
import type { Operation } from '../instruction.ts';
import type { Code } from '../optimiser/code.ts';

/** Register of the frame pointer, and bytes below it (RFC 9669 §2). */
export const FRAME = 10;
const STACK_BYTES = 512;

/** What can't be written, e.g. because too much would have to be kept. */
export class NoPlace extends Error {}

/** Lowest offset from the frame pointer that the program names. */
const lowestUsed = (code: Code): number => {
  let lowest = 0;
  for (const { op } of code) {
    const direct =
      op.kind === 'load'
        ? op.src === FRAME
        : (op.kind === 'store' || op.kind === 'atomic') && op.dst === FRAME;
    if (direct) lowest = Math.min(lowest, (op as Operation & { off: number }).off);
    if (op.kind === 'alu' && op.op === 'add' && op.src.kind === 'imm' && op.src.imm >= -STACK_BYTES)
      lowest = Math.min(lowest, op.src.imm);
  }
  return lowest;
};

/** Gives offsets of eight bytes each that the program does not use. @throws NoPlace when the frame is full */
export const freeSlots = (code: Code): (() => number) => {
  let at = Math.floor(lowestUsed(code) / 8) * 8;
  return () => {
    at -= 8;
    if (at < -STACK_BYTES) throw new NoPlace();
    return at;
  };
};
