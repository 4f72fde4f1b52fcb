/** Results that are known where a jump leaves for the end of the program: set at the end, not before. */

import { type Code, copyCode, type Node, nodeOf } from './code.ts';
import { constantsOf, type Known } from './constants.ts';
import { setTo } from './folding.ts';
import type { Move } from './rule.ts';
import { copyOf } from './webs.ts';

type Edge = { readonly node: Node; readonly value: bigint };

/** The register that an end returns: `exit`, or a copy to r0 and `exit`. */
const returned = (code: Code, target: Node): number | undefined => {
  if (target.op.kind === 'exit') return 0;
  const next = code[code.indexOf(target) + 1];
  const copy = copyOf(target.op);
  return next?.op.kind === 'exit' && copy?.dst === 0 ? copy.src : undefined;
};

const edgesOf = (code: Code): Edge[] => {
  const before = constantsOf(code);
  const edges: Edge[] = [];
  for (const [i, node] of code.entries()) {
    const { kind } = node.op;
    if ((kind !== 'branch' && kind !== 'jump') || !node.target || !before[i]) continue;
    const register = returned(code, node.target);
    const value: Known = register === undefined ? undefined : before[i][register];
    if (typeof value === 'bigint' && setTo(0, value)) edges.push({ node, value });
  }
  return edges;
};

/** Edges with one of these values lead to ends of their own. */
const redirect = (code: Code, values: readonly bigint[]): Code => {
  const copy = copyCode(code);
  const ends = new Map(values.map((v): [bigint, Node] => [v, nodeOf(setTo(0, v)!)]));
  for (const { node, value } of edgesOf(copy)) {
    const end = ends.get(value);
    if (end) node.target = end;
  }
  return [...copy, ...[...ends.values()].flatMap((end) => [end, nodeOf({ kind: 'exit' })])];
};

export const constantExits: Move = {
  name: 'constant-exits',
  doc: 'Sets a constant result at the end that jumps lead to, so that no register holds it until then.',
  sites: (code) => {
    const values = [...new Set(edgesOf(code).map((e) => e.value))].slice(0, 4);
    const all = values.length > 1 ? [redirect(code, values)] : [];
    return [...all, ...values.map((v) => redirect(code, [v]))];
  },
};
