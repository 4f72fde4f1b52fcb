/** Gives registers to names so that two orders of code, the slow and the fast, run in the same ones. */

import type { Random } from '../../ebpf/random.ts';
import { namesIn } from '../window/names.ts';
import type { PlainOperation } from '../window/window.ts';

const REGISTERS = 10;
const FRAME = 10;

type Range = { from: number; to: number };
type Ends = { readonly liveIn: ReadonlySet<number>; readonly liveOut: ReadonlySet<number> };

const rangesOf = (ops: readonly PlainOperation[], { liveIn, liveOut }: Ends): Map<number, Range> => {
  const ranges = new Map<number, Range>();
  for (const name of liveIn) ranges.set(name, { from: -1, to: -1 });
  for (const [i, op] of ops.entries())
    for (const name of namesIn(op)) {
      const range = ranges.get(name);
      if (range) range.to = i;
      else ranges.set(name, { from: i, to: i });
    }
  for (const name of liveOut) {
    const range = ranges.get(name);
    if (range) range.to = ops.length;
  }
  ranges.delete(FRAME);
  return ranges;
};

/** A value may end where another begins, in the same operation. */
const clash = (a: Range, b: Range): boolean =>
  (a.from < b.to && b.from < a.to) ||
  a.from === b.from ||
  (a.from === a.to && a.from === b.to) ||
  (b.from === b.to && b.from === a.to);

const clashIn = (ranges: Map<number, Range>, x: number, y: number): boolean => {
  const [a, b] = [ranges.get(x), ranges.get(y)];
  return a !== undefined && b !== undefined && clash(a, b);
};

/** A register for each name; undefined when there are too few. */
export const allocate = (
  orders: readonly (readonly PlainOperation[])[],
  ends: Ends,
  random: Random,
): ((name: number) => number) | undefined => {
  const ranges = orders.map((ops) => rangesOf(ops, ends));
  const names = [...new Set(ranges.flatMap((r) => [...r.keys()]))];
  const given = new Map<number, number>([[FRAME, FRAME]]);
  const spread = random.once(2);
  for (const name of names) {
    const used = new Set(
      names.filter((o) => given.has(o) && ranges.some((r) => clashIn(r, name, o))).map((o) => given.get(o)!),
    );
    const free = Array.from({ length: REGISTERS }, (_, r) => r).filter((r) => !used.has(r));
    if (free.length === 0) return undefined;
    given.set(name, spread ? random.pick(free) : free[0]!);
  }
  return (name) => given.get(name)!;
};
