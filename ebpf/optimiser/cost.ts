/** An estimate of executed instructions, for ordering candidates before anything better is known. */
import type { Code } from './code.ts';
import { constantsOf } from './constants.ts';
import { blockOrdering } from './layout.ts';
import { loopsOf } from './loops.ts';

/** Instructions that a call of a helper is taken to execute; an estimate. */
const CALL = 20;

/** Turns assumed of a loop whose number of turns is not constant. */
const UNKNOWN_TRIPS = 16;

/** Sum over reachable nodes of the turns of the loops around them; in an order of blocks in which loops can be seen. */
export const estimateCost = (given: Code): number => {
  const code = blockOrdering.apply(given, { maps: [] }) ?? given;
  const reached = constantsOf(code);
  const loops = loopsOf(code);
  let cost = 0;
  for (const [i, { op }] of code.entries()) {
    if (!reached[i]) continue;
    let weight = op.kind === 'call' && op.form === 'helper' ? CALL : 1;
    for (const { header, latch, trips, visits } of loops)
      if (i >= header && i <= latch) weight *= trips ?? (visits ? (visits.get(i) ?? 0) : UNKNOWN_TRIPS);
    cost += weight;
  }
  return cost;
};
