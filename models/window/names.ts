/** Registers, or names in their place, that plain operations read and write. */
import type { PlainOperation } from './window.ts';

/** Whether what it writes depends on what was there. */
export const readsDestination = (op: PlainOperation): boolean =>
  op.kind === 'store' || op.kind === 'neg' || op.kind === 'swap' || (op.kind === 'alu' && op.op !== 'mov');

/** Names an operation touches. */
export const namesIn = (op: PlainOperation): number[] => {
  const src =
    'src' in op
      ? typeof op.src === 'number'
        ? op.src
        : op.src.kind === 'reg'
          ? op.src.reg
          : undefined
      : undefined;
  return src === undefined ? [op.dst] : [op.dst, src];
};

/** The name an operation writes. */
export const writtenBy = (op: PlainOperation): number | undefined =>
  op.kind === 'store' ? undefined : op.dst;

/** Names an operation reads. */
export const readBy = (op: PlainOperation): number[] =>
  namesIn(op).filter((_name, i) => i > 0 || readsDestination(op));
