/** Functions of a program: which nodes each has, and which of them it calls. */
import { type Code, functionsOf, type Node, nodeOf, positionsOf, successors } from './code.ts';

export type FunctionCode = {
  /** Where calls lead. */
  readonly entry: Node;
  /** In the order of the program, behind a jump where the entry is not the first of them. */
  readonly nodes: Code;
  /** Entries of the functions that it calls, once for each call. */
  readonly callees: readonly Node[];
};

const functionAt = (code: Code, start: number, positions: ReadonlyMap<Node, number>): FunctionCode => {
  const reached = new Set<number>();
  const work = [start];
  for (let i = work.pop(); i !== undefined; i = work.pop()) {
    if (reached.has(i)) continue;
    reached.add(i);
    work.push(...successors(code, i, positions).filter((to) => !reached.has(to)));
  }
  const own = code.filter((_, i) => reached.has(i));
  const entry = code[start]!;
  const callees = own.flatMap(({ op, target }) => (op.kind === 'call' && target ? [target] : []));
  const nodes = own[0] === entry ? own : [nodeOf({ kind: 'jump', long: false, off: 0 }, entry), ...own];
  return { entry, nodes, callees };
};

/**
 * Every function before those that call it, the main one last. Undefined where one calls itself in the end, or two share a node: one
 * is jumped into, called in its middle, or runs into the next.
 */
export const calleesFirst = (code: Code): readonly FunctionCode[] | undefined => {
  const positions = positionsOf(code);
  const functions = functionsOf(code, positions).map((start) => functionAt(code, start, positions));
  const taken = functions.flatMap(({ nodes }) => nodes);
  if (new Set(taken).size !== taken.length) return undefined;
  const done = new Map<Node, FunctionCode>();
  let left = functions.toReversed();
  while (left.length > 0) {
    const ready = left.filter(({ callees }) => callees.every((callee) => done.has(callee)));
    if (ready.length === 0) return undefined;
    for (const one of ready) done.set(one.entry, one);
    left = left.filter(({ entry }) => !done.has(entry));
  }
  return [...done.values()];
};
