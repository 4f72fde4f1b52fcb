/** One spelling for windows that differ in registers and places only: what a model learns about one holds for all. */
import type { Operand } from '../../ebpf/instruction.ts';
import { registersIn } from './evaluate.ts';
import type { PlainOperation, Window } from './window.ts';

const FRAME = 10;

export type Spelling = {
  readonly window: Window;
  /** Register of the program for each register of the spelling. */
  readonly names: readonly number[];
  /** What was taken off the offsets at each base register (of the spelling). */
  readonly offsets: ReadonlyMap<number, number>;
};

export const mapRegisters = (op: PlainOperation, to: (r: number) => number): PlainOperation => {
  const operand = (o: Operand): Operand => (o.kind === 'reg' ? { kind: 'reg', reg: to(o.reg) } : o);
  switch (op.kind) {
    case 'alu':
      return { ...op, src: operand(op.src), dst: to(op.dst) };
    case 'movsx':
    case 'load':
      return { ...op, src: to(op.src), dst: to(op.dst) };
    case 'store':
      return { ...op, dst: to(op.dst), src: operand(op.src) };
    default:
      return { ...op, dst: to(op.dst) };
  }
};

/** Registers in the order in which the text of the operation names them. */
const named = (op: PlainOperation): number[] => {
  const source =
    'src' in op ? (typeof op.src === 'number' ? [op.src] : op.src.kind === 'reg' ? [op.src.reg] : []) : [];
  return [op.dst, ...source];
};

const baseOf = (op: PlainOperation): number | undefined =>
  op.kind === 'load' ? op.src : op.kind === 'store' ? op.dst : undefined;

const writes = (op: PlainOperation): number | undefined => (op.kind === 'store' ? undefined : op.dst);

/** Smallest offset at each register that is nothing but a base in the window. */
const smallestOffsets = (ops: readonly PlainOperation[]): Map<number, number> => {
  const smallest = new Map<number, number>();
  const other = new Set<number>();
  for (const op of ops) {
    const base = baseOf(op);
    if (base !== undefined) {
      const { off } = op as PlainOperation & { off: number };
      smallest.set(base, Math.min(smallest.get(base) ?? off, off));
    }
    const value = op.kind === 'store' && op.src.kind === 'reg' ? op.src.reg : undefined;
    if (value !== undefined) other.add(value);
    const written = writes(op);
    if (written !== undefined) other.add(written);
    if (op.kind === 'alu' && op.src.kind === 'reg') other.add(op.src.reg);
    if (op.kind === 'movsx') other.add(op.src);
  }
  for (const r of other) smallest.delete(r);
  return smallest;
};

export const shiftOffset = (op: PlainOperation, by: (base: number) => number): PlainOperation => {
  const base = baseOf(op);
  return base === undefined ? op : ({ ...op, off: (op as { off: number }).off + by(base) } as PlainOperation);
};

/** Registers named in order of appearance from r0 on (the frame stays r10), offsets counted from the smallest at their base. */
export const spell = (window: Window): Spelling => {
  const order = [...new Set(window.operations.flatMap(named))].filter((r) => r !== FRAME);
  const to = new Map(order.map((r, i) => [r, i]));
  to.set(FRAME, FRAME);
  const offsets = smallestOffsets(window.operations);
  const operations = window.operations.map((op) =>
    mapRegisters(
      shiftOffset(op, (base) => -(offsets.get(base) ?? 0)),
      (r) => to.get(r)!,
    ),
  );
  let liveOut = 0;
  for (const r of registersIn(window.liveOut)) if (to.has(r)) liveOut |= 1 << to.get(r)!;
  return {
    window: { operations, liveOut },
    names: order,
    offsets: new Map([...offsets].map(([r, off]) => [to.get(r)!, off])),
  };
};

/** A register or place that the window does not have. */
export class SpellingError extends Error {
  override name = 'SpellingError';
}

/** An answer in the program's own registers. @throws SpellingError when it names a register that the window does not use */
export const unspell = (spelling: Spelling, answer: readonly PlainOperation[]): PlainOperation[] =>
  answer.map((op) =>
    mapRegisters(
      shiftOffset(op, (base) => spelling.offsets.get(base) ?? 0),
      (r) => {
        const name = r === FRAME ? FRAME : spelling.names[r];
        if (name === undefined) throw new SpellingError(`r${r} is not a register of the window`);
        return name;
      },
    ),
  );
