/** One spelling for loops that differ in registers and places only, and the way back for answers. */
import type { Operand, Operation } from '../../ebpf/instruction.ts';
import { mapRegisters, SpellingError, shiftOffset } from '../window/canonical.ts';
import { registersIn } from '../window/evaluate.ts';
import type { PlainOperation } from '../window/window.ts';
import type { LoopWindow, Turn, TurnOperation } from './loop.ts';
import type { Lanes } from './splice.ts';

export type LoopSpelling = {
  readonly turn: Turn;
  /** Register of the program for each register of the spelling: those of the turn, then free ones. */
  readonly names: readonly number[];
  /** What was taken off the offsets at each base (of the spelling). */
  readonly offsets: ReadonlyMap<number, number>;
};

const namedIn = (op: TurnOperation): number[] => {
  const { dst, src } = (op.kind === 'turn-branch' ? op.branch : op) as {
    dst: number;
    src?: number | Operand;
  };
  const source = typeof src === 'number' ? [src] : src?.kind === 'reg' ? [src.reg] : [];
  return [dst, ...source];
};

const mapTurn = (op: TurnOperation, to: (r: number) => number): TurnOperation => {
  if (op.kind !== 'turn-branch') return mapRegisters(op, to);
  const { branch } = op;
  const src: Operand = branch.src.kind === 'reg' ? { kind: 'reg', reg: to(branch.src.reg) } : branch.src;
  return { ...op, branch: { ...branch, dst: to(branch.dst), src } };
};

export const spellLoop = (window: LoopWindow): LoopSpelling => {
  const { operations, known, liveOut, free } = window;
  const order = [...new Set(operations.flatMap(namedIn))];
  const to = new Map(order.map((r, i) => [r, i]));
  const smallest = new Map<number, number>();
  for (const op of operations) {
    const base = op.kind === 'load' ? op.src : op.kind === 'store' ? op.dst : undefined;
    if (base === undefined) continue;
    const { off } = op as { off: number };
    smallest.set(base, Math.min(smallest.get(base) ?? off, off));
  }
  const shifted = (op: TurnOperation) =>
    op.kind === 'turn-branch' ? op : shiftOffset(op, (base) => -(smallest.get(base) ?? 0));
  return {
    turn: {
      operations: operations.map((op) => mapTurn(shifted(op), (r) => to.get(r)!)),
      known: new Map(
        [...known]
          .flatMap(([r, v]) => (to.has(r) ? [[to.get(r)!, v] as const] : []))
          .sort((a, b) => a[0] - b[0]),
      ),
      liveOut: registersIn(liveOut).reduce((mask, r) => mask | (1 << to.get(r)!), 0),
    },
    names: [...order, ...registersIn(free & 0x3ff)],
    offsets: new Map([...smallest].map(([r, off]) => [to.get(r)!, off])),
  };
};

/** An answer in the program's registers. @throws SpellingError when it names one that is not to be had */
export const unspellLanes = ({ names, offsets }: LoopSpelling, lanes: Lanes): Lanes => {
  const nameOf = (r: number) => {
    const name = names[r];
    if (name === undefined) throw new SpellingError(`r${r} is not a register of the loop`);
    return name;
  };
  const one = (op: Operation): Operation =>
    op.kind === 'ld_imm64'
      ? { ...op, dst: nameOf(op.dst) }
      : mapRegisters(
          shiftOffset(op as PlainOperation, (base) => offsets.get(base) ?? 0),
          nameOf,
        );
  return { before: lanes.before.map(one), turn: lanes.turn.map(one), after: lanes.after.map(one) };
};
