/** What the registers of a turn are for. */
import type { Alu } from '../../../ebpf/instruction.ts';
import type { Turn, TurnOperation } from '../../loop/loop.ts';
import { registersIn } from '../../window/evaluate.ts';
import { namesIn, readBy, writtenBy } from '../../window/names.ts';

/** Registers that an operation or a branch names. */
export const namesOf = (op: TurnOperation): number[] => {
  if (op.kind !== 'turn-branch') return namesIn(op);
  const { dst, src } = op.branch;
  return src.kind === 'reg' ? [dst, src.reg] : [dst];
};

const readsOf = (op: TurnOperation): number[] => (op.kind === 'turn-branch' ? namesOf(op) : readBy(op));

/** Registers that the turn reads as the turn before left them. */
const carriedIn = (operations: readonly TurnOperation[]): Set<number> => {
  const written = new Set<number>();
  const carried = new Set<number>();
  for (const op of operations) {
    for (const r of readsOf(op)) if (!written.has(r)) carried.add(r);
    const to = op.kind === 'turn-branch' ? undefined : writtenBy(op);
    if (to !== undefined) written.add(to);
  }
  return new Set([...carried].filter((r) => written.has(r)));
};

const isCopy = (op: TurnOperation, to: number): op is Alu & { src: { kind: 'reg'; reg: number } } =>
  op.kind === 'alu' && op.op === 'mov' && op.dst === to && op.src.kind === 'reg';

/** Whether a register holds an element as it was loaded when the turn ends. */
const holdsElement = (operations: readonly TurnOperation[], register: number): boolean => {
  const loaded = new Set<number>();
  for (const op of operations) {
    const to = op.kind === 'turn-branch' ? undefined : writtenBy(op);
    if (to === undefined) continue;
    if (op.kind === 'load' || (isCopy(op, to) && loaded.has(op.src.reg))) loaded.add(to);
    else loaded.delete(to);
  }
  return loaded.has(register);
};

export type Accumulator = {
  readonly register: number;
  readonly width: 32 | 64;
  /** Registers that hold it behind the loop. */
  readonly copies: readonly number[];
};

export type Roles = {
  readonly accumulator: Accumulator | undefined;
  /** Holds the element before. */
  readonly previous: number | undefined;
};

const accumulatorOf = ({ operations, liveOut }: Turn, carried: ReadonlySet<number>, register: number) => {
  const copied = operations.flatMap((op) => (isCopy(op, register) ? [op.src.reg] : []));
  const copies = registersIn(liveOut).filter((r) => !carried.has(r));
  const last = operations.findLast(
    (op) => op.kind === 'alu' && [register, ...copied].includes(op.dst) && op.op !== 'mov',
  );
  return last?.kind === 'alu' && copies.every((r) => copied.includes(r))
    ? { register, width: last.width, copies }
    : undefined;
};

/** Undefined when it has more than an accumulator and the element before. */
export const rolesOf = (turn: Turn): Roles | undefined => {
  const { operations, liveOut } = turn;
  const carried = carriedIn(operations);
  const previous = [...carried].filter((r) => holdsElement(operations, r));
  const [register, more] = [...carried].filter((r) => !previous.includes(r));
  if (more !== undefined || previous.length > 1) return undefined;
  if (register !== undefined) {
    const accumulator = accumulatorOf(turn, carried, register);
    return accumulator && { accumulator, previous: previous[0] };
  }
  const results = registersIn(liveOut).filter((r) => !carried.has(r));
  return results.length > 0 ? undefined : { accumulator: undefined, previous: previous[0] };
};
