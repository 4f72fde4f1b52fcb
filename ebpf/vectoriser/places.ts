/** Recognises loops that ask where the largest element is. What it takes a loop for may be wrong: proposals are judged. */
import {
  elementType,
  firstOf,
  type Live,
  type Load,
  load,
  MIN_ELEMENTS,
  outcomeOf,
  strideOf,
  takesLarger,
  usesRegistersOnly,
} from './elements.ts';
import { atTurn, type Condition, type Count, dataConditions, type TurningLoop, type Way } from './loop.ts';
import type { Plan } from './plan.ts';
import { constant, isConstant, keyOf, minus, type Value } from './value.ts';

type Compared = { readonly condition: Condition; readonly element: Load; readonly key: string };

/** The one condition on what is read, and its side that is read from another place in each turn. */
const comparedIn = (loop: TurningLoop, conditions: readonly Condition[]): Compared | undefined => {
  const [condition, other] = conditions;
  if (!condition || other) return undefined;
  for (const side of [condition.left, condition.right]) {
    const element = load(side);
    if (element && firstOf(loop, [element.at], element.size)) return { condition, element, key: keyOf(side) };
  }
  return undefined;
};

/** Where a register says which element is the best one: the number it starts with, and the step from element to element. */
const countedFrom = (
  loop: TurningLoop,
  register: number,
  taken: Value,
): { start: bigint; by: bigint } | undefined => {
  const by = strideOf(loop, taken);
  const first = atTurn(loop, taken, 0n);
  const start = loop.entry[register];
  if (by === undefined || by <= 0n || !usesRegistersOnly(taken) || !isConstant(first)) return undefined;
  if (typeof start !== 'bigint' || (start !== first.constant && start + by !== first.constant))
    return undefined;
  return { start, by };
};

/** if (data[i] > data[best]) best = i, whether or not the largest one is kept in a register of its own. */
export const placing = (
  loop: TurningLoop,
  { turns, counted, found }: Count,
  live: Live,
): Plan | undefined => {
  if (loop.again.length !== 2 || counted.length !== 2 || found.length > 0) return undefined;
  if (loop.again.some((w) => w.walk.stores.length > 0)) return undefined;
  for (let r = 0; r < 10; r++) {
    const own = keyOf(loop.atoms.register(r));
    const keeping = loop.again.find((w) => keyOf(w.walk.regs[r]!) === own);
    const taking = loop.again.find((w) => w !== keeping);
    if (!keeping || !taking || keyOf(taking.walk.regs[r]!) === own) continue;
    const taken = taking.walk.regs[r]!;
    const from = countedFrom(loop, r, taken);
    const compared = comparedIn(loop, dataConditions(loop, taking));
    if (!from || !compared || !takesLarger(compared.condition, compared.key)) continue;
    const { element, condition } = compared;
    const type = elementType(element, condition);
    const skipped = Number((atTurn(loop, taken, 0n).constant - from.start) / from.by);
    const first = minus(firstOf(loop, [element.at], element.size)!, constant(skipped * element.size));
    const isResult = (d: number, ways: readonly Way[]) => {
      const values = ways.map((w) => keyOf(w.walk.regs[d]!)).sort();
      return values.join() === [own, keyOf(taken)].sort().join();
    };
    const isLargest = (d: number, ways: readonly Way[]) =>
      ways.some((w) => keyOf(w.walk.regs[d]!) === compared.key) &&
      ways.every((w) => loop.steps.get(d) === undefined && !isConstant(w.walk.regs[d]!));
    const otherwise = outcomeOf(loop, counted, live(counted[0]!.to), turns - 1, (d, ways) => {
      if (isResult(d, ways)) return { kind: 'place', by: from.by, plus: constant(from.start) };
      const size = element.size as 1 | 2 | 4;
      return isLargest(d, ways) ? { kind: 'element', first, size, signed: element.signed } : undefined;
    });
    if (!type || !otherwise || turns + skipped < MIN_ELEMENTS) continue;
    const call = { helper: `vl_argmax_${type}`, args: [first, constant(turns + skipped)] };
    return { head: loop.head, body: loop.body, calls: [call], otherwise };
  }
  return undefined;
};
