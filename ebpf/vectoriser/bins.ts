/** Recognises loops that count in bins chosen by what they read. What it takes a loop for may be wrong: proposals are judged. */
import { firstOf, type Load, load, strideOf, usesRegistersOnly } from './elements.ts';
import { atTurn, type TurningLoop, type Way } from './loop.ts';
import type { HelperCall } from './plan.ts';
import { constant, keyOf, minus, type StoreSeen, type Value } from './value.ts';

type Binned = { readonly bins: Value; readonly element: Load };

/** A store that is bins[element] += 1. */
const binnedBy = ({ at, size, value }: StoreSeen): Binned | undefined => {
  const before = load(minus(value, constant(1)));
  if (size !== 4 || before?.size !== 4 || keyOf(before.at) !== keyOf(at)) return undefined;
  const index = at.terms.find(({ atom }) => atom.kind === 'load');
  if (index?.by !== 4n || index.atom.kind !== 'load') return undefined;
  if (index.atom.size !== 1 || index.atom.signed) return undefined;
  return { bins: minus(at, { constant: 0n, terms: [index] }), element: index.atom };
};

/** Every store of a turn counts in the same bins, and the elements follow each other. */
export const histogramCall = (loop: TurningLoop, { walk }: Way, turns: number): HelperCall | undefined => {
  const binned = walk.stores.map(binnedBy);
  const [one] = binned;
  if (!one || !binned.every((c) => c && keyOf(c.bins) === keyOf(one.bins))) return undefined;
  const places = binned.map((c) => c!.element.at);
  const data = firstOf(loop, places, 1);
  const bins = atTurn(loop, one.bins, 0n);
  if (!data || !usesRegistersOnly(bins) || strideOf(loop, one.bins) !== 0n) return undefined;
  return { helper: 'vl_histogram_u8', args: [bins, data, constant(turns * places.length)] };
};
