/** Windows with a name of its own for each value that is computed in place, so that only true dependences are left. */
import { registersOf } from '../../ebpf/prover/flow.ts';
import { mapRegisters } from '../window/canonical.ts';
import { registersIn } from '../window/evaluate.ts';
import { readsDestination } from '../window/names.ts';
import type { PlainOperation, Window } from '../window/window.ts';

const FRAME = 10;
/** Names start here, so that they can't be taken for registers. */
export const FIRST_NAME = 16;

export type Webs = {
  readonly operations: readonly PlainOperation[];
  /** Names that hold something when the window starts. */
  readonly liveIn: ReadonlySet<number>;
  /** Names that are read behind the window. */
  readonly liveOut: ReadonlySet<number>;
  readonly nextName: number;
};

export const websOf = (window: Window): Webs => {
  const current = new Map<number, number>([[FRAME, FRAME]]);
  const liveIn = new Set<number>();
  let nextName = FIRST_NAME;
  const nameOf = (r: number) => {
    const known = current.get(r);
    if (known !== undefined) return known;
    const name = nextName++;
    current.set(r, name);
    liveIn.add(name);
    return name;
  };
  const operations = window.operations.map((op) => {
    const { reads } = registersOf(op);
    const names = new Map(registersIn(reads).map((r) => [r, nameOf(r)]));
    if (readsDestination(op)) return mapRegisters(op, (r) => names.get(r)!);
    const name = nextName++;
    current.set(op.dst, name);
    return { ...mapRegisters(op, (r) => names.get(r) ?? name), dst: name } as PlainOperation;
  });
  const liveOut = new Set(registersIn(window.liveOut).map(nameOf));
  return { operations, liveIn, liveOut, nextName };
};
