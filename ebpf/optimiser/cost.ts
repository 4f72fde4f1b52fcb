/** An estimate of executed instructions, for ordering candidates before anything better is known. */
import type { Operation } from '../instruction.ts';
import type { Code, Node } from './code.ts';
import { constantsOf } from './constants.ts';
import { calleesFirst } from './functions.ts';
import { blockOrdering } from './layout.ts';
import { loopsOf } from './loops.ts';

/** Instructions that a call of a helper is taken to execute; an estimate. */
const CALL = 20;
/** Around a function of the program: the call, the return, and two pairs of registers that are saved and restored; an estimate. */
const LOCAL_CALL = 6;

/** Turns assumed of a loop whose number of turns is not constant. */
const UNKNOWN_TRIPS = 16;

const weightOf = (op: Operation): number => {
  if (op.kind !== 'call') return 1;
  return op.form === 'local' ? LOCAL_CALL : op.form === 'helper' ? CALL : 1;
};

/** Turns of the loops around each node that is reached; in an order of blocks in which loops can be seen. */
const turnsOf = (code: Code): ReadonlyMap<Node, number> => {
  const reached = constantsOf(code);
  const loops = loopsOf(code);
  const turns = new Map<Node, number>();
  for (const [i, node] of code.entries()) {
    let times = reached[i] ? 1 : 0;
    for (const { header, latch, trips, visits } of loops)
      if (i >= header && i <= latch) times *= trips ?? (visits ? (visits.get(i) ?? 0) : UNKNOWN_TRIPS);
    turns.set(node, times);
  }
  return turns;
};

/** Sum over what each function executes, as often as it is called. */
export const estimateCost = (given: Code): number => {
  const code = blockOrdering.apply(given, { maps: [] }) ?? given;
  const turns = turnsOf(code);
  const [main] = code;
  const callersFirst = calleesFirst(code)?.toReversed() ?? [{ entry: main, nodes: code }];
  const calls = new Map<Node | undefined, number>([[main, 1]]);
  let cost = 0;
  for (const { entry, nodes } of callersFirst)
    for (const node of nodes) {
      const times = (turns.get(node) ?? 0) * (calls.get(entry) ?? 0);
      cost += times * weightOf(node.op);
      if (node.op.kind === 'call' && node.target)
        calls.set(node.target, (calls.get(node.target) ?? 0) + times);
    }
  return cost;
};
